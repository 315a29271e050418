"""Names that commands take, checked without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.utils.swish_depths import SWISH_DEPTHS

SINGLE = ("natural", "fgsm", "pgd20", "pgd100", "cw", "cw-dat")
"""Evaluations that are one attack, or none."""

STAGED = (
    "apgd-ce",
    "apgd-dlr",
    "apgd-t",
    "fab",
    "fab-t",
    "square",
    "fmn",
    "autoattack",
    "autoattack-plus",
    "autoattack-rand",
    "autoattack-monitor",
)
"""AutoAttack, its parts and FMN: long enough to keep a state for `--resume`."""

MINIMUM_NORM = ("fab", "fmn")
"""Those of them that find minimal distances, for `--eps-curve`."""

EVALUATIONS = (*SINGLE, *STAGED)
"""Keys of `EVALUATIONS` in evaluation/suites.py, which imports the attacks."""

ARCHITECTURES = (
    *("resnet18", "preactresnet18", "wrn-34-10", "wrn-28-10", "wrn-70-16"),
    "resnet8",
    "swish-preactresnet18",
    *(f"swish-wrn-{depth}" for depth in SWISH_DEPTHS),
    "resnet50",
    *(f"keras_cv/resnet{depth}" for depth in (18, 34, 50, 101, 152)),
    *(f"keras_cv/resnet{depth}_v2" for depth in (18, 34, 50, 101, 152)),
    *(f"keras_cv/densenet{depth}" for depth in (121, 169, 201)),
    "keras_cv/vgg16",
)
"""Keys of `ARCHITECTURES` in architectures/__init__.py, likewise."""

CORRUPTIONS = (
    *("gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur"),
    *("glass_blur", "motion_blur", "zoom_blur", "snow", "frost", "fog"),
    *("brightness", "contrast", "elastic_transform", "pixelate"),
    *("jpeg_compression", "speckle_noise", "gaussian_blur", "spatter"),
    "saturate",
)
"""Keys of `dat_keras.corruptions.CORRUPTIONS`, likewise."""

LOGS = ("tensorboard", "wandb", "mlflow")
"""Keys of `LOGGERS` in training/loggers.py, which imports TensorFlow."""

PROTOCOLS = ("strict", "dat")
"""Keys of `dat_keras.evaluation.protocols.PROTOCOLS`, likewise."""


@dataclass(frozen=True)
class CertifierOptions:
    """What a certification method takes.

    Args:
        norm: The norm that it certifies in.
        takes: Options of its own.
        needs: Those of them without a default.
    """

    norm: str
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


CERTIFIERS = {
    "ibp": CertifierOptions("linf"),
    "crown-ibp": CertifierOptions("linf"),
    "smoothing": CertifierOptions("l2", ("sigma", "draws"), ("sigma",)),
}
"""Options by key of `dat_keras.evaluation.certifiers.CERTIFIERS`."""

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

METHODS = (
    *("natural", "fgsm-rs", "n-fgsm", "free-at", "grad-align", "pgd-at"),
    *("trades", "mart", "st", "scarl", "las-at", "las-trades", "oa-at"),
    *("ard", "rslad", "dajat", "idbh", "ibp", "dat"),
)
"""Keys of `dat_keras.objectives.OBJECTIVES`, likewise."""

IMAGENET = ("natural", "pgd-at", "trades", "dat")
"""Methods that have a recipe for ImageNet."""

ADDITIONS = (
    *("awp", "swa", "grad-align", "cutout", "cutmix", "mixup"),
    *("autoaugment", "randaugment", "no-augment", "aag", "max", "avg"),
    *("msd", "e-at", "single-step"),
    *("base-only", "no-js", "no-mixup", "no-split-bn", "no-aag", "z-only"),
    *("z-onehot", "single-ae"),
)
"""Keys of `dat_keras.recipes.ADDITIONS` that completion offers."""


def recipe_names() -> list[str]:
    """Returns the names of recipes for a method alone.

    Those with additions and of own settings are in `dat-keras list
    --recipes`.

    Example:
    >>> recipe_names()[0]
    'natural-cifar10-resnet18'
    """
    places = [
        f"{dataset}-{architecture}"
        for dataset in ("cifar10", "cifar100", "tiny_imagenet")
        for architecture in ("resnet18", "wrn-34-10", "wrn-28-10")
    ]
    places += ["shapes-resnet8", "cifar10-resnet8"]
    return [
        *(f"{method}-{place}" for method in METHODS for place in places),
        *(f"{method}-imagenet2012-resnet50" for method in IMAGENET),
    ]

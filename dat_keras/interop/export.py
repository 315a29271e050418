"""Export to Keras, SavedModel, ONNX and TFLite, with compared logits."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dat_keras.utils.errors import MissingPackageError
from dat_keras.utils.registry import lookup
from dat_keras.zoo.errors import ConflictError, RefusedContentError

if TYPE_CHECKING:
    import keras

TOLERANCE = 1e-4
"""Largest difference of a logit, beyond rounding of its size."""

IMAGES = 4
"""Images that are compared."""


@dataclass(frozen=True)
class Format:
    """A format to export to.

    Args:
        suffix: Suffix of the file; none of a folder.
        write: Writes a model to a path.
        run: Returns the logits of images, by what was written.
        needs: Packages to write it.
        checks_with: Package to read it back; without it nothing is compared.
    """

    suffix: str
    write: Callable[[keras.Model, Path], None]
    run: Callable[[Path, np.ndarray], np.ndarray]
    needs: tuple[str, ...] = ()
    checks_with: str = "keras"


def checked(format: str, output: Path) -> Format:
    """The format of a name, if the output can be written in it.

    Args:
        format: Key of `FORMATS`.
        output: A file, or a folder for `"saved_model"`; it must not exist.

    Raises:
        ValueError: If the format is unknown or the suffix is another's.
        MissingPackageError: If a package for the format is not installed.
        ConflictError: If something is there.

    Example:
    >>> checked("keras", Path("nowhere.keras")).suffix
    '.keras'
    """
    chosen = lookup(FORMATS, format, "format")
    if chosen.suffix != output.suffix and chosen.suffix:
        raise ValueError(
            f"`output` must end in {chosen.suffix} for the format {format}. "
            f"Received: {output}"
        )
    missing = [name for name in chosen.needs if not _installed(name)]
    if missing:
        raise MissingPackageError(
            f"the format {format} needs packages: pip install "
            + " ".join(missing)
        )
    if output.exists():
        raise ConflictError(f"{output} exists", "choose another --output")
    return chosen


def export(model: keras.Model, format: str, output: Path) -> bool:
    """Writes a classifier by Keras' own export, and compares its logits.

    The result is written to a temporary sibling and renamed once it has
    passed.

    Args:
        model: Maps images to logits; of a branched one, branch 0 is taken.
        format: Key of `FORMATS`.
        output: A file, or a folder for `"saved_model"`; it must not exist.

    Returns:
        Whether the logits were compared; a format without its runtime
        cannot be.

    Raises:
        RefusedContentError: If the logits differ; nothing is left.
        DatKerasError: If the output cannot be written, see `checked`.

    Example:
    >>> from dat_keras.architectures import ResNet8
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export(ResNet8(3, width=2), "keras", Path(folder) / "net.keras")
    True
    """
    from dat_keras.zoo.bundle.write import base_of

    chosen = checked(format, output)
    model, place = base_of(model), output.absolute()
    shape = (IMAGES, *model.input_shape[1:])
    x = np.random.default_rng(0).random(shape, np.float32)
    # Keras exports to ONNX only what has been called.
    wanted = np.asarray(model(x, training=False))
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".") as name:
        beside = Path(name) / f"model{chosen.suffix}"
        # Keras prints where it wrote; stdout is for results.
        with contextlib.redirect_stdout(sys.stderr):
            chosen.write(model, beside)
        compared = _installed(chosen.checks_with)
        if compared:
            _compare(np.asarray(chosen.run(beside, x)), wanted)
        beside.rename(place)
    return compared


def _compare(found: np.ndarray, wanted: np.ndarray) -> None:
    if found.shape != wanted.shape or not np.allclose(
        found, wanted, rtol=TOLERANCE, atol=TOLERANCE
    ):
        raise RefusedContentError(
            "the exported model gives other logits than this one",
            "nothing was written",
        )


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _write_keras(model: keras.Model, path: Path) -> None:
    model.save(path)


def _writer(format: str) -> Callable[[keras.Model, Path], None]:
    return lambda model, path: model.export(path, format=format, verbose=False)


def _write_onnx(model: keras.Model, path: Path) -> None:
    from dat_keras.interop.constants import tensors_as_constants

    with warnings.catch_warnings(), tensors_as_constants(model):
        # Keras looks for a name that NumPy 2 warns of.
        warnings.simplefilter("ignore", FutureWarning)
        model.export(path, format="onnx", verbose=False)


def _run_keras(path: Path, x: np.ndarray) -> np.ndarray:
    import keras

    model = keras.saving.load_model(path, compile=False)
    return model(x, training=False)


def _run_saved_model(path: Path, x: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    # Its function holds the loaded weights by weak references only.
    loaded = tf.saved_model.load(path)
    return loaded.serve(x)


def _run_tflite(path: Path, x: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    with warnings.catch_warnings():
        # TensorFlow announces that the interpreter will move.
        warnings.simplefilter("ignore")
        resolver = tf.lite.experimental.OpResolverType
        interpreter = tf.lite.Interpreter(
            str(path),
            # The default delegate announces itself on stderr.
            experimental_op_resolver_type=resolver.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    (images,) = interpreter.get_input_details()
    (logits,) = interpreter.get_output_details()
    interpreter.resize_tensor_input(images["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(images["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(logits["index"])


def _run_onnx(path: Path, x: np.ndarray) -> np.ndarray:
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(str(path))
    return session.run(None, {session.get_inputs()[0].name: x})[0]


FORMATS: dict[str, Format] = {
    "keras": Format(".keras", _write_keras, _run_keras),
    "saved_model": Format("", _writer("tf_saved_model"), _run_saved_model),
    "onnx": Format(
        ".onnx", _write_onnx, _run_onnx, ("tf2onnx",), "onnxruntime"
    ),
    "tflite": Format(".tflite", _writer("litert"), _run_tflite),
}
"""Formats by name."""

"""`dat-keras export`: a classifier for other runtimes."""

from __future__ import annotations

from pathlib import Path

import click

from dat_keras.cli import _complete
from dat_keras.cli._errors import verbose_option
from dat_keras.cli._hub import connect
from dat_keras.cli._options import weights_option
from dat_keras.utils.runtime import quiet_tensorflow

EXAMPLES = """\b
Examples:
  dat-keras export runs/shapes-dat --format tflite --output net.tflite
  dat-keras export runs/shapes-dat --format saved_model --output served/1
"""


@click.command(epilog=EXAMPLES)
@click.argument(
    "source", metavar="RUN_OR_MODEL", shell_complete=_complete.sources
)
@click.option(
    "--format",
    "format_name",
    required=True,
    help="keras, saved_model, onnx or tflite.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="File, or folder for saved_model; it must not exist.",
)
@weights_option
@verbose_option
def export(
    source: str, format_name: str, output: Path, weights: str, verbose: bool
) -> None:
    """Write RUN_OR_MODEL by Keras' own export and compare its logits.

    RUN_OR_MODEL is what `evaluate` takes. The exported model maps images in
    [0, 1] to logits; one whose logits differ is not kept.
    """
    from dat_keras.interop.export import checked
    from dat_keras.interop.export import export as write
    from dat_keras.zoo.commands.sources import check_arguments, check_source

    checked(format_name, output)
    check_source(source, weights)
    if weights != "best":
        check_arguments(source, weights)
    quiet_tensorflow(verbose)
    from dat_keras.zoo.commands.load import load_source

    hub = connect(quiet=False, verbose=verbose)
    model = load_source(source, weights, hub).model
    if not write(model, format_name, output):
        click.echo("not compared: its runtime is not installed", err=True)
    click.echo(str(output))

"""`dat-keras import-torch`: a PyTorch state dict as a model of this library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dat_keras.cli._hub import emit, output_options
from dat_keras.cli._types import FractionType
from dat_keras.utils.runtime import quiet_tensorflow

if TYPE_CHECKING:
    from dat_keras.zoo.cards.spec import ModelSpec

EXAMPLES = """\b
Examples:
  dat-keras import-torch model.pt --architecture wrn-28-10 -o wrn
  dat-keras import-torch net.pth --architecture preactresnet18 \\
      --mean 0.4914,0.4822,0.4465 --std 0.2471,0.2435,0.2616 \\
      --dataset cifar10 --norm l2 --eps 0.5 -o net
  dat-keras evaluate net
"""


class Channels(click.ParamType):
    """A number for each channel, separated by commas.

    Example:
    >>> Channels().convert("0.5,0.4,1/4", None, None)
    (0.5, 0.4, 0.25)
    """

    name = "r,g,b"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[float, ...]:
        """Returns the numbers."""
        number = FractionType()
        return tuple(
            number.convert(part.strip(), param, ctx)
            for part in value.split(",")
        )


@click.command("import-torch", epilog=EXAMPLES)
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option(
    "--architecture",
    required=True,
    help="resnet18, preactresnet18, wrn-28-10, wrn-34-10 or wrn-70-16, or with "
    "Swish swish-preactresnet18 or swish-wrn-28, -34, -70, -82, -94, -106, of "
    "any width.",
)
@click.option(
    "--num-classes",
    type=click.IntRange(1),
    help="Number of classes that the checkpoint must have.",
)
@click.option(
    "--mean",
    type=Channels(),
    help="Mean per channel for normalisation; not needed where the "
    "checkpoint has it as a buffer.",
)
@click.option(
    "--std",
    type=Channels(),
    help="Standard deviation per channel; likewise.",
)
@click.option(
    "--dataset",
    help="Data set it was trained on; without it, `evaluate` needs --dataset.",
)
@click.option(
    "--norm", default="linf", show_default=True, help="linf, l2 or l1."
)
@click.option(
    "--eps",
    type=FractionType(),
    help="Radius it was trained for.  [default: 8/255; l2: 0.5]",
)
@click.option(
    "--image-size", type=click.IntRange(1), default=32, show_default=True
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to write.",
)
@click.option("--force", is_flag=True, help="Replace a model in --output.")
@output_options
def import_torch(
    checkpoint: Path,
    output: Path,
    force: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **request: Any,
) -> None:
    """Read the PyTorch state dict CHECKPOINT into a folder.

    CHECKPOINT is a .pt or .pth file of PyTorch 1.6 or later, or a
    .safetensors file. Nothing pickled in it is run, and PyTorch need not be
    installed.
    """
    from dat_keras.interop.torch.checkpoint import open_checkpoint
    from dat_keras.interop.torch.names import NAMINGS, sort_out
    from dat_keras.interop.torch.request import Request
    from dat_keras.zoo.bundle.folder import check_target
    from dat_keras.zoo.cards.spec import UNKNOWN_DATASET

    if request["dataset"] is None:
        request["dataset"] = UNKNOWN_DATASET
    wanted = Request(**request)
    check_target(output, force)
    with open_checkpoint(checkpoint) as state:
        sort_out(state, NAMINGS[wanted.architecture])
    quiet_tensorflow(verbose)
    from dat_keras.interop.torch.convert import import_torch as convert

    spec = convert(checkpoint, wanted, output, force)
    if not spec.kwargs.get("mean_std") and not quiet:
        click.echo(
            "no mean and std: the model gets pixels in [0, 1] as they are",
            err=True,
        )
    if spec.dataset == UNKNOWN_DATASET and not quiet:
        click.echo(
            f"no --dataset: name it with `evaluate {output} --dataset NAME`",
            err=True,
        )
    if as_json:
        emit(_facts(spec, output))
        return
    click.echo(f"{spec.architecture}, {len(spec.class_names)} classes")
    click.echo(str(output))


def _facts(spec: ModelSpec, output: Path) -> dict[str, Any]:
    return {
        "folder": str(output),
        "architecture": spec.architecture,
        "arguments": dict(spec.kwargs),
        "num_classes": len(spec.class_names),
        "checkpoint_sha256": spec.training["checkpoint_sha256"],
    }

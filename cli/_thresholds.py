"""`--fail-under`: an evaluation that ends with an exit code of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from dat_keras.cli._errors import Failure
from dat_keras.utils.overrides import number

if TYPE_CHECKING:
    from dat_keras.evaluation.report import Report

Threshold = tuple[str, float]
"""Name of an attack, and the accuracy that is enough."""

EXIT_CODE = 9


class ThresholdType(click.ParamType):
    """An attack and an accuracy, such as `autoattack=0.4`.

    Example:
    >>> ThresholdType().convert("pgd20=2/5", None, None)
    ('pgd20', 0.4)
    """

    name = "attack=accuracy"

    def convert(
        self,
        value: str | Threshold,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Threshold:
        """Returns name and accuracy."""
        if isinstance(value, tuple):
            return value
        name, _, text = value.partition("=")
        try:
            accuracy = number(text)
        except ValueError:
            accuracy = -1.0
        if not name.strip() or not 0.0 <= accuracy <= 1.0:
            self.fail(
                "expected an attack and an accuracy in [0, 1], such as "
                f"autoattack=0.4. Received: {value}",
                param,
                ctx,
            )
        return name.strip(), accuracy


def check_thresholds(
    thresholds: Iterable[Threshold], attacks: Sequence[str]
) -> None:
    """Refuses a threshold for an attack that is not run.

    Args:
        thresholds: Values of `--fail-under`.
        attacks: Names in `--attack`.
    """
    seen = set()
    for name, _ in thresholds:
        if name not in ("natural", *attacks):
            raise click.UsageError(
                f"--fail-under {name} needs {name} in --attack. "
                f"Received: --attack {','.join(attacks)}"
            )
        if name in seen:
            raise click.UsageError(f"--fail-under {name} is given twice.")
        seen.add(name)


def apply_thresholds(
    reports: Mapping[str, Report], thresholds: Sequence[Threshold]
) -> None:
    """Fails if an accuracy is below its threshold.

    Args:
        reports: Reports by name of the model.
        thresholds: Values of `--fail-under`.

    Raises:
        Failure: With `EXIT_CODE`, and all that is too low.
    """
    from dat_keras.evaluation.protocols import PROTOCOLS

    low = []
    for model, report in reports.items():
        variants = PROTOCOLS[report.protocol].variants
        for name, least in thresholds:
            accuracy = report[variants.get(name, name)].accuracy
            if accuracy < least:
                low.append(f"{model}: {name} {accuracy:.4f} < {least:g}")
    if low:
        raise Failure(f"--fail-under: {'; '.join(low)}", EXIT_CODE)

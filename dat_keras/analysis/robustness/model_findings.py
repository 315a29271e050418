"""The main numbers of one classifier in words."""

from __future__ import annotations

from dat_keras.analysis.robustness.corruption_numbers import (
    corruption_finding,
)
from dat_keras.analysis.robustness.model_robustness import (
    ModelRobustness,
    radius_text,
)


def model_findings(model: ModelRobustness, eps: float, total: int) -> list[str]:
    """Returns one line for each measurement.

    Args:
        model: What was measured.
        eps: Radius of the report, one of the curve's.
        total: Number of images of the curve.
    """
    at = next(point for point in model.curve if point.eps == eps)
    then = [point.correct for point in model.apgd if point.eps == eps]
    lines = [
        f"natural {_share(model.curve[0].correct, total)}, robust "
        f"{_share(at.correct, total)} at eps {radius_text(eps)} under PGD-20"
        + "".join(f", {_share(count, total)} with APGD" for count in then)
    ]
    for run in model.autoattack:
        left = _share(run.parts[-1][1], run.n_examples)
        lines.append(f"{left} left of {run.title()}")
    lines += [
        f"{run.attack}: {run.distances.text()}" for run in model.distances
    ]
    lines += [corruption_finding(each) for each in model.corruptions]
    for union in model.unions:
        # Of equal ones the last, which began where the others had ended.
        attack, count = min(reversed(union.worst.items()), key=lambda a: a[1])
        worst = _share(count, union.first.n_examples)
        lines.append(f"worst case {worst} under {attack}: {union.title()}")
    return lines + [found.finding() for found in model.certificates]


def _share(correct: int, total: int) -> str:
    return f"{100 * correct / total:.1f} %"

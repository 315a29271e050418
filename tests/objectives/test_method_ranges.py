"""Every number that sets up a training method has a range."""

import dataclasses
import typing

import pytest

from dat_keras.objectives import (
    ARD,
    DAJAT,
    DAT,
    IDBH,
    LASAT,
    LASTRADES,
    MART,
    OAAT,
    OBJECTIVES,
    PGDAT,
    RSLAD,
    SCARL,
    ST,
    TRADES,
    FreeAT,
    GradAlign,
    Natural,
)
from dat_keras.objectives.dat.amplitude_mixup import AmplitudeMixup
from dat_keras.objectives.las_at.policy import Policy
from dat_keras.objectives.las_at.strategy import Reward
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.utils.overrides import override
from dat_keras.utils.ranges import ranges_of

SETTINGS = {
    **OBJECTIVES,
    "policy": Policy,
    "reward": Reward,
    "amplitude mix-up": AmplitudeMixup,
    "weight perturbation": WeightPerturbation,
}
# Coordinates of word vectors have any size and sign.
UNBOUNDED = {("scarl", "words")}


def numeric(hint):
    """Whether an annotation holds numbers, also inside a tuple or a union."""
    return hint in (int, float) or any(map(numeric, typing.get_args(hint)))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_number_has_a_range(name):
    cls = SETTINGS[name]
    hints = typing.get_type_hints(cls)
    numbers = {
        f.name for f in dataclasses.fields(cls) if numeric(hints[f.name])
    }
    missing = numbers - ranges_of(cls).keys()
    assert missing == {field for owner, field in UNBOUNDED if owner == name}


@pytest.mark.parametrize(
    ("cls", "field", "value"),
    [
        *((c, "beta", -1.0) for c in (TRADES, MART, ST, SCARL, DAJAT, DAT)),
        *(
            (c, "label_smoothing", 2.0)
            for c in (Natural, PGDAT, TRADES, MART, ST, SCARL, OAAT, IDBH, DAT)
        ),
        (FreeAT, "replays", 0),
        (FreeAT, "step_size", -0.1),
        (FreeAT, "batch_size", 0),
        (GradAlign, "weight", -1.0),
        (ARD, "alpha", 1.5),
        (ARD, "temperature", 0.0),
        (RSLAD, "alpha", -0.1),
        (DAT, "attack_label_smoothing", -0.1),
        (DAT, "omega", -1.0),
        (DAT, "generator_learning_rate", -1.0),
        (DAJAT, "omega", -1.0),
        (DAJAT, "ramp", 1.5),
        (DAJAT, "augmentations", -1),
        (IDBH, "warmup", -0.5),
        (SCARL, "geometry", -1.0),
        (SCARL, "mutual_information", -1.0),
        (OAAT, "beta", -1.0),
        (OAAT, "decay", 2.0),
        (OAAT, "mix", 2.0),
        (OAAT, "mix_eps", -0.1),
        (OAAT, "final_beta", float("nan")),
        (OAAT, "perceptual", -1.0),
        (OAAT, "stages", 0),
        (LASAT, "true_class", 0.0),
        (LASAT, "true_class", 1.5),
        (LASTRADES, "beta_grid", (5, -1)),
        (Policy, "eps_grid", (3, -1)),
        (Policy, "steps_grid", (0, 1)),
        (Policy, "step_size_grid", (-1,)),
        (Policy, "policy_learning_rate", -1.0),
        (Policy, "policy_momentum", 1.0),
        (Policy, "policy_weight_decay", -1.0),
        (Reward, "loss_cap", 0.0),
        (Reward, "interval", 0),
        (Reward, "robust", -1.0),
        (AmplitudeMixup, "mu", 1.5),
        (WeightPerturbation, "gamma", -1.0),
        (WeightPerturbation, "start", 2.0),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_numbers_outside_are_refused(cls, field, value):
    with pytest.raises(ValueError, match=f"`{field}` must be .* Received: "):
        cls(**{field: value})
    text = ",".join(map(str, value if isinstance(value, tuple) else [value]))
    if getattr(cls(), field) is not None:
        with pytest.raises(ValueError, match=f"`{field}` (must|holds)"):
            override(cls(), f"{field}={text}")


@pytest.mark.parametrize("name", SETTINGS)
def test_bounds_are_valid(name):
    """Zero turns a term off; a share may be everything."""
    cls = SETTINGS[name]
    for field, allowed in ranges_of(cls).items():
        for bound in (allowed.low, allowed.high):
            kind = type(getattr(cls(), field))
            if bound in allowed and kind in (int, float):
                dataclasses.replace(cls(), **{field: kind(bound)})

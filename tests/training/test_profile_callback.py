"""Profiles of training steps, read back."""

import pytest

from dat_keras.objectives import Natural
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel
from dat_keras.training.profile_callback import (
    ProfileSteps,
    _type_of,
    operation_times,
)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("while/body/conv1/Conv2D:_MklNativeConv2D", "_MklNativeConv2D"),
        ("Relu:Relu#id=3,shape=(8,)#", "Relu"),
        ("ExecutorState::Process", ""),
        ("$threading.py:637 wait", ""),
        ("call:__inference_train_step_81", ""),
        ("idle", ""),
    ],
)
def test_operations_are_told_from_what_surrounds_them(event, kind):
    assert _type_of(event) == kind


@pytest.mark.parametrize("steps", [2, 50])
def test_a_run_is_profiled_also_if_it_ends_first(
    steps, tiny_model, batch, tmp_path
):
    model = AdversarialModel(tiny_model, Natural())
    model.compile(optimizer=SGD(0.1))
    said = []
    profile = ProfileSteps(tmp_path, said.append, first=1, steps=steps)
    model.fit(*batch, batch_size=2, epochs=1, verbose=0, callbacks=[profile])
    assert len(said) == 1
    assert said[0].startswith("operation ")
    names = {t.name for t in operation_times(tmp_path)}
    assert any("Conv2DBackpropFilter" in name for name in names)


def test_a_folder_without_a_profile_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no profile"):
        operation_times(tmp_path)

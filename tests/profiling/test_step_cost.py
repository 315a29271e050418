"""Arithmetic and time of a training step."""

import pytest

from dat_keras.architectures import ResNet8, ResNet18
from dat_keras.objectives import PGDAT
from dat_keras.optimizers import SGD
from dat_keras.profiling.machine import describe
from dat_keras.profiling.pass_counts import Passes
from dat_keras.profiling.step_cost import measure, multiply_adds, random_batch
from dat_keras.training.model import AdversarialModel


@pytest.mark.parametrize(
    ("net", "shape", "expected"),
    [
        # The published counts of the paper's backbone.
        (ResNet18, (32, 32, 3), 0.555e9),
        (ResNet18, (64, 64, 3), 2.22e9),
        # stem, then three stages: two or three convolutions each.
        (
            ResNet8,
            (32, 32, 3),
            1024 * 9 * (3 * 16 + 2 * 16 * 16)
            + 256 * (9 * (16 * 32 + 32 * 32) + 16 * 32)
            + 64 * (9 * (32 * 64 + 64 * 64) + 32 * 64)
            + 64 * 10,
        ),
    ],
)
def test_multiply_adds_are_those_of_the_formula(net, shape, expected):
    found = multiply_adds(net(10, input_shape=shape))
    assert found == pytest.approx(expected, rel=2e-3)


def test_a_measured_step_is_timed_counted_and_taken(tiny_model):
    model = AdversarialModel(tiny_model, PGDAT())
    model.compile(optimizer=SGD(0.1))
    batch = random_batch(4, (8, 8, 3), 4)
    cost = measure(model, batch, Passes(3, 2, 1), rounds=2, warm=1)
    assert int(model.step.numpy()) == 3
    assert len(cost.seconds) == 2
    # 3 + 2 + 2 * 1 passes of 4 images, two operations a multiply-add.
    assert cost.flops == 2 * multiply_adds(tiny_model) * 4 * 7
    assert cost.gigaflops == pytest.approx(cost.flops / cost.median / 1e9)


def test_the_machine_names_its_vector_units(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("model name : Abacus\nflags : sse avx2 avx512_bf16\n")
    found = describe(cpuinfo)
    assert found["processor"] == "Abacus"
    assert found["vector units"] == "avx2, avx512_bf16"
    assert describe(tmp_path / "none")["vector units"] == ""

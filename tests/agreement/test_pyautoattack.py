"""AutoAttack in L1 against the public package, on a PyTorch twin of a net."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from toy_nets import assert_agree, opinionated

from dat_keras.attacks import PARTS
from dat_keras.attacks.square_moves import SparseWaves
from dat_keras.core.threat_models import L1
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.evaluate import evaluate

torch = pytest.importorskip("torch", reason="needs the extra `torch`")
autopgd = pytest.importorskip(
    "pyautoattack.autopgd_base", reason="needs the extra `autoattack`"
)
fab = pytest.importorskip("pyautoattack.fab_pt")
square = pytest.importorskip("pyautoattack.square")
twins = pytest.importorskip("opinionated_twin")

# The package asks for a GPU.
pytestmark = pytest.mark.filterwarnings("ignore:CUDA initialization")
CLASSES, IMAGES, EPS = 5, 40, 0.8
STEPS, QUERIES = 15, 100


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """More would wait for each other in a net as small as this."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_projection_onto_ball_and_box_is_the_same():
    draw = np.random.default_rng(0)
    x = draw.uniform(size=(60, 4, 3, 2)).astype("f")
    delta = (draw.normal(size=x.shape) * draw.uniform(size=(60, 1, 1, 1))) * 2
    wanted = torch.from_numpy(delta.reshape(60, -1).astype("f"))
    images = torch.from_numpy(x.reshape(60, -1))
    for eps in (0.3, 2.0, 9.0):
        theirs = wanted + autopgd.L1_projection(images, wanted, eps)
        moved = tf.constant(x + delta, tf.float32)
        ours = (L1(eps).project(moved, x) - x).numpy().reshape(60, -1)
        np.testing.assert_allclose(ours, theirs.numpy(), atol=2e-5)


@pytest.mark.parametrize("side", [3, 4, 7, 11])
def test_squares_pattern_is_the_same(side):
    theirs = square.SquareAttack(lambda x: x, norm="L1", eps=1.0, device="cpu")
    pattern = theirs.eta(side).numpy()
    ours = SparseWaves.wave(side)
    turned = np.abs(pattern - ours).max() > np.abs(pattern - ours.T).max()
    np.testing.assert_allclose(pattern.T if turned else pattern, ours, 1e-5)


def package(part, seed, net):
    """The package's attack, with the settings of ours."""
    common = {"norm": "L1", "eps": EPS, "seed": seed, "device": "cpu"}
    sparse = {"n_iter": STEPS, "use_largereps": True}
    targets = {"n_target_classes": CLASSES - 1}
    make, more = {
        "apgd-ce": (autopgd.APGDAttack, sparse | {"n_restarts": 5}),
        "apgd-t": (autopgd.APGDAttack_targeted, sparse | targets),
        "fab-t": (
            fab.FABAttack_PT,
            {"n_iter": STEPS, "targeted": True} | targets,
        ),
        "square": (
            square.SquareAttack,
            {"n_queries": QUERIES, "resc_schedule": False},
        ),
    }[part]
    return make(net, **common, **more).perturb


@pytest.mark.parametrize("part", ["apgd-ce", "apgd-t", "fab-t", "square"])
def test_as_many_images_are_broken(part):
    model, x, y = opinionated(twins.SHAPE, IMAGES)
    twin = twins.Twin(model)
    labels = torch.from_numpy(y).long()

    def flags(seed):
        x_adv = package(part, seed, twin)(twins.to_torch(x), labels)
        return twin(x_adv).argmax(1).numpy() != y

    whole = PARTS[part](L1(EPS))
    short = (
        replace(whole, queries=QUERIES)
        if part == "square"
        else replace(whole, attack=replace(whole.attack, steps=STEPS))
    )
    cascade = AttackEnsemble({part: short})
    report = evaluate(model, (x, y), {part: cascade}, norm="l1", eps=EPS)
    ours = np.array(report[part].broken)
    natural = np.array(report["natural"].broken)
    assert natural.sum() + 2 < ours.sum() < IMAGES - 2
    # Square is a random search.
    spare = {"square": 4}.get(part, 2)
    assert_agree(ours, [flags(seed) for seed in range(3)], spare)

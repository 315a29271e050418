"""Parts of AutoAttack against torchattacks', on a PyTorch twin of a net."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from toy_nets import assert_agree, opinionated

from dat_keras.attacks import FAB, PARTS
from dat_keras.core.threat_models import L2, Linf
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.evaluate import evaluate

torch = pytest.importorskip("torch", reason="needs the extra `torch`")
torchattacks = pytest.importorskip(
    "torchattacks", reason="needs the extra `agreement`"
)
twins = pytest.importorskip("opinionated_twin")

# The package asks for a GPU.
pytestmark = pytest.mark.filterwarnings("ignore:CUDA initialization")
CLASSES, IMAGES = 5, 40
STEPS, QUERIES = 15, 50
NORMS = {"linf": (Linf, "Linf"), "l2": (L2, "L2")}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """More would wait for each other in a net as small as this."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def nets():
    model, x, y = opinionated(twins.SHAPE, IMAGES)
    twin = twins.Twin(model)
    with torch.no_grad():
        theirs = twin(twins.to_torch(x)).numpy()
    np.testing.assert_allclose(model(x), theirs, rtol=1e-5, atol=1e-5)
    return model, twin, x, y


def package(part, norm, eps, seed):
    """The package's attack, with the settings of ours."""
    settings = {"norm": NORMS[norm][1], "eps": eps, "seed": seed}
    steps, classes = {"steps": STEPS}, {"n_classes": CLASSES}
    queries = {"n_queries": QUERIES, "resc_schedule": False}
    makes = {
        "apgd-ce": (torchattacks.APGD, steps),
        "apgd-t": (torchattacks.APGDT, steps | classes),
        "fab-t": (torchattacks.FAB, steps | classes | {"multi_targeted": True}),
        "square": (torchattacks.Square, queries),
    }
    make, more = makes[part]
    return lambda net: make(net, **settings, **more)


def short(part, ball):
    whole = PARTS[part](ball)
    if part == "square":
        return replace(whole, queries=QUERIES)
    return replace(whole, attack=replace(whole.attack, steps=STEPS))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("part", "norm", "eps"),
    [
        ("apgd-ce", "linf", 0.015),
        ("apgd-t", "l2", 0.15),
        ("fab-t", "linf", 0.015),
        ("square", "linf", 0.04),
        ("square", "l2", 0.4),
    ],
)
def test_as_many_images_are_broken(nets, part, norm, eps):
    model, twin, x, y = nets

    def flags(seed):
        attack = package(part, norm, eps, seed)(twin)
        x_adv = attack(twins.to_torch(x), torch.from_numpy(y).long())
        return twin(x_adv).argmax(1).numpy() != y

    cascade = AttackEnsemble({part: short(part, NORMS[norm][0](eps))})
    report = evaluate(model, (x, y), {part: cascade}, norm=norm, eps=eps)
    ours = np.array(report[part].broken)
    natural = np.array(report["natural"].broken)
    assert natural.sum() + 2 < ours.sum() < IMAGES - 2
    # Square is a random search.
    spare = {"square": 4}.get(part, 2)
    assert_agree(ours, [flags(seed) for seed in range(3)], spare)


@pytest.mark.parametrize("norm", NORMS)
def test_fab_finds_the_same_distances(nets, norm):
    """Most of them: a ReLU or a class that rounding flips changes a search."""
    model, twin, x, y = nets
    right = model(x).numpy().argmax(-1) == y
    x, y = x[right], y[right]
    make, name = NORMS[norm]
    # With two classes for it, the package tries the second in rank alone.
    theirs = torchattacks.FAB(
        twin, name, eps=9.0, steps=STEPS, n_classes=2, multi_targeted=True
    )
    x_adv = twins.to_numpy(
        theirs(twins.to_torch(x), torch.from_numpy(y).long())
    )
    ours = tf.function(
        lambda: FAB(make(0.1), steps=STEPS).closest(
            model, tf.constant(x), tf.constant(y, tf.int32)
        ),
        autograph=False,
    )()[1]
    far = make(0.1).distance(x_adv, x)
    ratio = np.array(ours) / far.numpy()
    assert np.mean(np.abs(ratio - 1) < 2e-4) > 0.8
    assert 0.98 < np.mean(ratio) < 1.02

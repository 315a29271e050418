"""LAS-AT: its strengths, its reward, its policy, and what reduces it."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from replicas import two_replicas

from dat_keras.attacks import (
    PGD,
    CrossEntropy,
    KLFromClean,
    NormalStart,
    RandomStart,
)
from dat_keras.augment import Unchanged
from dat_keras.classifiers.predictor import Predictor
from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.threat_models import L2, Linf
from dat_keras.objectives import LASAT, LASTRADES, PGDAT
from dat_keras.objectives.las_at.las_at import KeepAfter
from dat_keras.objectives.las_at.policy import Policy
from dat_keras.objectives.las_at.strategy import ChosenView, Reward, reinforce
from dat_keras.objectives.step import Ascent, View
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

EPS = 8 / 255
SHORT = LASAT(
    PGD(Linf(EPS), steps=2),
    Policy("resnet8", steps_grid=(1, 2, 3)),
    true_class=1.0,
)


def one():
    return {"robust": tf.constant(1.0)}


def test_single_strengths_give_pgd_at(tiny_model, make_step):
    single = Policy("resnet8", (8,), (4,), (2,))
    ours = replace(SHORT, policy=single)
    theirs = PGDAT(PGD(Linf(EPS), steps=4))
    step = make_step(tiny_model, ours)
    (a,), (b,) = ours.craft(step), theirs.craft(step)
    np.testing.assert_allclose(a.x_adv, b.x_adv, atol=1e-6)
    terms = ours.loss(step.predict, (b,), step.y)
    expected = theirs.loss(step.predict, (b,), step.y)["robust"]
    assert float(terms["robust"]) == pytest.approx(float(expected), rel=1e-6)


def test_the_rest_of_the_target_goes_to_the_other_classes(assert_close):
    z = np.random.default_rng(0).normal(size=(3, 5)).astype("f")
    y = np.array([4, 0, 2])
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    target = np.full((3, 5), 0.3 / 4)
    target[np.arange(3), y] = 0.7
    terms = LASAT().loss(
        lambda x, branch=0: x, (View(None, tf.constant(z)),), tf.constant(y)
    )
    assert_close(terms["robust"], -(target * log_p).sum(-1).mean())


def test_each_image_keeps_its_radius_and_its_steps(tiny_model, make_step):
    step = make_step(tiny_model, SHORT)
    (view,) = SHORT.craft(step)
    policy = SHORT.policy
    eps, steps, sizes = (
        np.array(grid)[choice]
        for grid, choice in zip(
            (policy.eps_grid, policy.steps_grid, policy.step_size_grid),
            view.choices,
            strict=True,
        )
    )
    assert len(set(eps)) > 1 and len(set(steps)) > 1
    distance = Linf(EPS).distance(view.x_adv, view.x).numpy() * 255
    assert (distance <= eps + 1e-3).all()
    # Row by row, a plain attack of that strength makes the same image.
    key = step.key.fold_in("attack").fold_in(0)
    start = Linf(EPS).random_start(step.x, key)
    for row in range(8):
        x, y = step.x[row : row + 1], step.y[row : row + 1]
        x_adv = start[row : row + 1]
        for _ in range(steps[row]):
            with tf.GradientTape() as tape:
                tape.watch(x_adv)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    y, step.predict(x_adv)
                )
            slope = tf.sign(tape.gradient(loss, x_adv))
            x_adv += sizes[row] / 255 * slope
            x_adv = Linf(eps[row] / 255).project(x_adv, x)
        close = np.abs(x_adv - view.x_adv[row : row + 1]) < 1e-5
        # Rounding decides the sign of gradients near zero.
        assert close.mean() > 0.98


def test_rows_stop_after_their_own_steps():
    keep = KeepAfter(tf.constant([0, 1, 2]))
    kept = keep.begin(tf.zeros((3, 1, 1, 1)))
    for i in range(2):
        kept = keep.visit(kept, tf.fill((3, 1, 1, 1), 10.0 + i), None, None)
    last = tf.fill((3, 1, 1, 1), 12.0)
    assert keep.choose(kept, last).numpy().ravel().tolist() == [10, 11, 12]


def test_choices_follow_the_policy(make_tiny, make_step, key):
    step = make_step(make_tiny(), SHORT)
    strategy = step.adversary
    x = tf.repeat(step.x[:1], 2000, axis=0)
    (log_p, *_), (choice, *_) = (
        strategy.log_probabilities(x),
        strategy.choose(x, key),
    )
    p = np.exp(log_p[0])
    counts = np.bincount(choice, minlength=len(p)) / 2000
    np.testing.assert_allclose(counts, p, atol=5 * np.sqrt(0.25 / 2000))


def test_reinforce_raises_the_chance_of_what_was_rewarded():
    logits = tf.constant([[0.2, -0.1]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        chances = [tf.nn.log_softmax(logits)]
        loss = reinforce(chances, [tf.constant([1])], tf.constant(3.0))
    p = np.exp([0.2, -0.1]) / np.exp([0.2, -0.1]).sum()
    np.testing.assert_allclose(
        tape.gradient(loss, logits)[0], [3 * p[0], 3 * (p[1] - 1)], rtol=1e-5
    )


def test_reward_is_the_weighted_sum(make_tiny, make_step, batch):
    model = make_tiny()
    step = make_step(model, replace(SHORT, attack=PGD(Linf(0.0), steps=1)))
    predict = Predictor(model).with_batch_statistics
    z = predict(step.x).numpy()
    accuracy = (z.argmax(-1) == batch[1].numpy()).mean()
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    loss = -log_p[np.arange(8), batch[1].numpy()].mean()
    objective = replace(SHORT, true_class=0.7)
    terms = objective.ascent_loss(predict, (View(None, step.x),), step.y)
    assert float(terms["robust"]) == pytest.approx(loss, rel=1e-4)
    # Without a radius the attack breaks nothing.
    assert float(step.adversary.measure(step, 1.25)) == pytest.approx(
        1.25 + 6 * accuracy, rel=1e-4
    )
    step.adversary.reward = Reward(loss_cap=0.5, robust=0.0, natural=0.0)
    assert float(step.adversary.measure(step, 1.25)) == 0.5


def test_policy_moves_at_its_interval_and_touches_nothing_else(
    make_tiny, make_step, snapshot, same
):
    model = make_tiny()
    step = make_step(model, SHORT)
    strategy = step.adversary
    strategy.reward = Reward(interval=2)
    (view,) = SHORT.craft(step)
    moved, before = [], snapshot(model.variables)
    for _ in range(4):
        weights = snapshot(strategy.network.trainable_variables)
        strategy.ascend(Ascent(step, (view,), [], one))
        now = snapshot(strategy.network.trainable_variables)
        moved.append(not same(weights, now))
        change = np.sqrt(
            sum(((a - b) ** 2).sum() for a, b in zip(weights, now, strict=True))
        )
        # The gradient's norm is clipped at 1.
        assert change <= 1e-4 * 1.01
    assert moved == [True, False, True, False]
    assert same(before, snapshot(model.variables))


def state(strategy):
    return strategy.network.trainable_variables + strategy.optimizer.variables


def test_between_updates_momentum_and_decay_rest(
    make_tiny, make_step, snapshot, same
):
    policy = Policy(
        "resnet8",
        steps_grid=(1,),
        reward=Reward(interval=3),
        policy_learning_rate=0.1,
        policy_momentum=0.9,
        policy_weight_decay=0.1,
    )
    objective = replace(SHORT, policy=policy)
    step = make_step(make_tiny(), objective)
    strategy, (view,) = step.adversary, objective.craft(step)
    moved = []
    for _ in range(5):
        before = snapshot(state(strategy))
        strategy.ascend(Ascent(step, (view,), [], one))
        moved.append(not same(before, snapshot(state(strategy))))
    assert moved == [True, False, False, True, False]
    assert int(strategy.optimizer.iterations) == 2


def test_the_published_strategy_of_las_trades_has_momentum_and_decay():
    policy = LASTRADES().policy
    assert (policy.policy_momentum, policy.policy_weight_decay) == (0.9, 5e-4)
    policy = LASAT().policy
    assert (policy.policy_momentum, policy.policy_weight_decay) == (0, 0)


def test_replicas_update_one_strategy(make_step, snapshot, same):
    strategy = two_replicas()
    with strategy.scope():
        player = Policy("resnet8", (8,), (1,), (2, 3), Reward(), 0.1).build(
            (8, 8, 3), SHORT.attack
        )
    player.of_all_replicas = lambda ascent: ascent
    player._gradients = lambda ascent: [
        tf.ones(w.shape) for w in player.network.trainable_variables
    ]
    run = tf.function(
        lambda: strategy.run(player.ascend, (Ascent(None, (), [], one),)),
        autograph=False,
    )
    first = snapshot(state(player))
    run()
    second = snapshot(state(player))
    run()
    assert not same(first, second)
    assert same(second, snapshot(state(player)))
    # The gradient's norm is clipped at 1, whatever the number of replicas.
    weights = len(player.network.trainable_variables)
    change = [
        (b - a).ravel()
        for a, b in zip(first[:weights], second[:weights], strict=True)
    ]
    assert np.linalg.norm(np.concatenate(change)) == pytest.approx(
        0.1, rel=1e-3
    )


def test_a_rewarded_choice_becomes_likelier(make_tiny, make_step):
    step = make_step(make_tiny(), SHORT)
    strategy = step.adversary
    strategy.optimizer = SGD(0.1)
    strategy.optimizer.build(strategy.network.trainable_variables)
    (view,) = SHORT.craft(step)

    def chance(view: ChosenView):
        chances = strategy.log_probabilities(step.x)
        return -float(reinforce(chances, view.choices, tf.constant(1.0)))

    before = chance(view)
    strategy.ascend(Ascent(step, (view,), [], one))
    assert chance(view) > before


@pytest.mark.parametrize("method", [LASAT, LASTRADES])
def test_without_its_attack_no_image_is_attacked(method, tiny_model, make_step):
    objective = method(policy=replace(method().policy, architecture="resnet8"))
    step = replace(make_step(tiny_model, objective), predict=pytest.fail)
    (view,) = objective.without_attack().craft(step)
    np.testing.assert_array_equal(view.x_adv, step.x)


def test_las_trades_is_judged_by_its_attack_on_the_cross_entropy():
    attack = PGD(L2(0.5), KLFromClean(), 3, 0.1, NormalStart())
    objective = LASTRADES(attack, Policy("resnet8"))
    spec = ClassifierSpec((8, 8, 3), 4, 8)
    judge = objective.build_adversary(spec).attack
    assert judge == PGD(L2(0.5), CrossEntropy(), 3, 0.1, RandomStart())


@pytest.mark.thorough
def test_a_traced_step_runs(tiny_model, batch):
    model = AdversarialModel(tiny_model, SHORT, augment=Unchanged())
    model.compile(optimizer=SGD(0.1))
    run = tf.function(lambda x, y: model.train_step((x, y)), autograph=False)
    losses = [float(run(*batch)["loss"]) for _ in range(2)]
    assert np.isfinite(losses).all()
    assert int(model.adversary.updates_due) == 2


def test_unfit_settings_are_explained():
    with pytest.raises(ValueError, match="Did you mean 'resnet8'"):
        Policy("resnet7")
    with pytest.raises(ValueError, match="`steps_grid` must hold"):
        Policy(steps_grid=())
    with pytest.raises(ValueError, match="`beta_grid` must hold"):
        LASTRADES(beta_grid=())


def test_the_policys_optimizer_is_the_settings():
    policy = Policy("resnet8", policy_momentum=0.9, policy_weight_decay=5e-4)
    optimizer = (
        LASAT(policy=policy)
        .build_adversary(ClassifierSpec((8, 8, 3), 4, 8))
        .optimizer
    )
    assert optimizer.momentum == 0.9 and optimizer.coupled_weight_decay == 5e-4
    assert float(optimizer.learning_rate) == pytest.approx(1e-4)

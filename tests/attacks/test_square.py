"""Square: its tables, its moves against slices in NumPy, its stops."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks.square import Square
from dat_keras.attacks.square_moves import SparseWaves, Stripes, Waves
from dat_keras.attacks.square_pattern import tiled
from dat_keras.attacks.square_schedule import sides
from dat_keras.core.random import RowKey
from dat_keras.core.threat_models import L1, L2, Linf

SHAPE = (7, 9, 2)
EDGES = [0, 10, 11, 50, 51, 201, 501, 1001, 2001, 4000, 4001, 6001, 8001]


@pytest.mark.parametrize(
    ("norm", "size", "expected"),
    [
        (Linf, 32, [29, 29, 20, 20, 14, 10, 7, 5, 4, 4, 3, 2, 1]),
        (L2, 32, [29, 29, 21, 21, 15, 11, 7, 5, 5, 5, 3, 3, 3]),
        (Linf, 64, [57, 57, 40, 40, 29, 20, 14, 10, 7, 7, 5, 4, 3]),
        (L2, 64, [57, 57, 41, 41, 29, 21, 15, 11, 7, 7, 5, 5, 3]),
    ],
)
def test_sides_are_those_of_the_table(norm, size, expected):
    assert sides(norm, 10_000, size, size)[EDGES].tolist() == expected


@pytest.mark.parametrize("norm", [Linf, L2])
def test_sides_fit_narrow_images(norm):
    assert sides(norm, 5000, 6, 40).max() == 6
    assert sides(norm, 5000, 6, 40).min() == {Linf: 1, L2: 3}[norm]


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 8, 11])
@pytest.mark.parametrize(
    ("moves", "order", "decay"), [(Waves, 2, 2), (SparseWaves, 1, 4)]
)
def test_wave_is_the_sum_of_nested_rectangles(side, moves, order, decay):
    def norm(values):
        return np.linalg.norm(values.ravel(), order)

    def hill(rows, columns):
        found = np.zeros((rows, columns))
        row, column = rows // 2, columns // 2
        top, left, low, right = row, column, row + 1, column + 1
        for k in range(max(row, column) + 1):
            found[max(top, 0) : low, max(left, 0) : right] += (
                1 / (k + 1) ** decay
            )
            top, left, low, right = top - 1, left - 1, low + 1, right + 1
        return found / (norm(found) or 1)

    half = side // 2
    both = np.vstack([hill(half, side), -hill(side - half, side)])
    expected = both / norm(both)
    np.testing.assert_allclose(moves.wave(side), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "tiles", "border"),
    [((32, 32), 25, 1), ((12, 12), 25, 1), ((7, 12), 60, 1), ((5, 5), 25, 0)],
)
def test_tiles_lie_in_the_middle(shape, tiles, border):
    plain, turned, tile = tiled(*shape, Waves.wave)
    assert plain.shape == turned.shape == tile.shape == shape
    side = min(shape) // 5
    assert tile.max() + 1 == tiles
    assert (np.bincount(tile[tile >= 0]) == side**2).all()
    assert (plain[tile < 0] == 0).all()
    inner = tile[border : border + side, :]
    first = np.argwhere(inner == 0)
    assert first.min(0)[0] == 0 and len(first) == side**2
    np.testing.assert_allclose(
        turned[tile == 0], Waves.wave(side).T.ravel(), 1e-6
    )


def test_small_images_are_refused_in_l2():
    with pytest.raises(ValueError, match="at least 5 pixels.*4 x 9"):
        tiled(4, 9, Waves.wave)


def draws_for(moves, count):
    draws = np.random.default_rng(3).uniform(size=(count, moves.numbers))
    return draws.astype("f")


def corner(draws, side):
    rows, columns = SHAPE[0] - side, SHAPE[1] - side
    return int(draws[0] * rows), int(draws[1] * columns)


@pytest.mark.parametrize("query", [0, 60, 700, 4999])
def test_stripes_change_a_slice(query, assert_close):
    moves = Stripes(Linf(0.1), 5000, SHAPE)
    x = np.random.default_rng(0).uniform(size=(6, *SHAPE)).astype("f")
    draws = draws_for(moves, 6)
    before = moves.start(tf.constant(x), RowKey.of(0, range(6))).numpy()
    found = moves.propose(x, before, query, tf.constant(draws)).numpy()
    side = moves.sides[query]
    for i in range(6):
        row, column = corner(draws[i], side)
        expected = before[i].copy()
        signs = np.where(draws[i, 2:] < 0.5, -1, 1)
        expected[row : row + side, column : column + side] += 0.2 * signs
        expected = np.clip(np.clip(expected, x[i] - 0.1, x[i] + 0.1), 0, 1)
        assert_close(found[i], expected)


def test_stripes_start_is_constant_along_the_rows():
    moves = Stripes(Linf(0.1), 10, SHAPE)
    x = tf.fill((40, *SHAPE), 0.5)
    delta = (moves.start(x, RowKey.of(0, range(40))) - x).numpy()
    np.testing.assert_allclose(np.abs(delta), 0.1, atol=1e-6)
    assert np.ptp(delta, axis=1).max() == 0
    assert abs((delta[:, 0] > 0).mean() - 0.5) < 0.08


def moved_wave(x, x_adv, eps, side, draws):
    """The published update with slices, for one image."""
    delta = (x_adv - x).astype(np.float64)
    (r1, c1), (r2, c2) = corner(draws, side), corner(draws[2:], side)
    here = (slice(r1, r1 + side), slice(c1, c1 + side))
    there = (slice(r2, r2 + side), slice(c2, c2 + side))
    union = np.zeros(SHAPE[:2], bool)
    union[here] = union[there] = True
    length = np.sqrt((delta[union] ** 2).sum(0))
    own = np.sqrt((delta[here] ** 2).sum((0, 1)))
    wave = Waves.wave(side)
    pattern = wave.T if draws[4] < 0.5 else wave
    signs = np.where(draws[5:] < 0.5, -1, 1)
    new = signs * pattern[..., None] + delta[here] / (1e-12 + own)
    new /= 1e-12 + np.sqrt((new**2).sum((0, 1)))
    spare = max(eps**2 - (delta**2).sum(), 0) / SHAPE[2]
    new *= np.sqrt(spare + length**2)
    delta[there] = 0
    delta[here] = new
    delta *= eps / (np.linalg.norm(delta) + 1e-12)
    return np.clip(x + delta, 0, 1)


@pytest.mark.parametrize("query", [0, 60, 700, 4999])
def test_waves_move_length_between_slices(query, assert_close):
    moves = Waves(L2(0.5), 5000, SHAPE)
    x = np.random.default_rng(0).uniform(size=(6, *SHAPE)).astype("f")
    draws = draws_for(moves, 6)
    before = moves.start(tf.constant(x), RowKey.of(0, range(6))).numpy()
    found = moves.propose(x, before, query, tf.constant(draws)).numpy()
    for i in range(6):
        expected = moved_wave(
            x[i], before[i], 0.5, moves.sides[query], draws[i]
        )
        assert_close(found[i], expected, rtol=1e-4, atol=1e-5)


def moved_sparse_wave(x, x_adv, eps, side, draws):
    """The published update in L1 with slices, before its projection."""
    delta = (x_adv - x).astype(np.float64)
    (r1, c1), (r2, c2) = corner(draws, side), corner(draws[2:], side)
    here = (slice(r1, r1 + side), slice(c1, c1 + side))
    there = (slice(r2, r2 + side), slice(c2, c2 + side))
    union = np.zeros(SHAPE[:2], bool)
    union[here] = union[there] = True
    both = np.abs(delta[union]).sum(0)
    old = delta[here] / (1e-12 + np.abs(delta[here]).sum((0, 1)))
    wave = SparseWaves.wave(side)
    pattern = wave.T if draws[4] < 0.5 else wave
    new = np.where(draws[5:] < 0.5, -1, 1) * pattern[..., None] + old
    spare = max(eps - np.abs(delta).sum(), 0)
    channels = SHAPE[2]
    share = 1e-12 + np.abs(new).sum((0, 1))
    delta[there] = 0
    delta[here] = new / share * (spare / channels + both) * channels
    return delta


@pytest.mark.parametrize("query", [0, 700])
def test_sparse_waves_move_norm_and_are_projected(query, assert_close):
    moves = SparseWaves(L1(3.0), 5000, SHAPE)
    x = np.random.default_rng(0).uniform(size=(6, *SHAPE)).astype("f")
    draws = draws_for(moves, 6)
    before = moves.start(tf.constant(x), RowKey.of(0, range(6))).numpy()
    # Less than the ball holds, so that some norm is to spare.
    before = x + 0.7 * (before - x)
    found = moves.propose(x, before, query, tf.constant(draws)).numpy()
    side = moves.sides[query]
    for i in range(6):
        delta = moved_sparse_wave(x[i], before[i], 3.0, side, draws[i])
        wanted = tf.constant(x[i] + delta, tf.float32)[None]
        expected = L1(3.0).project(wanted, x[i][None])[0]
        assert_close(found[i], expected, rtol=1e-4, atol=2e-5)


def test_waves_start_on_the_surface():
    x = tf.fill((5, *SHAPE), 0.5)
    moves = Waves(L2(0.3), 10, SHAPE)
    start = moves.start(x, RowKey.of(0, range(5)))
    np.testing.assert_allclose(L2(0.3).distance(start, x), 0.3, rtol=1e-5)
    delta = (start - x).numpy()
    assert not np.allclose(delta[0], delta[1])


def head(x, branch=0):
    """Logits that are exact where pixels are multiples of 1/256."""
    weights = np.random.default_rng(1).integers(-9, 10, (126, 3)) / 4
    return tf.reshape(x, (-1, 126)) @ weights.astype("f")


def on_grid(count):
    """Images whose pixels are multiples of 1/256."""
    draws = np.random.default_rng(6).integers(0, 257, (count, *SHAPE))
    return tf.constant(draws / 256, tf.float32)


def advance(square, x, y, rows, stage, x_adv):
    key = RowKey.of(0, rows)
    return tf.function(
        lambda: square(head, x, y, key, (tf.constant(stage), x_adv)),
        autograph=False,
    )()


@pytest.mark.parametrize(("norm", "eps"), [(Linf, 1 / 16), (L2, 1.0)])
def test_margin_falls_from_stage_to_stage_inside_the_ball(norm, eps):
    x = on_grid(8)
    y = tf.argmax(head(x), -1, tf.int32)
    square = Square(norm(eps), queries=50, chunk=30)
    assert square.stages(3) == 2
    best = []
    x_adv = x
    for stage in range(2):
        x_adv = advance(square, x, y, range(8), stage, x_adv)
        assert (norm(eps).distance(x_adv, x) <= eps * 1.00001).numpy().all()
        assert x_adv.numpy().min() >= 0 and x_adv.numpy().max() <= 1
        z = head(x_adv).numpy()
        own = z[range(8), y]
        z[range(8), y] = -np.inf
        best.append(own - z.max(-1))
    # In L2 the pixels leave the grid, so that logits are rounded.
    assert (best[1] <= best[0] + 1e-4).all() and (best[1] < best[0]).any()
    # What is broken stays as it is.
    done = best[0] < -1e-4
    assert done.any() and (best[1] == best[0])[done].all()


@pytest.mark.parametrize(
    ("norm", "eps", "queries"), [(Linf, 1 / 16, 20), (L2, 0.5, 3)]
)
def test_rows_do_not_depend_on_their_batch(norm, eps, queries):
    """In Linf all margins are exact; in L2, few queries have no near ties."""
    x = on_grid(6)
    y = tf.argmax(head(x), -1, tf.int32)
    square = Square(norm(eps), queries=queries, chunk=queries)
    together = advance(square, x, y, range(6), 0, x).numpy()
    part = [4, 1]
    alone = advance(
        square, tf.gather(x, part), tf.gather(y, part), part, 0, x[:2]
    )
    np.testing.assert_allclose(alone, together[part], atol=1e-6)


def test_stops_when_all_images_are_broken():
    asked = []

    def predict(x, branch=0):
        tf.py_function(lambda: asked.append(1), [], [])
        return tf.stack([0.0 * x[:, 0, 0, 0], 0.0 * x[:, 0, 0, 0]], -1)

    x = tf.fill((2, *SHAPE), 0.5)
    Square(Linf(0.1))(
        predict,
        x,
        tf.constant([0, 0]),
        RowKey.of(0, [0, 1]),
        (tf.constant(0), x),
    )
    # The margin of constant logits is 0 from the start: a tie is the end.
    assert len(asked) == 1

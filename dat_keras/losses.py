"""Losses per example from logits; the caller reduces them."""

from __future__ import annotations

import tensorflow as tf

from dat_keras.core.types import Labels, Logits, PerExample


def as_distribution(y: Labels, num_classes: int) -> tf.Tensor:
    """Labels as distributions over classes; mixed labels pass through.

    Args:
        y: Labels, shape `(B,)`, or distributions over classes, `(B, K)`.
        num_classes: `K`.

    Returns:
        Probabilities, shape `(B, K)`, float32.

    Example:
    >>> as_distribution(tf.constant([1]), 3).numpy()
    array([[0., 1., 0.]], dtype=float32)
    """
    return y if y.shape.rank == 2 else tf.one_hot(y, num_classes)


def cross_entropy(
    logits: Logits, y: Labels, label_smoothing: float = 0.0
) -> PerExample:
    """Cross-entropy against `(1 - a) * onehot(y) + a / K`.

    The smoothed target includes the true class in the `a / K`, as PyTorch
    does.

    Args:
        logits: Logits, shape `(B, K)`.
        y: Labels, shape `(B,)`, or distributions over classes, `(B, K)`.
        label_smoothing: `a` in `[0, 1]`.

    Returns:
        Loss in nats per example, shape `(B,)`.

    Example:
    >>> cross_entropy(tf.zeros((1, 2)), tf.constant([0])).numpy().round(4)
    array([0.6931], dtype=float32)
    """
    log_p = tf.nn.log_softmax(logits)
    true = tf.reduce_sum(as_distribution(y, logits.shape[-1]) * log_p, axis=-1)
    uniform = tf.reduce_mean(log_p, axis=-1)
    return -(1.0 - label_smoothing) * true - label_smoothing * uniform


def kl_divergence(logits_p: Logits, logits_q: Logits) -> PerExample:
    """KL(p || q) between two categorical distributions given by logits.

    Gradient flows into both arguments. TRADES and DAT write
    `KL(p(x) || p(x_adv))`: the clean logits come first.

    Args:
        logits_p: Logits of the reference distribution, shape `(B, K)`.
        logits_q: Logits of the compared distribution, shape `(B, K)`.

    Returns:
        Divergence in nats per example, shape `(B,)`.

    Example:
    >>> float(kl_divergence(tf.zeros((1, 3)), tf.zeros((1, 3)))[0])
    0.0
    """
    log_p = tf.nn.log_softmax(logits_p)
    log_q = tf.nn.log_softmax(logits_q)
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=-1)


def js_divergence(*logits: Logits) -> PerExample:
    """Jensen-Shannon divergence of two or more categorical distributions.

    The mean of `KL(p_i || m)` with `m` the mean distribution, clipped to
    `[1e-7, 1]` as in AugMix, from which the DAT line took it.

    Args:
        *logits: Logits of each distribution, shape `(B, K)`.

    Returns:
        Divergence in nats per example, in `[0, log(n)]`, shape `(B,)`.

    Example:
    >>> a, b = tf.constant([[1.0, 0.0]]), tf.constant([[0.0, 1.0]])
    >>> bool(js_divergence(a, b) == js_divergence(b, a))
    True
    """
    log_ps = [tf.nn.log_softmax(z) for z in logits]
    mean = tf.add_n([tf.exp(log_p) for log_p in log_ps]) / len(log_ps)
    log_m = tf.math.log(tf.clip_by_value(mean, 1e-7, 1.0))
    return tf.add_n(
        [tf.reduce_sum(tf.exp(lp) * (lp - log_m), axis=-1) for lp in log_ps]
    ) / len(log_ps)


def margin(logits: Logits, y: Labels) -> PerExample:
    """True logit minus the largest wrong one; negative when misclassified.

    Args:
        logits: Logits, shape `(B, K)`.
        y: Labels, shape `(B,)`.

    Returns:
        Margin per example, shape `(B,)`.

    Example:
    >>> margin(tf.constant([[3.0, 2.0, 5.0]]), tf.constant([0])).numpy()
    array([-2.], dtype=float32)
    """
    true = tf.one_hot(y, logits.shape[-1], on_value=True, off_value=False)
    wrong = tf.reduce_max(tf.where(true, logits.dtype.min, logits), axis=-1)
    return tf.gather(logits, y, axis=-1, batch_dims=1) - wrong

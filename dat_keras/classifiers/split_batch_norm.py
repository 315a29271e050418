"""split_batch_norm: a second set of BatchNorm layers for any functional net.

Clean and recombined (or adversarial) images then have statistics of their
own, as in the architectures of this package with `branches=2`.
"""

from __future__ import annotations

import keras

from dat_keras.architectures import BranchedClassifier
from dat_keras.classifiers.inspection import branch_models
from dat_keras.classifiers.layer_copies import (
    LayerCopies,
    input_like,
    run_flat,
)
from dat_keras.core.keras_private import (
    flat_layers,
    functional_of,
    share_variables,
)


def split_batch_norm(model: keras.Model, branches: int = 2) -> keras.Model:
    """Returns a copy of a net with several sets of BatchNorm layers.

    Every set begins with the weights of the original, bit by bit; all other
    layers are shared by the branches. The original stays as it is. Inference
    uses branch 0, which `model.base` gives alone, without the other sets.

    Args:
        model: A functional or sequential classifier; of one that has branches
            the base branch is copied.
        branches: Number of sets. At 1 the copy is a plain functional model.

    Returns:
        A `BranchedClassifier`, to be called with `branch=`.

    Raises:
        ValueError: If the model has a `call` of its own, or several inputs.

    Reference:
        [Xie et al., 2020](https://arxiv.org/abs/1911.09665).

    Example:
    >>> net = keras.Sequential(
    ...     [keras.Input((2, 2, 3)), keras.layers.BatchNormalization(name="bn")]
    ... )
    >>> [w.path for w in split_batch_norm(net).weights[3:6]]
    ['bn/moving_variance', 'bn_branch1/gamma', 'bn_branch1/beta']
    """
    if not isinstance(branches, int) or branches < 1:
        raise ValueError(
            "`branches` must be a positive integer. "
            f"Received: branches={branches!r}"
        )
    model = branch_models(model)[0]
    functional = functional_of(model)
    if functional is None or len(functional.inputs) != 1:
        raise ValueError(
            "BatchNorm can be split in a functional or sequential model of "
            "one input. Received: " + type(model).__name__
        )
    base = LayerCopies()
    models = [_branch(model, 0, base, base)]
    for branch in range(1, branches):
        own = LayerCopies(f"_branch{branch}")
        models.append(_branch(model, branch, base, own))
    if branches == 1:
        return models[0]
    return BranchedClassifier(models, name=f"{model.name}_branched")


def _branch(
    model: keras.Model, branch: int, base: LayerCopies, own: LayerCopies
) -> keras.Model:
    """One branch: layers with BatchNorm of its own, the others of the base."""

    def layer_for(layer: keras.layers.Layer) -> keras.layers.Layer:
        return own(layer) if holds_batch_norm(layer) else base(layer)

    x = input_like(model)
    y = run_flat(model, x, layer_for)
    if own is not base:
        for key, layer in own.made.items():
            _share_all_but_norms(base.made[key], layer)
    own.copy_weights()
    suffix = f"_branch{branch}" if branch else ""
    return keras.Model(x, y, name=model.name + suffix)


def holds_batch_norm(layer: keras.layers.Layer) -> bool:
    """Whether a layer is BatchNorm, or a block with BatchNorm inside.

    Example:
    >>> holds_batch_norm(keras.layers.BatchNormalization())
    True
    """
    return any(map(_is_norm, flat_layers(layer)))


def _is_norm(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


def _share_all_but_norms(
    base: keras.layers.Layer, copy: keras.layers.Layer
) -> None:
    """Gives the other layers of a block the variables of the base's block."""
    pairs = zip(flat_layers(base), flat_layers(copy), strict=True)
    for source, target in pairs:
        if not _is_norm(target):
            share_variables(source, target)

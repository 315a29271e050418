"""harden: a pretrained classifier as a model for adversarial training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from dat_keras.classifiers.input_adapter import InputAdapter
from dat_keras.classifiers.inspection import branch_models, last_layer
from dat_keras.classifiers.pretrained import (
    adapter_for,
    assembled,
    set_trainable,
)
from dat_keras.classifiers.split_batch_norm import split_batch_norm
from dat_keras.classifiers.validation import check_kind
from dat_keras.objectives import OBJECTIVES, Objective
from dat_keras.training.arguments import as_instance
from dat_keras.training.model import AdversarialModel
from dat_keras.utils.kinds import described


def harden(
    model: keras.Model,
    objective: Objective | str = "trades",
    *,
    adapter: InputAdapter | str = "none",
    image_shape: Sequence[int] | None = None,
    num_classes: int | None = None,
    trainable: str = "all",
    **options: Any,
) -> AdversarialModel:
    """Returns an adversarial model that begins at a pretrained classifier.

    The classifier is copied; the given one stays as it is. Before the first
    step the copy returns the same logits, bit by bit, unless it gets a new
    head. It gets as many BatchNorm branches as the method trains
    (`split_batch_norm`), and what the net's own preprocessing does becomes
    its first layer, so that attacks stay in pixels of `[0, 1]`.

    Args:
        model: A functional or sequential classifier: of `keras.applications`,
            KerasHub, or your own. A softmax or a sigmoid at its end is
            left out. A name does as well: whatever `dk.load_model` takes.
        objective: The training method, or its name in `OBJECTIVES`.
        adapter: What the net wants in place of pixels in `[0, 1]`: an
            `InputAdapter`, or its name in `PREPROCESSING` (`"none"`,
            `"0-255"`, or `"tf"`, `"torch"` and `"caffe"` of
            `keras.applications`). By name, images of another size are resized
            and grey ones repeated, as the net needs.
        image_shape: `(H, W, C)` of the images. Default: that of the net.
        num_classes: Number of classes; another one than the net's gives a
            new head. Default: the net's.
        trainable: `"all"`, `"head"`, or `"last:N"`, the last N layers that
            have weights. Frozen BatchNorm layers keep their statistics.
        **options: Further arguments of `AdversarialModel`, such as
            `attack_warmup`.

    Raises:
        ValueError: If the net is not functional, its head or image size is
            not known, or an argument is of another kind.

    Example:
    >>> net = keras.applications.MobileNetV2(
    ...     input_shape=(32, 32, 3), alpha=0.35, weights=None, classes=10
    ... )
    >>> model = harden(net, "dat", adapter="tf", num_classes=3)
    >>> model.num_classes, model.classifier.num_branches
    (3, 2)
    """
    check_kind(model)
    method: Objective = as_instance(
        objective, Objective, OBJECTIVES, "objective"
    )
    classifier = prepared(
        model, adapter, image_shape, num_classes, trainable, method.branches
    )
    return AdversarialModel(classifier, method, **options)


def prepared(
    model: keras.Model,
    adapter: InputAdapter | str = "none",
    image_shape: Sequence[int] | None = None,
    num_classes: int | None = None,
    trainable: str = "all",
    branches: int = 1,
) -> keras.Model:
    """Returns the classifier that `harden` trains.

    Args:
        model: See `harden`, and so are the others.
        adapter: An adapter or a name.
        image_shape: `(H, W, C)`.
        num_classes: Number of logits.
        trainable: Which layers are trained.
        branches: Number of BatchNorm branches.
    """
    if isinstance(adapter, str):
        layer = adapter_for(model, image_shape, adapter)
    elif isinstance(adapter, InputAdapter):
        layer = adapter
    else:
        raise ValueError(
            "`adapter` must be an `InputAdapter` or a name such as 'tf'. "
            f"Received: adapter={described(adapter)}"
        )
    if image_shape is None and layer is not None and layer.size is not None:
        _, *size, channels = branch_models(model)[0].input_shape
        image_shape = (*(layer.size if None in size else size), channels)
    net = assembled(model, layer, image_shape, num_classes)
    if None in net.input_shape[1:]:
        raise ValueError(
            "The net takes images of any size: say which with "
            "`image_shape=(H, W, C)`. Received: input shape "
            f"{net.input_shape[1:]}"
        )
    set_trainable(net, trainable)
    # Settings of layers are copied too, and so is what is frozen.
    return net if branches == 1 else split_batch_norm(net, branches)


def rate_factors(model: AdversarialModel, body: float) -> tuple[float, ...]:
    """Returns factors on the learning rate: 1 for the head, less for the body.

    Args:
        model: A model whose classifier shows its last layer.
        body: Factor for all other weights of the classifier.

    Returns:
        What `dk.optimizers.SGD(rate_factors=...)` takes.

    Reference:
        [Howard and Ruder, 2018](https://arxiv.org/abs/1801.06146),
        discriminative fine-tuning.

    Example:
    >>> layers = [keras.Input((2, 2, 1)), keras.layers.Flatten()]
    >>> layers += [keras.layers.Dense(3), keras.layers.Dense(2)]
    >>> rate_factors(AdversarialModel(keras.Sequential(layers), "pgd-at"), 0.1)
    (0.1, 0.1, 1.0, 1.0)
    """
    head = {id(w) for w in last_layer(model.classifier).weights}
    of_body = {id(w) for w in model.classifier.weights} - head
    return tuple(body if id(w) in of_body else 1.0 for w in model.descending)

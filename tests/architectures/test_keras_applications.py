"""ResNet-50 of Keras: its own layers and weights, with our head."""

import keras
import numpy as np

from dat_keras.architectures import ResNet50


def test_layers_are_those_of_keras_with_a_head_and_two_branches():
    net = ResNet50(7, input_shape=(32, 32, 3), branches=2)
    *body, kernel, bias = net.base.weights
    # As `keras.applications.ResNet50` states for its net without the top.
    assert sum(np.prod(w.shape) for w in body) == 23_587_712
    assert (kernel.shape, bias.shape) == ((2048, 7), (7,))
    assert body[0].path == "conv1_conv/kernel"
    first, second = net.branches
    norm = first.get_layer("conv5_block3_3_bn")
    assert (norm.momentum, norm.epsilon) == (0.99, 1.001e-5)
    norms = [
        v
        for v in first.layers
        if isinstance(v, keras.layers.BatchNormalization)
    ]
    assert len(norms) == 53
    own = {id(w) for layer in norms for w in layer.weights}
    shared = {id(w) for w in first.weights} & {id(w) for w in second.weights}
    assert shared == {id(w) for w in first.weights} - own

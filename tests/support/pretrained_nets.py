"""Tiny untrained nets of `keras.applications` and KerasHub, by name."""

import keras
import numpy as np
import pytest

SMALLEST = {"weights": None, "classes": 5, "classifier_activation": None}


def _hub(make):
    """Builds with KerasHub, which is imported when a net is wanted."""

    def build(**kwargs):
        import keras_hub

        return make(keras_hub.models, **kwargs)

    return build


@_hub
def resnet(models, shape=(None, None, 3), **kwargs):
    backbone = models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 8],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=shape,
    )
    return models.ResNetImageClassifier(backbone, num_classes=5, **kwargs)


@_hub
def efficientnet(models, shape=(None, None, 3), **kwargs):
    backbone = models.EfficientNetBackbone(
        stackwise_kernel_sizes=[3, 3],
        stackwise_num_repeats=[1, 1],
        stackwise_input_filters=[8, 8],
        stackwise_output_filters=[8, 8],
        stackwise_expansion_ratios=[1, 2],
        stackwise_squeeze_and_excite_ratios=[0.0, 0.25],
        stackwise_strides=[1, 2],
        stackwise_block_types=["fused", "unfused"],
        stackwise_force_input_filters=[0, 0],
        stackwise_nores_option=[False, False],
        stackwise_width_coefficients=[1.0, 1.0],
        stackwise_depth_coefficients=[1.0, 1.0],
        num_features=8,
        input_shape=shape,
    )
    return models.EfficientNetImageClassifier(backbone, num_classes=5, **kwargs)


@_hub
def mobilenet(models, shape=(32, 32, 3), **kwargs):
    backbone = models.MobileNetBackbone(
        stackwise_expansion=[[8]],
        stackwise_num_blocks=[1],
        stackwise_num_filters=[[8]],
        stackwise_kernel_size=[[3]],
        stackwise_num_strides=[[2]],
        stackwise_se_ratio=[[0.25]],
        stackwise_activation=[["relu"]],
        stackwise_padding=[[1]],
        output_num_filters=8,
        depthwise_filters=8,
        depthwise_stride=2,
        depthwise_residual=False,
        last_layer_filter=8,
        squeeze_and_excite=0.5,
        input_num_filters=8,
        image_shape=shape,
    )
    return models.MobileNetImageClassifier(backbone, num_classes=5, **kwargs)


@_hub
def vit(models, shape=(16, 16, 3), **kwargs):
    backbone = models.ViTBackbone(
        image_shape=shape,
        patch_size=4,
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        mlp_dim=8,
    )
    return models.ViTImageClassifier(backbone, num_classes=5, **kwargs)


HUB = {
    "resnet": resnet,
    "efficientnet": efficientnet,
    "mobilenet": mobilenet,
    "vit": vit,
}
"""Makers of KerasHub's `ImageClassifier`s."""


def _applied(name, **kwargs):
    return getattr(keras.applications, name)(**SMALLEST, **kwargs)


APPLICATIONS = {
    "EfficientNetB0": lambda: _applied(
        "EfficientNetB0", input_shape=(32, 32, 3)
    ),
    "MobileNetV2": lambda: _applied(
        "MobileNetV2", input_shape=(32, 32, 3), alpha=0.35
    ),
    "ResNet50": lambda: _applied("ResNet50", input_shape=(32, 32, 3)),
}
"""Makers of nets of `keras.applications`, at their smallest input."""


def lived_in(model):
    """The model with statistics that no layer begins with."""
    draw = np.random.default_rng(6)
    for v in model.variables:
        if len(v.shape) == 1 and v.dtype == "float32":
            v.assign(draw.uniform(0.5, 1.5, v.shape))
    return model


PARTS = {"resnet": "ResNet", "mobilenet": "MobileNet", "vit": "ViT"}
"""KerasHub cannot read the preset that it saves of the tiny EfficientNet."""


def preset(folder, name="resnet", **converter):
    """Saves a preset; returns KerasHub's own way from bytes to logits."""
    hub = pytest.importorskip("keras_hub")
    part = PARTS[name]
    settings = {"image_size": (16, 16), "scale": 1 / 255, **converter}
    converts = getattr(hub.layers, f"{part}ImageConverter")(**settings)
    prepares = getattr(hub.models, f"{part}ImageClassifierPreprocessor")
    shape = {} if name == "resnet" else {"shape": (16, 16, 3)}
    net = lived_in(HUB[name](preprocessor=prepares(converts), **shape))
    net.save_to_preset(str(folder))
    return lambda x: net(net.preprocessor(255.0 * x))

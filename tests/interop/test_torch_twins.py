"""Live PyTorch: random networks of every architecture, logit by logit."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `torch`")

import torch_twins as twins  # noqa: E402

from dat_keras.interop.torch.convert import convert  # noqa: E402
from dat_keras.interop.torch.request import Request  # noqa: E402

NETS = {
    "resnet18": lambda: twins.ResNet(10, 4),
    "resnet18 dual": lambda: twins.ResNet(10, 4, dual=True),
    "resnet18 true width": lambda: twins.ResNet(10, 64),
    "preactresnet18": lambda: twins.PreActResNet(10, 4),
    "wrn-28-10": lambda: twins.WideResNet(10, 1, 4),
    "wrn-70-16": lambda: twins.WideResNet(10, 1, 11),
    "wrn-34-10": lambda: twins.WideResNet(10, 1, 5),
    "swish-preactresnet18": lambda: twins.SwishResNet(10, 4),
    "swish-wrn-28": lambda: twins.SwishResNet(10, 1, 4),
}


@pytest.mark.parametrize("name", NETS)
def test_logits_agree_with_the_twin(name, tmp_path):
    net = twins.randomize(NETS[name]())
    torch.save(net.state_dict(), tmp_path / "net.pt")
    bundle = convert(tmp_path / "net.pt", Request(name.split()[0]))
    count = 4 if "true" in name else 64
    images = np.random.default_rng(1).random((count, 32, 32, 3), np.float32)
    wanted = twins.logits(net, images)
    found = np.asarray(bundle.model(images, training=False))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    assert np.ptp(wanted) > 0.1

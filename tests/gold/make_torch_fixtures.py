"""Makes the tiny checkpoints of PyTorch, and the logits that belong to them.

python tests/gold/make_torch_fixtures.py    # needs the extra `torch`

Written with PyTorch 2.13; the tests that read them need none.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "support"))

import torch_twins as twins  # noqa: E402

CLASSES = 3
MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)


def nets():
    """File and network."""
    dual = twins.randomize(twins.ResNet(CLASSES, 2, dual=True))
    yield "dual_resnet18.safetensors", nn.ModuleDict({"module": dual}), dual
    plain = twins.randomize(twins.PreActResNet(CLASSES, 2))
    net = nn.Sequential(twins.Normalize(MEAN, STD), plain).eval()
    yield "normalized_preactresnet18.pth", net, net


def main():
    images = np.random.default_rng(0).random((8, 16, 16, 3), np.float32)
    logits = {}
    for name, whole, net in nets():
        # Half the bytes; the logits are those of the rounded weights.
        state = {
            key: value.half() if value.is_floating_point() else value
            for key, value in whole.state_dict().items()
        }
        if name.endswith(".pth"):
            torch.save({"state_dict": state, "epoch": 200}, HERE / name)
        else:
            save_file(state, HERE / name)
        net.half().float()
        logits[name] = twins.logits(net, images)
        print(name, (HERE / name).stat().st_size)
    np.savez(HERE / "torch_logits.npz", **logits)


if __name__ == "__main__":
    main()

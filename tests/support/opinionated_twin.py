"""A PyTorch twin of the net of `toy_nets.opinionated`, and its images."""

import numpy as np
import torch

SHAPE = (8, 8, 3)


class Twin(torch.nn.Module):
    """The net of `opinionated`, for images `(B, C, H, W)`."""

    def __init__(self, model):
        super().__init__()
        conv, dense = (
            [torch.from_numpy(np.array(w)) for w in layer.get_weights()]
            for layer in model.layers
            if layer.get_weights()
        )
        self.kernel, self.bias = conv[0].permute(3, 2, 0, 1), conv[1]
        inner = (SHAPE[0] - 2, SHAPE[1] - 2, len(self.bias))
        matrix = dense[0].reshape(*inner, -1).permute(2, 0, 1, 3)
        self.matrix, self.offset = matrix.flatten(0, 2), dense[1]

    def forward(self, x):
        x = torch.nn.functional.conv2d(x, self.kernel, self.bias).relu()
        return x.flatten(1) @ self.matrix + self.offset


def to_torch(x):
    return torch.from_numpy(np.array(x)).permute(0, 3, 1, 2).contiguous()


def to_numpy(x):
    return x.detach().permute(0, 2, 3, 1).numpy()

"""The architectures in PyTorch, with the module names of published code."""

import torch
from torch import nn
from torch.nn import functional


def conv(inputs, outputs, stride=1, size=3):
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)


class Block(nn.Module):
    """Post-activation block; `dual` adds the second norms of DAJAT."""

    def __init__(self, inputs, width, stride, dual):
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, width, stride), norm(width)
        self.conv2, self.bn2 = conv(width, width), norm(width)
        self.shortcut = nn.Sequential()
        changes = stride > 1 or inputs != width
        if changes and dual:
            self.shortcut = nn.Sequential(conv(inputs, width, stride, 1))
            self.shortcut_bn = nn.Sequential(norm(width))
            self.shortcut_bn_auto = nn.Sequential(norm(width))
        elif changes:
            projection = conv(inputs, width, stride, 1)
            self.shortcut = nn.Sequential(projection, norm(width))
        if dual:
            self.bn1_auto, self.bn2_auto = norm(width), norm(width)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        x = self.shortcut(x)
        if hasattr(self, "shortcut_bn"):
            x = self.shortcut_bn(x)
        return torch.relu(x + y)


class PreActBlock(nn.Module):
    """Pre-activation block, its projection called `shortcut.0`."""

    def __init__(self, inputs, width, stride, dual):
        super().__init__()
        self.bn1, self.conv1 = norm(inputs), conv(inputs, width, stride)
        self.bn2, self.conv2 = norm(width), conv(width, width)
        if stride > 1 or inputs != width:
            self.project(conv(inputs, width, stride, 1))

    def project(self, module):
        self.shortcut = nn.Sequential(module)

    def forward(self, x):
        active = torch.relu(self.bn1(x))
        y = self.conv2(torch.relu(self.bn2(self.conv1(active))))
        return y + (self.shortcut(active) if hasattr(self, "shortcut") else x)


class WideBlock(PreActBlock):
    """The same, its projection called `convShortcut`."""

    def project(self, module):
        self.convShortcut = module

    def forward(self, x):
        active = torch.relu(self.bn1(x))
        y = self.conv2(torch.relu(self.bn2(self.conv1(active))))
        changes = hasattr(self, "convShortcut")
        return y + (self.convShortcut(active) if changes else x)


class Stage(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.layer = blocks

    def forward(self, x):
        return self.layer(x)


def norm(width):
    return nn.BatchNorm2d(width)


def stage(block, inputs, width, count, stride, dual=False):
    return nn.Sequential(
        *(
            block(width if i else inputs, width, 1 if i else stride, dual)
            for i in range(count)
        )
    )


class ResNet(nn.Module):
    def __init__(self, classes, width, dual=False):
        super().__init__()
        self.conv1, self.bn1 = conv(3, width), norm(width)
        if dual:
            self.bn1_auto = norm(width)
        for i in range(4):
            inputs, outputs = width << max(i - 1, 0), width << i
            made = stage(Block, inputs, outputs, 2, 2 if i else 1, dual)
            setattr(self, f"layer{i + 1}", made)
        self.linear = nn.Linear(8 * width, classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        for i in range(4):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.linear(x.mean((2, 3)))


class PreActResNet(nn.Module):
    def __init__(self, classes, width):
        super().__init__()
        self.conv1 = conv(3, width)
        for i in range(4):
            inputs, outputs = width << max(i - 1, 0), width << i
            made = stage(PreActBlock, inputs, outputs, 2, 2 if i else 1)
            setattr(self, f"layer{i + 1}", made)
        self.bn = norm(8 * width)
        self.linear = nn.Linear(8 * width, classes)

    def forward(self, x):
        x = self.conv1(x)
        for i in range(4):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.linear(torch.relu(self.bn(x)).mean((2, 3)))


class WideResNet(nn.Module):
    def __init__(self, classes, width, count):
        super().__init__()
        widths = [16, 16 * width, 32 * width, 64 * width]
        self.conv1 = conv(3, 16)
        for i in range(3):
            ends = widths[i : i + 2]
            made = stage(WideBlock, *ends, count, 2 if i else 1)
            setattr(self, f"block{i + 1}", Stage(made))
        # As in TRADES' code: built, and never called.
        self.sub_block1 = Stage(stage(WideBlock, 16, widths[1], count, 1))
        self.bn1 = norm(widths[3])
        self.fc = nn.Linear(widths[3], classes)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        x = functional.avg_pool2d(torch.relu(self.bn1(x)), 8)
        return self.fc(x.flatten(1))


class Normalize(nn.Module):
    """First module of a sequence, with the statistics as buffers."""

    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))

    def forward(self, x):
        return (x - self.mean) / self.std


def randomize(net, seed=0):
    """Gives every weight and statistic a value that shows in the logits."""
    torch.manual_seed(seed)
    for name, value in net.state_dict().items():
        if name.endswith(("running_var", "std")):
            value.uniform_(0.5, 1.5)
        elif name.endswith(("running_mean", "bias")):
            value.normal_(0, 0.2)
        elif value.ndim == 1:
            value.uniform_(0.7, 1.3)
    return net.eval()


def logits(net, images):
    """Logits of NHWC images."""
    with torch.no_grad():
        x = torch.tensor(images).permute(0, 3, 1, 2).contiguous()
        return net(x).numpy()


class SwishBlock(nn.Module):
    """Gowal et al.'s block: `wide` decides names and what shortcuts read."""

    def __init__(self, inputs, width, stride, wide):
        super().__init__()
        self.wide, self.stride = wide, stride
        first = nn.Conv2d(inputs, width, 3, stride, bias=False)
        names = ("conv_0", "conv_1") if wide else ("conv_2d_1", "conv_2d_2")
        self.names = names
        self.batchnorm_0, self.batchnorm_1 = norm(inputs), norm(width)
        setattr(self, names[0], first)
        setattr(self, names[1], conv(width, width))
        if inputs != width or (stride > 1 and not wide):
            size = 1 if wide else 3
            self.shortcut = nn.Conv2d(inputs, width, size, stride, bias=False)

    def padded(self, x):
        return functional.pad(x, (0 if self.stride == 2 else 1, 1) * 2)

    def forward(self, x):
        active = functional.silu(self.batchnorm_0(x))
        first, second = (getattr(self, name) for name in self.names)
        y = functional.silu(self.batchnorm_1(first(self.padded(active))))
        if not hasattr(self, "shortcut"):
            return x + second(y)
        side = active if self.wide else self.padded(x)
        return self.shortcut(side) + second(y)


class Group(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.block = blocks

    def forward(self, x):
        return self.block(x)


class SwishResNet(nn.Module):
    """DMWideResNet (`count` blocks a stage) or DMPreActResNet (`None`)."""

    def __init__(self, classes, width, count=None):
        super().__init__()
        self.register_buffer(
            "mean", torch.tensor([0.5, 0.4, 0.3])[:, None, None]
        )
        self.register_buffer(
            "std", torch.tensor([0.2, 0.3, 0.25])[:, None, None]
        )
        wide = count is not None
        widths = (
            [16, 16 * width, 32 * width, 64 * width]
            if wide
            else [width, width, 2 * width, 4 * width, 8 * width]
        )
        self.stem = "init_conv" if wide else "conv_2d"
        setattr(self, self.stem, conv(3, widths[0]))
        groups = [
            stage(
                SwishBlock, *widths[i : i + 2], count or 2, 2 if i else 1, wide
            )
            for i in range(len(widths) - 1)
        ]
        if wide:
            self.layer = nn.Sequential(*map(Group, groups))
        else:
            for i, group in enumerate(groups):
                setattr(self, f"layer_{i}", group)
        self.batchnorm = norm(widths[-1])
        self.logits = nn.Linear(widths[-1], classes)

    def forward(self, x):
        x = getattr(self, self.stem)((x - self.mean) / self.std)
        if hasattr(self, "layer"):
            x = self.layer(x)
        else:
            for i in range(4):
                x = getattr(self, f"layer_{i}")(x)
        x = functional.silu(self.batchnorm(x))
        return self.logits(x.mean((2, 3)))

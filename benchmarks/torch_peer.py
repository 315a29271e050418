"""DAT, PGD-AT and TRADES training steps in PyTorch, for comparison of speed.

Written for this comparison, with the passes of the published DAT step: four
forwards on each side of the min-max game, natural logits computed again in
every attack step, split BatchNorm, the generator's update through a second
full forward and backward. PGD-AT and TRADES are the usual ten-step loops;
like ours, their attacks ask autograd for the input gradient alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS, STEP_SIZE, BETA, OMEGA, SMOOTHING = 8 / 255, 2 / 255, 15.0, 2.0, 0.5


class Norm(nn.Module):
    """One BatchNorm layer a branch."""

    def __init__(self, channels: int, branches: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(channels) for _ in range(branches)
        )

    def forward(self, x: Tensor, branch: int) -> Tensor:
        return self.norms[branch](x)


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, cin: int, cout: int, stride: int, branches: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = (Norm(cout, branches) for _ in range(2))
        self.shortcut = None
        if stride != 1 or cin != cout:
            self.shortcut = nn.Conv2d(cin, cout, 1, stride, bias=False)
            self.norm3 = Norm(cout, branches)

    def forward(self, x: Tensor, branch: int) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x), branch))
        y = self.norm2(self.conv2(y), branch)
        if self.shortcut is not None:
            x = self.norm3(self.shortcut(x), branch)
        return F.relu(x + y)


class ResNet(nn.Module):
    """ResNet-18, or ResNet-8, for images of 32 pixels and more."""

    def __init__(
        self, width: int, blocks: list[int], classes: int, branches: int
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.norm = Norm(width, branches)
        self.blocks, cin = nn.ModuleList(), width
        for stage, count in enumerate(blocks):
            for block in range(count):
                stride = 2 if stage and not block else 1
                cout = width << stage
                self.blocks.append(Block(cin, cout, stride, branches))
                cin = cout
        self.head = nn.Linear(cin, classes)

    def forward(self, x: Tensor, branch: int = 0) -> Tensor:
        x = F.relu(self.norm(self.stem(x), branch))
        for block in self.blocks:
            x = block(x, branch)
        return self.head(x.mean((2, 3)))


NETS = {"resnet8": (16, [1, 1, 1]), "resnet18": (64, [2, 2, 2, 2])}


class Generator(nn.Module):
    """Noise and logits to an amplitude."""

    def __init__(self, classes: int, side: int) -> None:
        super().__init__()
        sizes = [100 + classes, 128, 256, 512, 1024]
        layers: list[nn.Module] = []
        for i, (cin, cout) in enumerate(zip(sizes, sizes[1:], strict=False)):
            layers.append(nn.Linear(cin, cout))
            if i:
                layers.append(nn.BatchNorm1d(cout, 0.8))
            layers.append(nn.LeakyReLU(0.2))
        layers += [nn.Linear(1024, 3 * side * side), nn.Sigmoid()]
        self.net, self.side = nn.Sequential(*layers), side

    def forward(self, logits: Tensor) -> Tensor:
        z = torch.randn(len(logits), 100)
        return self.net(torch.cat([z, logits], 1)).view(
            -1, 3, self.side, self.side
        )


def kl(p: Tensor, q: Tensor) -> Tensor:
    return F.kl_div(
        F.log_softmax(q, 1),
        F.log_softmax(p, 1),
        reduction="batchmean",
        log_target=True,
    )


def js(p: Tensor, q: Tensor) -> Tensor:
    p, q = p.softmax(1), q.softmax(1)
    middle = ((p + q) / 2).clamp(1e-7, 1).log()
    return (
        F.kl_div(middle, p, reduction="batchmean")
        + F.kl_div(middle, q, reduction="batchmean")
    ) / 2


def attack(
    net: nn.Module,
    x: Tensor,
    loss: Callable[[Tensor], Tensor],
    steps: int,
    branch: int = 0,
) -> Tensor:
    """PGD with inference statistics from a little normal noise."""
    net.eval()
    x = x.detach()
    x_adv = x + 0.001 * torch.randn_like(x)
    for _ in range(steps):
        x_adv.requires_grad_(True)
        (grad,) = torch.autograd.grad(loss(net(x_adv, branch)), x_adv)
        x_adv = x_adv.detach() + STEP_SIZE * grad.sign()
        x_adv = torch.min(torch.max(x_adv, x - EPS), x + EPS).clamp(0, 1)
    net.train()
    return x_adv.detach()


def crop_flip(x: Tensor, pad: int) -> Tensor:
    """A flip and a crop of each image."""
    side, rows = x.shape[-1], torch.arange(len(x))
    x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
    padded = F.pad(x, (pad,) * 4)
    top, left = torch.randint(0, 2 * pad + 1, (2, len(x), 1))
    i, j = top + torch.arange(side), left + torch.arange(side)
    return padded.permute(0, 2, 3, 1)[
        rows[:, None, None], i[:, :, None], j[:, None, :]
    ].permute(0, 3, 1, 2)


class Peer:
    """A net with its optimizer, and a step for each method."""

    def __init__(self, name: str, side: int = 32, classes: int = 10) -> None:
        width, blocks = NETS[name]
        self.net = ResNet(width, blocks, classes, branches=2)
        self.net = self.net.to(memory_format=torch.channels_last)
        self.generator = Generator(classes, side)
        self.optimizer, self.ascent = (
            torch.optim.SGD(m.parameters(), 0.1, 0.9, weight_decay=5e-4)
            for m in (self.net, self.generator)
        )

    def step(self, method: str, x: Tensor, y: Tensor) -> float:
        """One training step on `x`, `(B, 3, H, W)`; returns the loss."""
        return {
            "natural": self.natural,
            "pgd-at": self.pgd_at,
            "trades": self.trades,
            "dat": self.dat,
        }[method](x, y)

    def natural(self, x: Tensor, y: Tensor) -> float:
        return self._descend(F.cross_entropy(self.net(crop_flip(x, 4)), y))

    def pgd_at(self, x: Tensor, y: Tensor) -> float:
        x = crop_flip(x, 4)
        x_adv = attack(self.net, x, lambda z: F.cross_entropy(z, y), 10)
        return self._descend(F.cross_entropy(self.net(x_adv), y))

    def trades(self, x: Tensor, y: Tensor) -> float:
        x = crop_flip(x, 4)
        self.net.eval()
        with torch.no_grad():
            target = self.net(x)
        x_adv = attack(self.net, x, lambda z: kl(target, z), 10)
        z = self.net(x)
        loss = F.cross_entropy(z, y) + 6.0 * kl(z, self.net(x_adv))
        return self._descend(loss)

    def dat(self, x0: Tensor, y: Tensor) -> float:
        x = crop_flip(x0, 4)
        x_adv = self._ae_attack(x, y, 0)
        xh = crop_flip(self._recombined(x0), 3)
        xh_adv = self._ae_attack(xh, y, 1)
        loss = self._descend(self._dat_loss(x, x_adv, xh.detach(), xh_adv, y))
        # Where the last projection was active, the attacked image follows.
        follows = ((xh_adv - xh).abs() >= EPS - 1e-6).float()
        xh_adv = xh_adv + follows * (xh - xh.detach())
        climbed = -self._dat_loss(x, x_adv, xh, xh_adv, y)
        self.ascent.zero_grad(set_to_none=True)
        climbed.backward()
        self.ascent.step()
        return loss

    def _ae_attack(self, x: Tensor, y: Tensor, branch: int) -> Tensor:
        def loss(z: Tensor) -> Tensor:
            with torch.no_grad():
                natural = self.net(x, branch)
            return F.cross_entropy(z, y, label_smoothing=SMOOTHING) + BETA * kl(
                natural, z
            )

        return attack(self.net, x, loss, 5, branch)

    def _recombined(self, x: Tensor) -> Tensor:
        spectrum = torch.fft.fft2(x)
        amplitude = spectrum.abs()
        self.net.eval()
        with torch.no_grad():
            logits = self.net(x)
        self.net.train()
        share = torch.rand(len(x), 1, 1, 1)
        mixed = share * self.generator(logits) + (1 - share) * amplitude
        return torch.fft.ifft2(torch.polar(mixed, spectrum.angle())).real.clamp(
            0, 1
        )

    def _dat_loss(
        self, x: Tensor, x_adv: Tensor, xh: Tensor, xh_adv: Tensor, y: Tensor
    ) -> Tensor:
        z, z_adv = self.net(x), self.net(x_adv)
        h, h_adv = self.net(xh, 1), self.net(xh_adv, 1)
        both = [
            F.cross_entropy(clean, y, label_smoothing=SMOOTHING)
            + BETA * kl(clean, adversarial)
            for clean, adversarial in ((z, z_adv), (h, h_adv))
        ]
        return sum(both) / 2 + OMEGA * js(z, h)

    def _descend(self, loss: Tensor) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()

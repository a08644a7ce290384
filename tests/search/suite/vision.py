"""Images: segmentation, residual and depthwise networks, attention, normalization, checkpointing."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

from tests.search.suite.basis import Learner, images, loaders
from tests.search.suite.registry import case

pictures = loaders(images)


class Classifier(Learner):
    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        return F.cross_entropy(self(x), y)


class Double(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.b(F.relu(self.a(x))))


@case("segmentation", "down.relu_1 down.relu_2 deep.relu_1 deep.relu_2 up.relu_1 up.relu_2", data=pictures)
class UNet(Learner):
    """U-Net with a skip connection and a Dice loss; F.relu in its blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep, self.up = Double(1, 4), Double(4, 8), Double(12, 4)
        self.head = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        near = self.down(x)
        far = F.interpolate(self.deep(F.max_pool2d(near, 2)), scale_factor=2)
        return self.head(self.up(torch.cat([near, far], 1)))

    def loss(self, batch: Any) -> Tensor:
        mask = (batch[0] > 0.5).float()
        guess = self(batch[0])
        p = torch.sigmoid(guess)
        dice = 1 - 2 * (p * mask).sum() / (p.sum() + mask.sum() + 1)
        return F.binary_cross_entropy_with_logits(guess, mask) + dice


class Basic(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


@case(
    "residual network",
    "stem.2 blocks.0.relu_1 blocks.0.relu_2 blocks.1.relu_1 blocks.1.relu_2",
    warns="used in several places",
    search_warns="used in several places",
    data=pictures,
)
class ResNet(Classifier):
    """Residual blocks with batch norm, `out += x` and one ReLU in place, called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.blocks = nn.Sequential(Basic(4), Basic(4))
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class Excite(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2, self.act = nn.Linear(width, 2), nn.Linear(2, width), nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.fc2(self.act(self.fc1(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


@case("mobile network", "net.2 net.4 net.5.act", data=pictures)
class Mobile(Classifier):
    """Depthwise convolutions with Hardswish and ReLU6; squeeze and excitation, whose gate stays."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.Hardswish(inplace=True),
            nn.Conv2d(4, 4, 3, padding=1, groups=4),
            nn.ReLU6(inplace=True),
            Excite(4),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 4),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


@case("dense network", "relu_1_1 relu_1_2 relu_1_3", data=pictures)
class DenseNet(Classifier):
    """Concatenated features in a loop over a ModuleList."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(1 + 2 * i, 2, 3, padding=1) for i in range(3))
        self.head = nn.Linear(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = torch.cat([x, F.relu(conv(x))], 1)
        return self.head(x.mean((2, 3)))


class Drop(nn.Module):
    def __init__(self, width: int, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.inner = nn.Sequential(
            nn.Linear(width, 8), nn.GELU(), nn.Dropout(0.1, inplace=True), nn.Linear(8, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x + self.inner(x)
        if torch.rand(()) < self.rate:
            return x
        return x + self.inner(x) / (1 - self.rate)


@case("stochastic depth", "blocks.0.inner.1 blocks.1.inner.1 blocks.2.inner.1", data=pictures)
class StochasticDepth(Classifier):
    """Blocks that are skipped at random in training; dropout in place."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Drop(64, 0.3) for _ in range(3)))
        self.head = nn.Linear(64, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(x.flatten(1)))


@case("spectral norm", "net.1 net.3", data=pictures)
class Spectral(Classifier):
    """Spectral norm of convolutions and the linear head."""

    def __init__(self) -> None:
        super().__init__()
        norm = parametrizations.spectral_norm
        self.net = nn.Sequential(
            norm(nn.Conv2d(1, 4, 3, stride=2)), nn.LeakyReLU(0.2), norm(nn.Conv2d(4, 4, 3)), nn.LeakyReLU(0.2)
        )
        self.head = norm(nn.Linear(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.net(x).flatten(1))


@case("weight norm", "net.2", data=pictures)
class Parametrized(Classifier):
    """Weight norm, an orthogonal matrix and a parametrization of one's own."""

    class Symmetric(nn.Module):
        def forward(self, w: Tensor) -> Tensor:
            return w.triu() + w.triu(1).mT

    def __init__(self) -> None:
        super().__init__()
        square = nn.Linear(8, 8)
        nn.utils.parametrize.register_parametrization(square, "weight", self.Symmetric())
        self.net = nn.Sequential(
            nn.Flatten(), parametrizations.weight_norm(nn.Linear(64, 8)), nn.ELU(), square
        )
        self.head = parametrizations.orthogonal(nn.Linear(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.net(x))


@case("vision transformer", "encoder.layers.0.activation encoder.layers.1.activation", data=pictures)
class ViT(Classifier):
    """Patches, a class token and nn.TransformerEncoder with GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, 8, 4, stride=4)
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        layer = nn.TransformerEncoderLayer(
            8, 2, 16, 0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patch(x).flatten(2).mT
        all_tokens = torch.cat([self.token.expand(len(x), -1, -1), patches], 1)
        return self.head(self.encoder(all_tokens)[:, 0])


@case("gradient checkpointing", "blocks.0.1 blocks.1.1", data=pictures)
class Checkpointed(Classifier):
    """Blocks under torch.utils.checkpoint, computed again in the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace=True)) for _ in range(2)
        )
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False)
        return self.head(x.mean((2, 3)))


@case("detection", "body.1 body.3", data=pictures)
class Detector(Learner):
    """A score and a box from two heads; sigmoid and softplus give the box its range."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.score, self.box = nn.Linear(16, 1), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x).flatten(1)
        center, size = self.box(h).chunk(2, 1)
        return self.score(h), torch.cat([center.sigmoid(), F.softplus(size)], 1)

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        score, box = self(x)
        at = torch.stack([y // 2, y % 2], 1) / 2 + 0.25
        wanted = torch.cat([at, torch.full_like(at, 0.5)], 1)
        return F.binary_cross_entropy_with_logits(score[:, 0], (y > 0).float()) + F.smooth_l1_loss(
            box, wanted
        )


@case("forward hooks", "net.1.1 net.3", data=pictures)
class Hooked(Classifier):
    """Features taken by a forward hook on an activation; their size is part of the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
        self.net[1] = nn.Sequential(self.net[1], nn.ReLU())
        self.net[1][1].register_forward_hook(self.keep)

    def keep(self, module: nn.Module, given: Any, found: Tensor) -> None:
        self.features = found

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def loss(self, batch: Any) -> Tensor:
        return super().loss(batch) + 0.01 * self.features.abs().mean()

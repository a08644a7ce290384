"""Modules and data that strangers write, and their comparison with plain trainings."""

from collections.abc import Callable, Sequence
from typing import Any

import lightning as L
import pytest
import torch
import torchmetrics
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from autoact import Assignment
from autoact.training import DataParts, Measurement, Member, split, train, train_stack

LENGTH: dict[str, Any] = {"max_epochs": 2, "accelerator": "cpu"}
CLASSES = 4


class Table(L.LightningModule):
    """Two hidden layers that name a class; what subclasses change is one thing each."""

    first, second = "net.1", "net.3"

    def __init__(self, width: int = 12, lr: float = 1e-2) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.lr = lr
        self.net: Any = nn.Sequential(
            nn.Linear(6, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, CLASSES)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def loss(self, batch: Any) -> Tensor:
        return F.cross_entropy(self(batch[0]), batch[1])

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.lr)


class Images(Table):
    """A convolutional network with BatchNorm; a bias before it has no gradient but rounding."""

    first, second = "net.2", "net.5"

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, CLASSES),
        )


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True, dropout=0.0)
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.before(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        return x + self.down(F.gelu(self.up(self.between(x))))


class Words(Table):
    """A transformer whose activations are calls in its source."""

    first, second = "blocks.0.gelu_1", "blocks.1.gelu_1"

    def __init__(self) -> None:
        super().__init__()
        self.net = None
        self.embedding = nn.Embedding(16, 8)
        self.blocks = nn.ModuleList([Block(8), Block(8)])
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embedding(x)
        for block in self.blocks:
            h = block(h)
        return self.head(h.mean(1))

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=self.lr)


class Encoder(Table):
    """torch's own encoder layer."""

    first = second = "layer.activation"

    def __init__(self) -> None:
        super().__init__()
        self.net = None
        self.embedding = nn.Embedding(16, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.embedding(x)).mean(1))


def table(rows: int = 52, batch_size: int = 16, **settings: Any) -> DataParts:
    x = torch.randn(rows, 6, generator=torch.Generator().manual_seed(5))
    y = (x[:, 0] > 0).long() + 2 * (x[:, 1] * x[:, 2] > 0).long()
    return parts(x, y, batch_size, **settings)


def images() -> DataParts:
    x = torch.randn(40, 1, 6, 6, generator=torch.Generator().manual_seed(5))
    return parts(x, (x.mean((1, 2, 3)) > 0).long(), 16)


def words() -> DataParts:
    x = torch.randint(0, 16, (40, 5), generator=torch.Generator().manual_seed(5))
    return parts(x, x.sum(1) % CLASSES, 16)


def parts(x: Tensor, y: Tensor, batch_size: int, **settings: Any) -> DataParts:
    rows = len(x) * 2 // 3
    train_rows, other = TensorDataset(x[:rows], y[:rows]), TensorDataset(x[rows:], y[rows:])
    loaders = (
        DataLoader(train_rows, batch_size, shuffle=True, **settings),
        DataLoader(other, 7),
        DataLoader(other, 5),
    )
    return split(loaders)


def members(module: type[Table], *pairs: tuple[str, str], seeds: Sequence[int] = (1,)) -> list[Member]:
    names = pairs or (("relu", "tanh"), ("prelu", "swish"), ("silu", "prelu"))
    found = [
        Member(assignment=Assignment({module.first: one, module.second: other}), seed=seed, comparison=True)
        for seed in seeds
        for one, other in names
    ]
    return [Member(assignment=None, seed=seeds[-1]), *found]


def plain(
    make: Callable[[], Any],
    data: DataParts,
    member: Member,
    trainer: dict[str, Any],
    monitor: str = "val_loss",
) -> Measurement:
    return train(
        make,
        data,
        seed=member.seed,
        monitor=monitor,
        trainer=trainer,
        assignment=member.assignment,
        comparison=member.comparison,
    )


def check_equal(
    make: Callable[[], Any],
    data: DataParts,
    stack: Sequence[Member],
    trainer: dict[str, Any] | None = None,
    monitor: str = "val_loss",
    compared: Sequence[int] | None = None,
) -> list[Measurement]:
    """Assert that every member ends as a plain training of it does; return their measurements."""
    trainer = LENGTH if trainer is None else trainer
    found = train_stack(make, data, stack, monitor=monitor, trainer=trainer)
    for place in range(len(stack)) if compared is None else compared:
        expected, own = plain(make, data, stack[place], trainer, monitor), found[place]
        assert own.selection == pytest.approx(expected.selection, rel=1e-4)
        assert (own.comparison is None) == (expected.comparison is None)
        if expected.comparison is not None:
            assert own.comparison == pytest.approx(expected.comparison, rel=1e-4)
        assert own.curve == pytest.approx(expected.curve, rel=1e-4)
        assert (own.steps, own.steps_at) == (expected.steps, expected.steps_at)
        assert (own.planned_steps, own.at) == (expected.planned_steps, expected.at)
        assert own.metrics == pytest.approx(expected.metrics, rel=1e-4, abs=1e-6)
        assert own.finite == expected.finite
        assert (own.rows is None) == (expected.rows is None)
    return found


class Accuracy(Table):
    """A metric that is updated and logged, as torchmetrics advises."""

    def __init__(self) -> None:
        super().__init__()
        self.accuracy = torchmetrics.Accuracy(task="multiclass", num_classes=CLASSES)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        logits = self(batch[0])
        self.accuracy(logits, batch[1])
        self.log("val_acc", self.accuracy)
        self.log("val_loss", F.cross_entropy(logits, batch[1]))

"""Perceptron for tables, trained on all folds of a cross-validation at once."""

from collections.abc import Callable, Sequence

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

Batch = tuple[Tensor, Tensor, Tensor] | tuple[Tensor, Tensor, Tensor, Tensor]


class FoldLinear(nn.Module):
    """One linear map per fold: (batch, inputs) or (folds, batch, inputs) to (folds, batch, outputs).

    Args:
        folds: How many.
        inputs: Numbers that come in.
        outputs: Numbers that go out.
    """

    def __init__(self, folds: int, inputs: int, outputs: int) -> None:
        super().__init__()
        layers = [nn.Linear(inputs, outputs) for _ in range(folds)]
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().T for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach()[None] for layer in layers]))

    def forward(self, x: Tensor) -> Tensor:
        """Return what each fold's map makes of its input."""
        folds = self.weight.shape[0]
        return torch.baddbmm(self.bias, x.expand(folds, *x.shape[-2:]), self.weight)

    def extra_repr(self) -> str:
        """Show the sizes."""
        folds, inputs, outputs = self.weight.shape
        return f"folds={folds}, inputs={inputs}, outputs={outputs}"


class Perceptron(L.LightningModule):
    """Hidden layers of ReLU units for rows of numbers: `net.1`, `net.4`, ... are its activations.

    A batch is (x, y, fold): the model of fold k learns from the rows of all other folds and is validated on
    the rows of fold k; rows with fold -1 belong to all, and judge the mean of the models. The folds share
    their activations, nothing else. A fourth tensor has the weights of the rows; over all batches their mean
    is 1.

    Args:
        inputs: Numbers per row.
        outputs: Classes; 1 for a regression.
        classification: Whether y is a class (int64) or a number.
        hidden: Units per hidden layer.
        folds: Models trained side by side.
        center: Mean of the regression's target.
        scale: Its standard deviation; `val_loss` is the squared error in this unit.
        lr: Learning rate at the start; it falls to 0 along a cosine.
        weight_decay: Of AdamW.
        dropout: Share of hidden units that a training step leaves out.
        network: Makes another network of inputs and outputs instead of the hidden layers; without folds.

    Example:
        >>> Perceptron(3, 2, hidden=(8,)).net
        Sequential(
          (0): Linear(in_features=3, out_features=8, bias=True)
          (1): ReLU()
          (2): Dropout(p=0.1, inplace=False)
          (3): Linear(in_features=8, out_features=2, bias=True)
        )
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        classification: bool = True,
        hidden: Sequence[int] = (64, 64),
        folds: int = 1,
        center: float = 0.0,
        scale: float = 1.0,
        lr: float = 3e-3,
        weight_decay: float = 1e-2,
        dropout: float = 0.1,
        network: Callable[[int, int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["network"])
        self.classification, self.folds = classification, folds
        self.center, self.scale = center, scale
        self.lr, self.weight_decay = lr, weight_decay
        if network is not None:
            self.net = network(inputs, outputs)
            return
        layers: list[nn.Module] = []
        for before, after in zip((inputs, *hidden), hidden, strict=False):
            layers += [self._linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
        self.net = nn.Sequential(*layers, self._linear((inputs, *hidden)[-1], outputs))

    def _linear(self, inputs: int, outputs: int) -> nn.Module:
        return nn.Linear(inputs, outputs) if self.folds == 1 else FoldLinear(self.folds, inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, classes) or numbers (batch,): the mean over folds."""
        return self._each(x).mean(0)

    def _each(self, x: Tensor) -> Tensor:
        """Return what each fold says, (folds, batch, classes) or (folds, batch)."""
        out: Tensor = self.net(x)
        out = out[None] if self.folds == 1 else out
        return out if self.classification else out.squeeze(-1) * self.scale + self.center

    def _errors(self, said: Tensor, y: Tensor) -> Tensor:
        """Return the loss of each fold on each row, (folds, batch)."""
        if not self.classification:
            return ((said - y) / self.scale).square()
        folds, rows, classes = said.shape
        flat = cross_entropy(said.reshape(-1, classes), y.repeat(folds), reduction="none")
        return flat.reshape(folds, rows)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the sum over folds of the mean loss on the rows that each may learn from."""
        x, y, fold, *weights = batch
        used = (fold != self._numbers(fold)).to(x.dtype)
        errors = _weighted(self._errors(self._each(x), y) * used, weights)
        return (errors.sum(1) / used.sum(1).clamp(min=1)).sum()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log `val_loss`, and `val_acc` or `val_mae`, on the rows that each fold has not learned from.

        Rows that belong to all folds are judged by the mean over folds, as `forward` returns it.
        """
        x, y, fold, *weights = batch
        used = ((fold == self._numbers(fold)) | (fold < 0)).to(x.dtype)
        each = self._each(x)
        said = torch.where((fold < 0).reshape(-1, *[1] * (each.ndim - 2)), each.mean(0, keepdim=True), each)
        right = (said.argmax(-1) == y).to(x.dtype) if self.classification else (said - y).abs()
        values = {
            "val_loss": self._errors(said, y),
            "val_acc" if self.classification else "val_mae": right,
        }
        rows = int(used.sum())
        means = {k: _weighted(v * used, weights).sum() / max(rows, 1) for k, v in values.items()}
        self.log_dict(means, batch_size=rows)

    def _numbers(self, fold: Tensor) -> Tensor:
        return torch.arange(self.folds, device=fold.device)[:, None]

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return AdamW with a cosine schedule over the whole training."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        steps = max(1, int(min(self.trainer.estimated_stepping_batches, 1e9)))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _weighted(errors: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Return errors times the weights of their rows, if there are any."""
    return errors * weights[0] if weights else errors

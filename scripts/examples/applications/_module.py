"""Module of an application: what is trained, and what guides the search and compares."""

from collections.abc import Callable
from typing import Any, TypeVar

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

import autoact
from autoact.search import SearchResult


class Application(L.LightningModule):
    """A model with a loss, and a value that guides the search; by default they are the same.

    Args:
        lr: Learning rate of Adam.
    """

    def __init__(self, lr: float = 1e-3) -> None:
        super().__init__()
        self.lr = lr

    def loss(self, batch: Any) -> Tensor:
        """Return what training minimizes."""
        raise NotImplementedError

    def value(self, batch: Any) -> Tensor:
        """Return what guides the search, and compares."""
        return self.loss(batch)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss."""
        return self.loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log the value."""
        self.log("val_loss", self.value(batch), batch_size=len(batch[0]))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Log the value."""
        self.log("test_loss", self.value(batch), batch_size=len(batch[0]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)


Made = TypeVar("Made", bound=Application)


def trained(
    make: Callable[[], Made], batches: DataLoader[Any], epochs: int, assignment: Any = None, seed: int = 0
) -> Made:
    """Return a model trained by hand, as the search trains it.

    Args:
        make: Makes a fresh model.
        batches: Loader of training batches.
        epochs: Passes over them.
        assignment: Activations by layer, or None for the model's own.
        seed: Of weights and batches.
    """
    torch.manual_seed(seed)
    model = make()
    if assignment is not None:
        autoact.apply(model, assignment)
    optimizer = torch.optim.Adam(model.parameters(), lr=model.lr)
    for _ in range(epochs):
        for batch in batches:
            optimizer.zero_grad()
            model.loss(batch).backward()
            optimizer.step()
    return model.eval()


def both(
    make: Callable[[], Made], result: SearchResult, batches: DataLoader[Any], epochs: int
) -> dict[str, Made]:
    """Return one trained model as it was, and one with what was chosen, for pictures.

    Args:
        make: Makes a fresh model.
        result: Of the search.
        batches: Loader of training batches.
        epochs: Passes over them.
    """
    chosen = trained(make, batches, epochs, result.assignment)
    return {"original": trained(make, batches, epochs), "chosen": chosen}

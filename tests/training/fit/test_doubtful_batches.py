"""Values that are no numbers are left to the loss, and refused where it does not leave them out."""

from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autoact.errors import DataError
from autoact.training import check, split
from autoact.training.fit import require_finite
from tests.training.models import LENGTH, Regression

NAN, INF = float("nan"), float("inf")


def rows(x=0.0, y=0.0):
    """Return 8 rows, the values of two of them given."""
    inputs, targets = torch.randn(8, 3), torch.randn(8, 1)
    inputs[4, 0], targets[5] = inputs[4, 0] + x, targets[5] + y
    return DataLoader(TensorDataset(inputs, targets), batch_size=2)


def tried(make, train, trainer=LENGTH, **more):
    parts = split((train, rows(), rows()))
    return require_finite(make, parts, check(parts), trainer, **more)


class Masked(Regression):
    """Leaves out targets that are no numbers."""

    def loss(self, batch):
        x, y = batch
        known = y.isfinite()
        return (self.net(x) - y)[known].square().mean()


class InputsMasked(Regression):
    """Leaves out rows whose inputs are no numbers from the loss, yet not from the gradients."""

    def loss(self, batch):
        x, y = batch
        return (self.net(x) - y)[x.isfinite().all(1)].square().mean()


class InputsFilled(Regression):
    """Fills inputs that are no numbers."""

    def loss(self, batch):
        return super().loss((batch[0].nan_to_num(0, 0, 0), batch[1]))


class Manual(Masked):
    """Steps on every fourth batch only."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        self.manual_backward(self.loss(batch))
        if batch_idx % 4 == 3:
            optimizer: Any = self.optimizers()
            optimizer.step()
            optimizer.zero_grad()


class ManualInputs(Manual):
    loss = InputsMasked.loss


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Masked, {"y": NAN}),
        (Masked, {"y": INF}),
        (Manual, {"y": NAN}),
        (InputsFilled, {"x": NAN}),
        (lambda: InputsFilled(schedule="one cycle"), {"x": -INF}),
    ],
)
def test_a_loss_that_leaves_them_out_passes(model, values):
    tried(model, rows(**values))


LOSS = "the model's loss is {} there"
GRADIENT = "the gradient of net.0.weight is not finite there, though the loss is"


@pytest.mark.parametrize(
    ("model", "values", "why"),
    [
        (Regression, {"y": NAN}, LOSS.format("nan")),
        (Regression, {"y": INF}, LOSS.format("inf")),
        (Masked, {"x": NAN}, LOSS.format("nan")),
        (InputsMasked, {"x": NAN}, GRADIENT),
        (ManualInputs, {"x": NAN}, GRADIENT),
        (InputsFilled, {"x": NAN, "y": NAN}, LOSS.format("nan")),
    ],
)
def test_a_loss_or_gradient_that_is_no_number_is_refused(model, values, why):
    with pytest.raises(DataError, match=rf"training data hold .* in batch 2 .*, and {why}\. Remove or fill"):
        tried(model, rows(**values))


def test_what_the_model_raises_on_them_is_told_in_one_line():
    class Raising(Regression):
        def loss(self, batch):
            if not batch[1].isfinite().all():
                raise ValueError("no numbers\nat all")
            return super().loss(batch)

    with pytest.raises(DataError, match=r"batch 2 .* the model raises there: ValueError: no numbers\. Rem"):
        tried(Raising, rows(y=NAN))


@pytest.mark.parametrize("place", ["configure_optimizers", "training_step"])
def test_an_error_that_has_nothing_to_do_with_them_is_raised_as_it_is(place):
    def bug(*arguments):
        raise ValueError("a bug")

    broken = type("Broken", (Masked,), {place: bug})
    with pytest.raises(ValueError, match=r"^a bug$"):
        tried(broken, rows(y=NAN))


def test_each_batch_finds_the_weights_of_the_start():
    seen = []

    class Watched(Masked):
        def training_step(self, batch, batch_idx):
            seen.append(self.net[0].weight.detach().clone())
            return 1e6 * super().training_step(batch, batch_idx)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=1e6)

    data = TensorDataset(torch.randn(8, 3), torch.tensor([NAN, 1.0] * 4)[:, None])
    tried(Watched, DataLoader(data, batch_size=2))
    assert len(seen) == 4
    assert all(torch.equal(seen[0], weight) for weight in seen)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_steps": 2, "accumulate_grad_batches": 4},
        {"limit_train_batches": 0.2, "val_check_interval": 3, "min_steps": 50},
        {"precision": "16-mixed"},
        {"overfit_batches": 1, "gradient_clip_val": 0.5},
    ],
    ids=str,
)
def test_the_length_of_a_training_is_none_of_its_business(settings):
    with pytest.raises(DataError, match=r"gradient of net.0.weight is not finite"):
        tried(InputsMasked, rows(x=NAN), {**LENGTH, **settings})
    tried(InputsFilled, rows(x=NAN), {**LENGTH, **settings})


class Filling(L.LightningDataModule):
    """Fills what is missing once a batch is on its device."""

    def train_dataloader(self):
        return rows(x=NAN)

    def val_dataloader(self):
        return rows()

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return batch[0].nan_to_num(), batch[1]


def test_a_data_module_may_fill_them_on_the_way():
    module = Filling()
    parts = split(module)
    require_finite(Regression, parts, check(parts), LENGTH)
    assert not {"train_dataloader", "val_dataloader"} & set(vars(module))


def test_a_step_gets_the_batches_of_several_loaders():
    class Two(Masked):
        def training_step(self, batch, batch_idx):
            return self.loss(batch["a"]) + self.loss(batch["b"])

    loaders = {"a": rows(), "b": rows(y=NAN)}
    for given in (loaders, CombinedLoader(loaders, "min_size")):
        tried(Two, given)


def test_good_data_make_no_model():
    tried(lambda: nn.Linear(2, 2), rows())

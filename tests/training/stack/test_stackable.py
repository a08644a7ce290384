"""What a stack refuses, naming it; nothing is trained wrong without a word."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import lightning as L
import pytest
import torch
import torchmetrics
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from autoact import Assignment
from autoact.training import Member, NotStackable, split, train_stack
from tests.training.stack.strangers import CLASSES, LENGTH, Table, members, table


def refusal(make: Callable[[], Any], trainer: dict[str, Any] | None = None, **more: Any) -> str:
    stack = more.pop("stack", members(Table)[:2])
    data = more.pop("data", None) or table()
    with pytest.raises(NotStackable) as caught:
        train_stack(make, data, stack, monitor="val_loss", trainer={**LENGTH, **(trainer or {})})
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"accumulate_grad_batches": 2}, "trainer.accumulate_grad_batches=2"),
        ({"precision": "bf16-mixed"}, "trainer.precision='bf16-mixed'"),
        ({"precision": "16-mixed"}, "trainer.precision"),
        ({"callbacks": [EarlyStopping("val_loss")]}, "trainer.callbacks"),
        ({"callbacks": EarlyStopping("val_loss")}, "trainer.callbacks"),
        ({"strategy": "ddp"}, "trainer.strategy"),
        ({"devices": 2}, "trainer.devices=2"),
        ({"profiler": "simple"}, "trainer.profiler"),
        ({"max_time": "00:00:01:00"}, "trainer.max_time"),
        ({"min_epochs": 2}, "trainer.min_epochs"),
        ({"min_steps": 2}, "trainer.min_steps"),
        ({"overfit_batches": 1}, "trainer.overfit_batches"),
        ({"fast_dev_run": True}, "trainer.fast_dev_run"),
        ({"reload_dataloaders_every_n_epochs": 1}, "trainer.reload_dataloaders_every_n_epochs"),
        ({"detect_anomaly": True}, "trainer.detect_anomaly"),
        ({"val_check_interval": "00:00:01:00"}, "trainer.val_check_interval"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",  # the same in every process
)
def test_settings_that_a_stack_does_not_follow(settings: dict[str, Any], said: str) -> None:
    assert said in refusal(Table, settings)


def test_what_saves_or_prints_is_no_hindrance() -> None:
    settings = {**LENGTH, "callbacks": [ModelCheckpoint()], "max_steps": 1, "max_epochs": None}
    assert len(train_stack(Table, table(), members(Table)[:1], monitor="val_loss", trainer=settings)) == 1


HOOKS = [
    "on_train_start",
    "on_train_end",
    "on_train_epoch_end",
    "on_train_batch_start",
    "on_before_optimizer_step",
    "on_after_backward",
    "optimizer_step",
    "optimizer_zero_grad",
    "configure_gradient_clipping",
    "lr_scheduler_step",
    "configure_callbacks",
    "backward",
    "transfer_batch_to_device",
    "on_fit_start",
    "log",
    "train",
]


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks_that_a_stack_does_not_call(hook: str) -> None:
    own = getattr(Table, hook)

    def overridden(self: Any, *arguments: Any, **settings: Any) -> Any:
        return own(self, *arguments, **settings)

    module = type("Hooked", (Table,), {hook: overridden})
    assert refusal(module) == f"Hooked overrides {hook}"


class Manual(Table):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False


class Dropped(Table):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss((nn.functional.dropout(batch[0]), batch[1]))


class Mixed(Table):
    """Drops out by a layer, and draws otherwise besides."""

    def __init__(self) -> None:
        super().__init__()
        self.net[2] = nn.Sequential(nn.Dropout(0.5), self.net[2])

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss((batch[0] + torch.randn(()), batch[1]))


class Noise(Table):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        import numpy as np

        return self.loss((batch[0] + np.random.rand(), batch[1]))


class Counting(Table):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.calls += 1
        return self.loss(batch)


class Remembering(Table):
    def __init__(self) -> None:
        super().__init__()
        self.losses: list[Any] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        self.losses.append(loss.detach())
        return loss


class Averaging(Table):
    """A buffer that is another tensor after every step, which a functional call forgets."""

    average: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("average", torch.zeros(()))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        self.average = 0.9 * self.average + 0.1 * loss.detach()
        return loss + self.average


class Metered(Table):
    def __init__(self) -> None:
        super().__init__()
        self.accuracy = torchmetrics.Accuracy(task="multiclass", num_classes=CLASSES)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        logits = self(batch[0])
        self.accuracy(logits, batch[1])
        self.log("train_acc", self.accuracy)
        return F.cross_entropy(logits, batch[1])


class Updated(Metered):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        logits = self(batch[0])
        self.log("train_acc", self.accuracy(logits, batch[1]))
        return F.cross_entropy(logits, batch[1])


class Branching(Table):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        return loss if loss.item() > 0 else 2 * loss


class Itself(Table):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x = batch[0].requires_grad_(True)
        slope = torch.autograd.grad(self(x).sum(), x, create_graph=True)[0]
        return self.loss(batch) + slope.square().mean()


class Silent(Table):
    def training_step(self, batch: Any, batch_idx: int) -> None:
        return None


class Wrapped(Table):
    """Counts the whole stack as one, which no attribute tells."""

    seen: ClassVar[list[int]] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        type(self).seen.append(1)
        return self.loss(batch) * len(type(self).seen)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (Manual, "optimizes manually"),
        (Dropped, "training_step draws random numbers"),
        (Mixed, "training_step draws random numbers"),
        (Noise, "training_step draws random numbers"),
        (Counting, "training_step changes self.calls"),
        (Remembering, "training_step changes self.losses"),
        (Averaging, "the stack differs from plain trainings in average"),
        (Metered, "training_step logs 'train_acc', which is not one number"),
        (Updated, "training_step changes self.accuracy"),
        (Branching, "training_step does not run for many networks at once"),
        (Itself, "training_step does not run for many networks at once"),
        (Silent, "training_step returned NoneType, not a loss"),
        (Wrapped, "the stack differs from plain trainings in the value of training_step"),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else "",
)
def test_steps_that_cannot_run_for_all_networks_at_once(module: type[Table], said: str) -> None:
    assert said in refusal(module)


class Optimizing(Table):
    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self.make = make

    def configure_optimizers(self) -> Any:
        return self.make(self)


def test_optimizers_and_schedules_that_are_not_known() -> None:
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau

    class Own(torch.optim.Adam):
        """Somebody's own."""

    def reduced(module: Any) -> Any:
        optimizer = torch.optim.Adam(module.parameters())
        return {"optimizer": optimizer, "lr_scheduler": plateau(optimizer), "monitor": "val_loss"}

    made: dict[str, Callable[[Any], Any]] = {
        "LBFGS": lambda module: torch.optim.LBFGS(module.parameters()),
        "Own": lambda module: Own(module.parameters()),
        "ReduceLROnPlateau": reduced,
        "a parameter that the model lacks": lambda module: torch.optim.Adam(
            [*module.parameters(), nn.Parameter(torch.ones(2))]
        ),
    }
    for said, make in made.items():
        assert said in refusal(partial(Optimizing, make))


def test_data_that_a_stack_cannot_put_together() -> None:
    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Any:
            return iter([(torch.zeros(6), torch.tensor(0))] * 4)

    rows = TensorDataset(torch.randn(8, 6), torch.randint(0, CLASSES, (8,)))
    stream = split((DataLoader(Stream(), 2), DataLoader(rows, 4), DataLoader(rows, 4)))
    assert "have no length" in refusal(Table, data=stream)

    class Lists:
        def __iter__(self) -> Any:
            return iter([rows[:4], rows[4:]])

        def __len__(self) -> int:
            return 2

    lists = split((Lists(), DataLoader(rows, 4), DataLoader(rows, 4)))
    assert "which is no DataLoader" in refusal(Table, data=lists)


def test_data_modules_that_change_batches_on_their_way() -> None:
    class Data(L.LightningDataModule):
        def train_dataloader(self) -> Any:
            return table().data[0]  # type: ignore[index]

        def val_dataloader(self) -> Any:
            return table().data[1]  # type: ignore[index]

        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            return batch

    assert refusal(Table, data=split(Data)) == "Data overrides on_after_batch_transfer"


def test_an_activation_that_the_model_lacks_is_left_to_a_plain_training_to_explain() -> None:
    stack = [Member(assignment=None, seed=1), Member(assignment=Assignment({"net.9": "tanh"}), seed=1)]
    assert "no activation at 'net.9'" in refusal(Table, stack=stack)


def test_batches_that_differ_in_size_from_seed_to_seed() -> None:
    class Shuffled(torch.utils.data.Sampler[Any]):
        def __iter__(self) -> Any:
            first = int(torch.randint(1, 7, ()))
            return iter([list(range(first)), list(range(first, 8))])

        def __len__(self) -> int:
            return 2

    rows = TensorDataset(torch.randn(8, 6), torch.randint(0, CLASSES, (8,)))
    data = split((DataLoader(rows, batch_sampler=Shuffled()), DataLoader(rows, 4), DataLoader(rows, 4)))
    assert "differ in size" in refusal(Table, data=data, stack=members(Table, seeds=(1, 2, 3)))

"""A stack of one leaves the checkpoint that Lightning would have left."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from autoact.spaces import Assignment
from autoact.training import NotStackable, split, train
from autoact.training.stack import Member, train_stack
from autoact.training.tasks import DigitsData, DigitsModel

pytest.importorskip("sklearn")
TRAINER: dict[str, Any] = {"max_epochs": 3, "accelerator": "cpu", "limit_train_batches": 4}
CHOICE = Assignment({"net.1": "prelu", "net.3": "elu"})


class Scheduled(DigitsModel):
    def __init__(self, width: int = 8, interval: str = "epoch") -> None:
        super().__init__(width)
        self.save_hyperparameters()
        self.interval = interval

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": self.interval},
        }


def both(model: Any, folder: Path) -> tuple[Path, Path]:
    parts, files = split(DigitsData), (folder / "plain.ckpt", folder / "stack.ckpt")
    settings: dict[str, Any] = {"monitor": "val_loss", "trainer": TRAINER}
    train(model, parts, seed=3, assignment=CHOICE, comparison=True, checkpoint=files[0], **settings)
    members = [Member(assignment=CHOICE, seed=3, comparison=True)]
    (found,) = train_stack(model, parts, members, checkpoint=files[1], **settings)
    assert found.unsaved is None
    return files


def without_values(found):
    """Return a checkpoint without its tensors and how much was validated."""
    if isinstance(found, dict):
        return {k: without_values(v) for k, v in found.items() if k != "epoch_loop.val_loop.batch_progress"}
    if isinstance(found, list | tuple):
        return [without_values(each) for each in found]
    return found.shape if isinstance(found, torch.Tensor) else found


@pytest.mark.slow
@pytest.mark.parametrize("interval", ["epoch", "step"])
def test_a_stack_of_one_saves_what_lightning_saves(tmp_path, interval):
    plain, stack = (torch.load(file) for file in both(lambda: Scheduled(8, interval), tmp_path))
    assert without_values(plain) == without_values(stack)
    assert (plain["epoch"], plain["global_step"]) == (3, 12)
    for name, tensor in plain["state_dict"].items():
        torch.testing.assert_close(stack["state_dict"][name], tensor, atol=1e-5, rtol=1e-4)
    for one, other in zip(
        *(each["optimizer_states"][0]["state"].values() for each in (plain, stack)), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-3)


@pytest.mark.slow
def test_a_training_goes_on_from_it_as_from_lightnings(tmp_path, make_trainer):
    ends: list[Any] = []
    for file in both(lambda: Scheduled(8), tmp_path):
        model = Scheduled.load_from_checkpoint(file)
        L.seed_everything(0, verbose=False)
        trainer = make_trainer(**{**TRAINER, "max_epochs": 5})
        trainer.fit(model, DigitsData(), ckpt_path=file)
        ends.append((trainer.current_epoch, trainer.global_step, trainer.optimizers[0].param_groups[0]["lr"]))
        ends.append(float(trainer.callback_metrics["val_loss"]))
    assert ends[0] == ends[2] == (5, 20, 2e-3 / 4)
    assert ends[1] == pytest.approx(ends[3], rel=1e-3)


class Counting(DigitsModel):
    """Adds to its checkpoint what only Lightning's loop leaves in the Trainer."""

    def on_save_checkpoint(self, checkpoint):
        checkpoint["value"] = float(self.trainer.callback_metrics["val_loss"])


class CountingData(DigitsData):
    def state_dict(self):
        return {"epochs": 3}


class StatefulLoader(DataLoader):
    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


class StatefulData(DigitsData):
    def train_dataloader(self):
        return StatefulLoader(super().train_dataloader().dataset, 32)


class Diverging(DigitsModel):
    at: int

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        return loss * float("nan") if self.global_step >= self.at else loss


class DivergingAtOnce(Diverging):
    at = 1


class DivergingLater(Diverging):
    at = 5


@pytest.mark.parametrize(
    ("model", "data", "said"),
    [
        (Counting, DigitsData, "Counting overrides on_save_checkpoint, so Lightning saves it"),
        (DigitsModel, CountingData, "CountingData overrides state_dict, so Lightning saves it"),
        (DigitsModel, StatefulData, "loaders that have a state are saved by Lightning"),
        (DivergingAtOnce, DigitsData, "what ends within an epoch is saved by Lightning"),
        (DivergingLater, DigitsData, "what ends within an epoch is saved by Lightning"),
    ],
)
def test_what_a_bare_loop_would_save_otherwise_is_left_to_lightning(tmp_path, model, data, said):
    asked: dict[str, Any] = {"monitor": "val_loss", "trainer": {**TRAINER, "val_check_interval": 0.5}}
    members = [Member(assignment=CHOICE, seed=3)]
    with pytest.raises(NotStackable, match=said):
        train_stack(model, split(data), members, checkpoint=tmp_path / "none.ckpt", **asked)
    assert not list(tmp_path.iterdir())
    assert train_stack(model, split(data), members, **asked)[0].steps > 0


def test_what_ends_within_an_epoch_is_left_to_lightning(tmp_path):
    with pytest.raises(NotStackable, match="within an epoch"):
        train_stack(
            DigitsModel,
            split(DigitsData),
            [Member(assignment=CHOICE, seed=3)],
            monitor="val_loss",
            trainer={"max_steps": 5, "accelerator": "cpu"},
            checkpoint=tmp_path / "none.ckpt",
        )
    assert not list(tmp_path.iterdir())

"""A training that is paused and goes on later ends where one without a pause ends."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, StochasticWeightAveraging
from torch import nn

from autoact import Assignment
from autoact.errors import ConfigurationError
from autoact.training import Training, train
from tests.training.models import Regression, load, rows

LENGTH: dict[str, Any] = {"max_epochs": 6, "accelerator": "cpu"}
STEPS = 36


class Noisy(Regression):
    """With dropout, and an optimizer and a schedule that remember."""

    def __init__(self, schedule: str = "none") -> None:
        super().__init__(schedule=schedule)
        self.net.insert(2, nn.Dropout(0.2))

    def configure_optimizers(self) -> Any:
        if self.schedule == "plateau":
            optimizer = torch.optim.Adam(self.parameters(), lr=0.05)
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=0.5)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": "val_loss"}}
        return super().configure_optimizers()


def run(model: Any = Noisy, **changes: Any) -> Training:
    generator = torch.Generator() if changes.pop("own_generator", False) else None
    data = (load(rows(96), 16, shuffle=True, generator=generator), load(rows(32, seed=1), 16))
    settings: dict[str, Any] = {"seed": 3, "monitor": "val_loss", "trainer": LENGTH}
    return train(model, data, **{**settings, **changes})


def in_parts(folder: Path, *shares: float, **changes: Any) -> list[Training]:
    parts, state = [], None
    for number, share in enumerate([*shares, 1.0]):
        torch.rand(number)  # whatever else the process does in between
        parts.append(run(until=share, resume_from=state, save_to=folder / f"{number}.ckpt", **changes))
        state = folder / f"{number}.ckpt"
    return parts


@pytest.mark.parametrize("schedule", ["none", "lambda", "one cycle", "plateau"])
def test_a_paused_training_ends_as_one_in_one_go(tmp_path: Path, schedule: str) -> None:
    model = lambda: Noisy(schedule)  # noqa: E731
    whole, parts = run(model), in_parts(tmp_path, 1 / 6, 0.5, model=model)
    assert [value for part in parts for value in part.curve] == whole.curve
    assert [part.steps for part in parts] == [6, 12, 18]
    assert {part.planned_steps for part in parts} == {STEPS}
    assert [part.ended for part in parts] == [False, False, True]
    assert parts[-1].selection == whole.selection


def test_loaders_with_generators_of_their_own_go_on(tmp_path: Path) -> None:
    whole, parts = run(own_generator=True), in_parts(tmp_path, 0.5, own_generator=True)
    assert parts[-1].selection == whole.selection


def test_activations_callbacks_and_late_validations_go_on(tmp_path: Path) -> None:
    average = StochasticWeightAveraging(0.01, swa_epoch_start=2)
    settings = {**LENGTH, "min_epochs": 4, "check_val_every_n_epoch": 2, "callbacks": [average]}
    changes = {"trainer": settings, "assignment": Assignment({"net.1": "tanh", "net.4": "prelu"})}
    whole, parts = run(**changes), in_parts(tmp_path, 0.5, **changes)
    assert parts[0].steps == 18
    assert parts[-1].selection == whole.selection


def test_a_mixture_goes_on(tmp_path: Path) -> None:
    whole, parts = run(space=["relu", "elu"]), in_parts(tmp_path, 0.5, space=["relu", "elu"])
    assert parts[-1].selection == whole.selection
    assert parts[-1].assignment == whole.assignment


def test_a_training_that_ends_by_itself_leaves_no_state(tmp_path: Path) -> None:
    settings = {**LENGTH, "callbacks": [EarlyStopping("val_loss", patience=0, min_delta=10.0)]}
    part = run(trainer=settings, until=0.5, save_to=tmp_path / "state.ckpt")
    assert (part.steps, part.ended) == (12, True)
    assert list(tmp_path.iterdir()) == []


def test_a_state_is_written_whole_and_only_if_asked_for(tmp_path: Path) -> None:
    run(until=0.5)
    run(until=1.0, save_to=tmp_path / "none.ckpt")
    assert list(tmp_path.iterdir()) == []
    run(until=0.01, save_to=tmp_path / "new" / "state.ckpt")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["state.ckpt"]


@pytest.mark.parametrize("share", [0, -0.5, 1.5])
def test_until_is_a_share(share: float) -> None:
    with pytest.raises(ConfigurationError, match=f"until={share}"):
        run(until=share)


def test_without_epochs_there_is_no_pause() -> None:
    with pytest.raises(ConfigurationError, match="set the trainer's max_epochs"):
        run(trainer={"max_steps": 20, "max_epochs": -1, "accelerator": "cpu"}, until=0.5)

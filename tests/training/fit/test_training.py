import csv
import math
import pickle
import time
import warnings
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.utils.data import IterableDataset

from autoact import Assignment
from autoact.errors import ConfigurationError
from autoact.training import split
from tests.training.models import LENGTH, Regression, load


def test_the_result_is_that_of_a_plain_trainer(run, module, loaders, make_trainer):
    began = time.perf_counter()
    result = run()
    elapsed = time.perf_counter() - began
    assert result.steps == result.planned_steps == 18
    assert len(result.curve) == 3
    assert result.curve[-1] == result.selection == result.metrics["val_loss"]
    assert result.curve[0] > result.curve[-1]
    assert (result.comparison, result.assignment, result.finite) == (None, None, True)
    assert 0 < result.seconds <= elapsed


def test_the_seed_decides_everything(run, dataset):
    generator = torch.Generator()
    data = (load(dataset(96), 16, shuffle=True, generator=generator), load(dataset(32)))
    first, again, other = run(data=data), run(data=data), run(data=data, seed=2)
    assert first.selection == again.selection != other.selection


def test_data_made_at_random_follow_the_seed(run, dataset):
    class Drawing(Module):
        def __init__(self):
            super().__init__(dataset)
            self.chosen = torch.randperm(96)[:32].tolist()

        def train_dataloader(self):
            return load([self.dataset(96)[i] for i in self.chosen], 16)

    assert run(data=Drawing).selection == run(data=Drawing).selection != run(data=Drawing, seed=2).selection


def test_seeds_pair_models_of_different_activations(run, module):
    """Same initial weights, same order of the data: what a paired comparison rests on."""
    seen = []

    class Noting(Regression):
        def training_step(self, batch, batch_idx):
            if self.global_step == 0:
                seen.append((self.net[0].weight.detach().clone(), batch[0]))
            return super().training_step(batch, batch_idx)

    run(Noting)
    run(Noting, assignment=Assignment({"net.1": "tanh"}))
    run(Noting, space=["relu", "tanh"])
    assert all(torch.equal(seen[0][i], other[i]) for other in seen[1:] for i in (0, 1))


def test_the_callers_random_state_stays(run):
    before = torch.get_rng_state()
    run()
    assert torch.equal(before, torch.get_rng_state())


def test_an_assignment_is_trained_as_given(run, any_module):
    names: list[str] = []

    class Look(L.Callback):
        def on_train_start(self, trainer, pl_module):
            names.extend(type(pl_module.net[i]).__name__ for i in (1, 3))
            held = {id(p) for group in trainer.optimizers[0].param_groups for p in group["params"]}
            assert held == {id(p) for p in pl_module.parameters()}

    result = run(any_module, assignment=Assignment({"net.1": "tanh", "net.3": "prelu"}), callbacks=[Look()])
    assert names == ["Tanh", "PReLU"]
    assert result.assignment is None


def test_a_space_trains_a_mixture_and_derives_an_assignment(run, any_module):
    result = run(any_module, space=["relu", "tanh"])
    assert list(result.assignment) == ["net.1", "net.3"]
    assert result.steps == 18


def test_assignment_and_space_exclude_each_other(run):
    with pytest.raises(ConfigurationError, match="not both"):
        run(assignment=Assignment({"net.1": "tanh"}), space=["relu"])


def test_a_fraction_shortens_steps_and_schedules_know(run, module):
    lengths = []

    class Scheduled(Regression):
        def configure_optimizers(self):
            lengths.append(self.trainer.estimated_stepping_batches)
            return super().configure_optimizers()

    result = run(Scheduled, limit_fraction=0.45)
    assert (result.steps, result.planned_steps, lengths) == (8, 18, [8])
    assert len(result.curve) == 2  # one at the end of the first epoch, one after the last step
    assert run(limit_fraction=1e-9).steps == 1


def test_data_without_length_are_shortened_by_epochs(run, dataset):
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(dataset(32))

    data = (load(Stream(), batch_size=8), load(dataset(32)))
    result = run(data=data, trainer={**LENGTH, "max_epochs": 4}, limit_fraction=0.5)
    assert (result.steps, result.planned_steps) == (8, math.inf)


def test_selection_is_measured_on_the_final_model(run, loader, loaders):
    """Validation every second of three epochs: the last one is made up for."""
    data = (loader, loaders[1], loaders[1])
    every, second = run(data=data), run(data=data, trainer={**LENGTH, "check_val_every_n_epoch": 2})
    assert second.selection == every.selection
    assert second.curve == every.curve[1:]


def test_comparison_is_the_same_metric_on_other_data(run, loaders, dataset):
    same = run(data=(*loaders, loaders[1]), comparison=True)
    assert same.comparison == pytest.approx(same.selection)
    other = run(data=(*loaders, load(dataset(32, seed=5), 16)), comparison=True)
    assert other.selection == same.selection
    assert other.comparison != same.comparison


class Module(L.LightningDataModule):
    """Counts how often each row of its test data is read."""

    reads = 0

    def __init__(self, dataset):
        super().__init__()
        self.dataset = dataset

    def train_dataloader(self):
        return load(self.dataset(96), 16)

    def val_dataloader(self):
        return load(self.dataset(32, seed=1), 16)


class WithTest(Module):
    def test_dataloader(self):
        rows, counter = self.dataset(32, seed=2), self

        class Counted(torch.utils.data.Dataset):
            def __len__(self):
                return len(rows)

            def __getitem__(self, index):
                counter.reads += 1
                return rows[index]

        return load(Counted(), 16)


def test_test_data_are_read_once_and_only_for_the_comparison(run, dataset):
    data = WithTest(dataset)
    run(data=data)
    assert data.reads == 0
    assert run(data=data, comparison=True).comparison is not None
    assert data.reads == 32


def test_a_data_module_reaches_the_model_and_is_halved(run, module, dataset):
    class Asking(Regression):
        def on_train_start(self):
            trainer: Any = self.trainer
            assert isinstance(trainer.datamodule, Module)
            assert len(trainer.val_dataloaders.dataset) == 16

    result = run(Asking, data=split(Module(dataset), seed=4), comparison=True)
    assert result.comparison != result.selection


def test_a_monitor_never_logged_lists_what_was(run, module):
    with pytest.raises(
        ConfigurationError, match=r"'val_acc' was never logged by the validation; .*logged: val_loss"
    ):
        run(monitor="val_acc")


def test_a_diverged_training_stops_and_says_so(run, module):
    class Diverging(Regression):
        def training_step(self, batch, batch_idx):
            return super().training_step(batch, batch_idx) * float("nan")

    result = run(Diverging, trainer={**LENGTH, "max_epochs": 50})
    assert not result.finite
    assert math.isnan(result.selection)
    assert result.steps == 6


def test_a_diverged_mixture_is_no_crash(run):
    class Diverging(Regression):
        def training_step(self, batch, batch_idx):
            return super().training_step(batch, batch_idx) * float("nan")

    result = run(Diverging, space=["relu", "elu"])
    assert not result.finite
    assert result.assignment is None


def test_a_metric_that_is_nan_for_a_while_stops_nothing(run, module):
    class LateMetric(Regression):
        def validation_step(self, batch, batch_idx):
            self.log("val_loss", float("nan") if self.current_epoch == 0 else self.loss(batch))

    result = run(LateMetric)
    assert result.finite
    assert result.steps == 18


def test_callbacks_of_the_user_act_and_start_afresh(run):
    stop = EarlyStopping("val_loss", patience=0, min_delta=10.0)
    settings = {**LENGTH, "max_epochs": 20, "callbacks": [stop, ModelCheckpoint()]}
    assert run(trainer=settings).steps == run(trainer=settings).steps == 12
    assert stop.stopped_epoch == 0


def test_it_is_silent_and_writes_nothing(run, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(comparison=True)
        run(space=["relu", "tanh"])
    assert [str(warning.message) for warning in caught] == []
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_the_trained_model_is_saved_whole(run, module, loaders, tmp_path):
    path = tmp_path / "checkpoints" / "final.ckpt"
    result = run(assignment=Assignment({"net.1": "tanh", "net.3": "swish"}), checkpoint=path)
    assert [file.name for file in path.parent.iterdir()] == ["final.ckpt"]
    model = module.load_from_checkpoint(path)
    assert isinstance(model.net[1], nn.Tanh)
    rows = split(loaders).selection().dataset
    x, y = (torch.stack(part) for part in zip(*rows, strict=True))
    assert model.loss((x, y)).item() == pytest.approx(result.selection, rel=1e-5)


def test_comparison_data_leave_no_trace_in_the_logs(run, loaders, tmp_path):
    logger = CSVLogger(tmp_path, name="", version="")
    result = run(data=loaders, comparison=True, logger=logger)
    table = (tmp_path / "metrics.csv").read_text().splitlines()
    logged = [float(row["val_loss"]) for row in csv.DictReader(table)]
    assert logged == pytest.approx(result.curve, rel=1e-5)
    assert result.comparison not in logged


@pytest.mark.parametrize("fraction", [0, -1, 1.5])
def test_a_fraction_is_a_share(run, fraction):
    with pytest.raises(ConfigurationError, match=f"limit_fraction={fraction}"):
        run(limit_fraction=fraction)


def test_results_pickle(run):
    result = run(space=["relu", "tanh"])
    assert pickle.loads(pickle.dumps(result)) == result


@pytest.mark.parametrize("when", [{"on_step": True}, {"on_step": False, "on_epoch": True}])
def test_a_monitor_that_only_training_logs_is_refused(run, when):
    class Careless(Regression):
        def training_step(self, batch, batch_idx):
            loss = self.loss(batch)
            self.log("train_loss", loss, **when)
            return loss

    with pytest.raises(ConfigurationError, match=r"'train_loss' .*only by the training; .*logged: val_loss"):
        run(Careless, monitor="train_loss")


@pytest.mark.parametrize("when", [{"on_step": True}, {"on_step": False, "on_epoch": True}])
def test_a_name_that_training_logs_too_is_read_from_the_validation(run, when):
    class Both(Regression):
        def training_step(self, batch, batch_idx):
            self.log("val_loss", torch.tensor(-1.0), **when)
            return self.loss(batch)

    result = run(Both)
    assert len(result.curve) == 3
    assert result.selection == result.metrics["val_loss"] == result.curve[-1] == run().selection

"""Pruning: a training ends on request after a validation."""

import math

import pytest
from torch.utils.data import IterableDataset

from tests.training.models import LENGTH, Regression, load


def test_a_pruned_training_ends_after_the_validation_that_decided(run, loaders, tmp_path):
    whole, asked = run(data=(*loaders, loaders[1]), comparison=True), []

    def prune(steps: int, value: float) -> bool:
        asked.append((steps, value))
        return steps >= 12

    result = run(
        data=(*loaders, loaders[1]), prune=prune, comparison=True, checkpoint=tmp_path / "final.ckpt"
    )
    assert asked == [(6, whole.curve[0]), (12, whole.curve[1])]
    assert (result.pruned, whole.pruned) == (True, False)
    assert (result.steps, result.steps_at, result.planned_steps) == (12, [6, 12], 18)
    assert result.at == pytest.approx([1 / 3, 2 / 3])
    assert (result.selection, result.curve) == (whole.curve[1], whole.curve[:2])
    assert result.comparison is None
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_asked_of_the_last_validation(run, loader, loaders):
    """Validation every second of three epochs: the last one comes after the training."""
    asked = []
    settings = {**LENGTH, "check_val_every_n_epoch": 2, "num_sanity_val_steps": 2}
    result = run(data=(loader, loaders[1]), trainer=settings, prune=lambda *at: asked.append(at))
    assert [steps for steps, _ in asked] == [12]
    assert (result.pruned, result.steps_at) == (False, [12, 18])


def test_a_training_at_its_last_step_is_whole_whatever_was_answered(run):
    result = run(prune=lambda steps, value: steps >= 18, comparison=True)
    assert (result.pruned, result.steps) == (False, 18)
    assert result.comparison is not None


@pytest.mark.parametrize("least", [{"min_epochs": 3}, {"min_steps": 18}])
def test_pruning_does_not_wait_for_the_least_length(run, least):
    result = run(trainer={**LENGTH, **least}, prune=lambda *_: True)
    assert (result.pruned, result.steps) == (True, 6)


def test_pruning_within_an_epoch(run):
    """Two validations in an epoch of 6 batches, whose gradients are accumulated in pairs."""
    settings = {**LENGTH, "val_check_interval": 0.5, "accumulate_grad_batches": 2}
    whole, result = run(trainer=settings), run(trainer=settings, prune=lambda steps, _: steps >= 4)
    assert whole.steps_at == [1, 3, 4, 6, 7, 9]
    assert (result.steps, result.steps_at, result.curve) == (4, [1, 3, 4], whole.curve[:3])


def test_a_pruned_mixture_derives_but_is_not_tuned(run):
    result = run(space=["relu", "elu"], prune=lambda *_: True, fine_tune=1.0)
    assert (result.pruned, result.steps) == (True, 6)
    assert list(result.assignment) == ["net.1", "net.3"]
    assert "discretization" not in result.mixture


def test_a_diverged_training_asks_no_more(run):
    class Diverging(Regression):
        def training_step(self, batch, batch_idx):
            return super().training_step(batch, batch_idx) * float("nan")

    result = run(Diverging, prune=lambda *_: pytest.fail("asked"))
    assert (result.pruned, result.finite) == (False, False)


def test_data_without_length_are_pruned_too(run, dataset):
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(dataset(32))

    result = run(data=(load(Stream(), batch_size=8), load(dataset(32))), prune=lambda *_: True)
    assert (result.pruned, result.steps, result.planned_steps) == (True, 4, math.inf)

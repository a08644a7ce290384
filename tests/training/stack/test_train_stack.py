"""A stack's members end as plain trainings of them do, whatever a stranger's module is."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from autoact import Assignment, Choice
from autoact.training import Member, NotStackable, split, train_stack
from autoact.training.stack._stacked_training import StackedTraining
from tests.training.stack.strangers import (
    CLASSES,
    LENGTH,
    Encoder,
    Images,
    Table,
    Words,
    check_equal,
    images,
    members,
    plain,
    table,
    words,
)

pytestmark = pytest.mark.slow


def test_members_of_one_seed_equal_plain_trainings() -> None:
    check_equal(Table, table(), members(Table))


def test_members_of_several_seeds_equal_plain_trainings() -> None:
    check_equal(Table, table(), members(Table, seeds=(3, 1)))


def test_every_member_may_have_a_seed_of_its_own() -> None:
    stack = [Member(assignment=None, seed=seed) for seed in (4, 2, 9)]
    check_equal(Table, table(), stack)


def test_a_stack_may_be_one_network() -> None:
    check_equal(Table, table(), members(Table)[1:2])


def test_a_convolutional_network_with_batch_norm_equals_plain_trainings() -> None:
    check_equal(Images, images(), members(Images, seeds=(1, 2)))


def test_a_transformer_with_calls_in_its_source_equals_plain_trainings() -> None:
    check_equal(Words, words(), members(Words, ("relu", "tanh"), ("gelu", "swish")))


def test_an_encoder_layer_of_torch_equals_plain_trainings() -> None:
    check_equal(Encoder, words(), members(Encoder, ("tanh", "tanh"), ("gelu", "gelu"), ("sin", "sin")))


def test_parameters_of_activations_are_those_of_plain_trainings() -> None:
    choices = [
        {"net.1": Choice("prelu", slope=0.1), "net.3": Choice("elu", alpha=0.5)},
        {"net.1": Choice("prelu", slope=0.4), "net.3": Choice("swish", beta=2.0)},
        {
            "net.1": Choice("leaky_relu", negative_slope=0.2),
            "net.3": Choice("prelu", slope=tuple([0.1] * 12)),
        },
    ]
    stack = [Member(assignment=Assignment(each), seed=2, comparison=True) for each in choices]
    check_equal(Table, table(), stack)


class Channels(Images):
    def __init__(self) -> None:
        super().__init__()
        self.net[2] = nn.PReLU(4)


def test_slopes_of_the_model_itself_are_learned_where_they_stay() -> None:
    stack = [
        Member(assignment=None, seed=1),
        Member(assignment=Assignment({"net.2": "tanh"}), seed=1),
        Member(assignment=Assignment({"net.5": "prelu"}), seed=1),
    ]
    check_equal(Channels, images(), stack)


class Dropping(Table):
    def __init__(self) -> None:
        super().__init__()
        shared = nn.Dropout(0.3)
        self.net = nn.Sequential(
            shared, *self.net[:2], nn.Dropout(0.0), *self.net[2:4], shared, *self.net[4:]
        )


class DrawnRows(TensorDataset):
    """Rows that are drawn between the steps."""

    def __getitem__(self, index: Any) -> Any:
        x, y = super().__getitem__(index)
        return x + 0.1 * torch.randn(()), y


@pytest.mark.parametrize("seeds", [(1,), (3, 1, 2)])
def test_dropout_leaves_out_what_it_leaves_out_in_plain_trainings(seeds: tuple[int, ...]) -> None:
    choices = [None, Assignment({"net.2": "tanh"}), Assignment({"net.5": "gelu"})]
    stack = [Member(assignment=each, seed=seed) for seed in seeds for each in choices]
    check_equal(Dropping, table(), stack)


@pytest.mark.parametrize(("kind", "turns"), [(TensorDataset, 2), (DrawnRows, 4)])
def test_batches_are_fetched_at_once_where_nothing_is_drawn_for_them(
    kind: type[TensorDataset], turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = []
    fetch = StackedTraining._next

    def counted(self: Any, iterators: Any, count: int) -> Any:
        fetched.append(count)
        return fetch(self, iterators, count)

    monkeypatch.setattr(StackedTraining, "_next", counted)
    data = kind(torch.randn(64, 6), torch.zeros(64, dtype=torch.long))
    parts = split((DataLoader(data, 16, shuffle=True), DataLoader(data, 64)))
    stack = [Member(assignment=Assignment({"net.2": "tanh"}), seed=seed) for seed in (2, 5)]
    train_stack(Dropping, parts, stack, monitor="val_loss", trainer={**LENGTH, "max_epochs": 2})
    assert len(fetched) == 2 * turns
    assert sum(fetched) == 2 * 4


def test_dropout_and_rows_that_are_drawn_take_turns() -> None:
    g = torch.Generator().manual_seed(1)
    x, y = torch.randn(52, 6, generator=g), torch.randint(CLASSES, (52,), generator=g)
    drawn = DataLoader(DrawnRows(x, y), batch_size=16, shuffle=True)
    validation = DataLoader(TensorDataset(x, y), batch_size=52)
    stack = [Member(assignment=Assignment({"net.2": "tanh"}), seed=seed) for seed in (2, 5)]
    check_equal(Dropping, split((drawn, validation)), stack)


class Loop(Table):
    """One activation that runs in every turn of a loop, and weights that two layers share."""

    first = second = "act"

    def __init__(self) -> None:
        super().__init__()
        self.net = None
        self.into, self.inner, self.out = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, CLASSES)
        self.again = self.inner
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        h = self.into(x)
        for _ in range(3):
            h = self.inner(self.act(h))
        return self.out(self.again(h))


def test_a_layer_of_a_loop_and_shared_weights_equal_plain_trainings() -> None:
    stack = [Member(assignment=Assignment({"act": name}), seed=1) for name in ("tanh", "prelu", "silu")]
    check_equal(Loop, table(), stack)


@pytest.mark.parametrize(
    "settings",
    [
        {"gradient_clip_val": 0.05},
        {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"},
        {"max_steps": 4, "max_epochs": None},
        {"max_steps": 6, "max_epochs": -1},
        {"check_val_every_n_epoch": 2, "max_epochs": 3},
        {"val_check_interval": 2},
        {"val_check_interval": 0.5},
        {"val_check_interval": 2, "check_val_every_n_epoch": None, "max_epochs": 3},
        {"limit_train_batches": 2, "limit_val_batches": 1},
        {"limit_train_batches": 0.7, "limit_val_batches": 0.5},
        {"precision": "32-true", "devices": 1, "logger": False, "enable_progress_bar": True},
    ],
    ids=str,
)
def test_settings_of_the_trainer_are_followed(settings: dict[str, Any]) -> None:
    check_equal(Table, table(), members(Table, seeds=(1, 2)), {**LENGTH, **settings}, compared=[0, 1, 6])


class Annealed(Table):
    """A loss that depends on the progress of the training."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        share = (
            (self.current_epoch + 1) / float(self.trainer.max_epochs or 1)
            + 0.1 * self.global_step
            + 0.01 * batch_idx
        )
        return self.loss(batch) * share


def test_a_step_sees_the_progress_of_the_training() -> None:
    check_equal(Annealed, table(), members(Annealed)[:2], {**LENGTH, "max_epochs": 3})


class WarmedUp(Table):
    """A term of the loss, and so of the value, grows by the epoch, as in variational autoencoders."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch) * (1 + self.current_epoch))


@pytest.mark.parametrize("length", [{"max_epochs": 2}, {"max_epochs": -1, "max_steps": 5}])
def test_a_comparison_sees_the_epoch_of_a_training_that_has_ended(length: dict[str, int]) -> None:
    """Beside one that was trained alone, a network was a third better without a word."""
    check_equal(WarmedUp, table(), members(WarmedUp)[:2], {**LENGTH, **length})


class Weighted(Table):
    """Buffers that are constant, that change, and parameters that are frozen."""

    weights: Tensor
    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weights", torch.tensor([1.0, 2.0, 1.0, 0.5]))
        self.register_buffer("mean", torch.zeros(12))
        self.net[0].weight.requires_grad_(False)

    def loss(self, batch: Any) -> Tensor:
        hidden = self.net[0](batch[0])
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * hidden.detach().mean(0))
        return F.cross_entropy(self.net[1:](hidden - self.mean), batch[1], weight=self.weights)


def test_buffers_and_frozen_parameters_equal_plain_trainings() -> None:
    check_equal(Weighted, table(), members(Weighted, seeds=(1, 2)))


class Late(Table):
    def __init__(self) -> None:
        super().__init__()
        self.net = None

    def configure_model(self) -> None:
        if self.net is None:
            self.net = Table().net


class InSetup(Late):
    def configure_model(self) -> None:
        pass

    def setup(self, stage: str) -> None:
        if self.net is None:
            self.net = Table().net


@pytest.mark.parametrize("module", [Late, InSetup])
def test_layers_that_hooks_make_equal_plain_trainings(module: type[Table]) -> None:
    check_equal(module, table(), members(module, seeds=(1, 2)), compared=[0, 1, 6])


class Steep(Table):
    """Learns so fast that some activations diverge."""

    def loss(self, batch: Any) -> Tensor:
        return (self(20 * batch[0])[:, 0] - batch[0][:, 0]).square().mean()

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def test_a_member_that_diverges_leaves_the_others_alone() -> None:
    names = ("relu_squared", "tanh", "sigmoid")
    stack = [
        Member(assignment=Assignment({"net.1": name, "net.3": name}), seed=1, comparison=name == "tanh")
        for name in names
    ]
    length = {**LENGTH, "max_epochs": 4}
    found = check_equal(Steep, table(), stack, length, compared=[1, 2])
    expected = plain(Steep, table(), stack[0], length)
    assert [each.finite for each in (expected, *found)] == [False, False, True, True]
    assert (found[0].steps, found[0].steps_at) == (expected.steps, expected.steps_at)
    assert found[0].steps < found[1].steps


def test_the_random_state_is_left_as_it_was() -> None:
    before = random.getstate(), np.random.get_state(legacy=False), torch.get_rng_state()
    train_stack(Table, table(), members(Table, seeds=(1, 2)), monitor="val_loss", trainer=LENGTH)
    assert random.getstate() == before[0]
    assert str(np.random.get_state(legacy=False)) == str(before[1])
    assert torch.equal(torch.get_rng_state(), before[2])


class Noisy(TensorDataset):
    """Rows with noise of the global generator, as augmentation draws it."""

    def __getitem__(self, index: int) -> Any:
        x, y = super().__getitem__(index)
        return x + 0.1 * torch.randn(6), y


def test_augmentation_draws_the_numbers_of_each_seed() -> None:
    x, y = torch.randn(32, 6), torch.randint(0, 4, (32,))
    other = DataLoader(Noisy(x, y), 8, shuffle=True)
    data = split((DataLoader(Noisy(x, y), 8, shuffle=True), other, other))
    check_equal(Table, data, members(Table, seeds=(1, 2)), compared=[0, 1, 6])


def test_loaders_with_a_generator_of_their_own_equal_plain_trainings() -> None:
    own = torch.Generator().manual_seed(3)
    check_equal(Table, table(generator=own), members(Table, seeds=(1, 2)), compared=[0, 1, 6])


def test_no_members_are_no_training() -> None:
    assert train_stack(Table, table(), [], monitor="val_loss", trainer=LENGTH) == []


def test_a_value_that_is_never_logged_is_left_to_plain_trainings() -> None:
    with pytest.raises(NotStackable, match="logs no 'val_los'"):
        train_stack(Table, table(), members(Table), monitor="val_los", trainer=LENGTH)

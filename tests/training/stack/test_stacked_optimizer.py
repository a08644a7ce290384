"""Optimizers and schedules of strangers train stacks as they train one network."""

from typing import Any

import pytest
import torch

from autoact.training.stack._stacked_optimizer import clip, fill
from tests.training.stack.strangers import LENGTH, Table, check_equal, members, table


class Optimized(Table):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def configure_optimizers(self) -> Any:
        return self.kind(self.parameters())


OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=1e-3),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.01),
    "radam": lambda p: torch.optim.RAdam(p, lr=0.01),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.05, initial_accumulator_value=0.1),
    "adamax": lambda p: torch.optim.Adamax(p, lr=0.01),
    "adadelta": lambda p: torch.optim.Adadelta(p, lr=1.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_on_the_list_equal_plain_trainings(name: str) -> None:
    check_equal(lambda: Optimized(OPTIMIZERS[name]), table(), members(Table)[:3])


class Grouped(Table):
    """No decay for what has one dimension, as many do; names count as well."""

    def configure_optimizers(self) -> Any:
        own = dict(self.named_parameters())
        decayed = [p for p in own.values() if p.ndim > 1]
        heads = [p for name, p in own.items() if p.ndim <= 1 and name.startswith("net.4")]
        others = [p for name, p in own.items() if p.ndim <= 1 and not name.startswith("net.4")]
        return torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": 0.5},
                {"params": heads, "lr": 1e-3, "weight_decay": 0.0},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=1e-2,
        )


@pytest.mark.slow
def test_groups_by_dimension_and_name_are_those_of_the_ordinary_module() -> None:
    check_equal(Grouped, table(), members(Grouped))


class Scheduled(Table):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)
        schedules = torch.optim.lr_scheduler
        if self.kind == "one cycle":
            total = int(self.trainer.estimated_stepping_batches)
            cycle = schedules.OneCycleLR(optimizer, 0.1, total_steps=total)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
        if self.kind == "cosine":
            return [optimizer], [schedules.CosineAnnealingLR(optimizer, 2)]
        step = schedules.ExponentialLR(optimizer, 0.5)
        return [optimizer], [{"scheduler": step, "interval": "step", "frequency": 2}]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one cycle", "cosine", "every other step"])
def test_schedules_equal_plain_trainings(kind: str) -> None:
    check_equal(lambda: Scheduled(kind), table(), members(Table)[:3], {**LENGTH, "max_epochs": 3})


@pytest.mark.parametrize("by", ["norm", "value"])
def test_gradients_are_clipped_network_by_network(by: Any) -> None:
    gradients = {"weight": torch.randn(3, 4, 2), "bias": torch.randn(3, 4)}
    gradients["weight"][1] = 0.0
    gradients["bias"][1] = 0.01
    gradients["bias"][2, 0] = torch.nan
    stack = [torch.zeros_like(each, requires_grad=True) for each in gradients.values()]
    for parameter, gradient in zip(stack, gradients.values(), strict=True):
        parameter.grad = gradient.clone()
    clip(torch.optim.SGD(stack), 0.5, by, 3)
    for member in range(3):
        alone = [torch.zeros_like(each[member], requires_grad=True) for each in gradients.values()]
        for parameter, gradient in zip(alone, gradients.values(), strict=True):
            parameter.grad = gradient[member].clone()
        way = torch.nn.utils.clip_grad_norm_ if by == "norm" else torch.nn.utils.clip_grad_value_
        way(alone, 0.5)
        for parameter, own in zip(stack, alone, strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad[member], own.grad, equal_nan=True)


@pytest.mark.parametrize(
    ("kind", "given", "fused"),
    [
        (torch.optim.Adam, {}, True),
        (torch.optim.SGD, {"lr": 0.1}, True),
        (torch.optim.Adam, {"foreach": True}, None),
        (torch.optim.Adam, {"lr": torch.tensor(0.1, dtype=torch.float64), "capturable": True}, None),
        (torch.optim.RMSprop, {}, "no such setting"),
    ],
)
def test_a_step_reads_each_number_once_where_the_user_leaves_it_to_torch(
    kind: Any, given: Any, fused: Any
) -> None:
    module: Any = torch.nn.Linear(2, 1)
    optimizer = kind(module.parameters(), **given)
    fill(optimizer, module, {"weight": torch.ones(3, 1, 2), "bias": torch.ones(3, 1)}, [])
    (group,) = optimizer.param_groups
    assert group.get("fused", "no such setting") == fused
    assert [tuple(p.shape) for p in group["params"]] == [(3, 1, 2), (3, 1)]

"""Whole batches are those that torch stacks row by row, bit by bit; what is not torch's own is left alone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    RandomSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)
from torch.utils.data._utils import collate

from autoact.training._compat_batches import ordered_at_once, whole_batches

STACK, INDEX = torch.ops.aten.stack.default, torch.ops.aten.index.Tensor


class Operators(TorchDispatchMode):
    """Keep which operators were called."""

    def __init__(self) -> None:
        super().__init__()
        self.called: set[Any] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.called.add(function)
        return function(*args, **(kwargs or {}))


def given(loader: DataLoader[Any]) -> tuple[list[Any], Tensor, set[Any]]:
    """Return two epochs of batches, the random numbers behind them, and the operators that made them."""
    torch.manual_seed(5)
    with Operators() as operators:
        batches = [*loader, *loader]
    return batches, torch.rand(4), operators.called


def flat(batches: list[Any]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        yield (type(batch), len(batch))
        for tensor in batch:
            kind = tensor.dtype, tensor.shape, tensor.stride(), tensor.requires_grad, type(tensor)
            yield (*kind, tensor.contiguous().view(torch.uint8).tolist() if tensor.dim() else tensor.item())


def same_and_operators(loader: DataLoader[Any]) -> set[Any]:
    """Require the same batches and random numbers; return the operators that made whole ones."""
    expected, drawn, _ = given(loader)
    with whole_batches():
        found, then, operators = given(loader)
    assert list(flat(found)) == list(flat(expected))
    assert torch.equal(then, drawn)
    return operators


def rows(count: int = 11) -> TensorDataset:
    torch.manual_seed(1)
    images = torch.randn(count, 2, 3, 3)
    images[2] = torch.nan
    return TensorDataset(images, torch.arange(count), torch.rand(count, 1, dtype=torch.float64) < 0.5)


PLAIN: dict[str, Callable[[], Dataset[Any]]] = {
    "rows": rows,
    "one tensor": lambda: TensorDataset(torch.arange(11, dtype=torch.float16)),
    "subset": lambda: Subset(rows(), [9, 1, 1, 4, 0, -1, 3]),
    "subset of a subset": lambda: Subset(Subset(rows(), range(2, 9)), [5, 0, 6, 2]),
}


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("dataset", PLAIN)
def test_batches_of_rows_in_memory_are_indexed_at_once(dataset: str, shuffle: bool, drop_last: bool) -> None:
    loader = DataLoader(PLAIN[dataset](), batch_size=3, shuffle=shuffle, drop_last=drop_last)
    operators = same_and_operators(loader)
    assert INDEX in operators
    assert STACK not in operators, "torch has another fetcher: look at autoact/training/_compat_batches.py"


class Noisy(TensorDataset):
    def __getitem__(self, index: Any) -> Any:
        return tuple(tensor[index] * 2 for tensor in self.tensors)


class Read(Subset[Any]):
    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [self.dataset[0] for _ in indices]


class Kind(Tensor):
    pass


def with_own_rows() -> TensorDataset:
    dataset = rows()
    vars(dataset)["__getitems__"] = lambda places: [dataset[0] for _ in places]
    return dataset


def numbered(dataset: Dataset[Any], places: list[Any], **options: Any) -> DataLoader[Any]:
    return DataLoader(dataset, batch_size=2, sampler=places, **options)


OTHERS: dict[str, Callable[[], DataLoader[Any]]] = {
    "own data set": lambda: DataLoader(Noisy(*rows().tensors[:2]), batch_size=3),
    "own subset": lambda: DataLoader(Read(rows(), [1, 2, 3]), batch_size=3),
    "own method in the object": lambda: DataLoader(with_own_rows(), batch_size=3),
    "own collation": lambda: DataLoader(rows(), 3, collate_fn=lambda found: default_collate(found)[::-1]),
    "tensors as places": lambda: numbered(rows(), [torch.tensor(1), torch.tensor(3)]),
    "truth values as places": lambda: numbered(rows(), [True, True]),
    "gradients": lambda: DataLoader(TensorDataset(torch.rand(5, 2, requires_grad=True)), 2),
    "columns": lambda: DataLoader(TensorDataset(torch.rand(3, 5).T, torch.arange(5)), 2),
    "own tensors": lambda: DataLoader(TensorDataset(torch.rand(5, 2).as_subclass(Kind)), 2),
}


@pytest.mark.parametrize("loader", OTHERS)
def test_what_is_not_torchs_own_is_asked_row_by_row(loader: str) -> None:
    assert STACK in same_and_operators(OTHERS[loader]())


def test_collation_that_a_user_has_extended_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def doubled(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
        return 2 * torch.stack(batch)

    monkeypatch.setitem(collate.default_collate_fn_map, Tensor, doubled)
    assert STACK in same_and_operators(DataLoader(rows(), batch_size=4))


def test_methods_that_a_user_has_replaced_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TensorDataset, "__getitem__", lambda self, index: (self.tensors[0][index] + 1,))
    assert STACK in same_and_operators(DataLoader(rows(), batch_size=4))


@pytest.mark.parametrize(
    "places", [[[0, 2], [1, 4]], [(0, 0, 1)], [1, 3], [[True, False, True, True, False]], [torch.tensor([2])]]
)
def test_batches_without_collation_are_what_the_data_set_gives(places: list[Any]) -> None:
    same_and_operators(DataLoader(TensorDataset(torch.rand(5, 2, 3)), batch_size=None, sampler=places))


def test_a_row_that_is_not_there_is_the_same_error() -> None:
    def said() -> str:
        with pytest.raises(IndexError) as error:
            list(numbered(rows(3), [0, 3]))
        return str(error.value)

    expected = said()
    with whole_batches():
        assert said() == expected


@pytest.mark.slow
def test_workers_stack_in_shared_memory() -> None:
    loader = DataLoader(rows(), batch_size=4, num_workers=1)
    with whole_batches():
        assert all(tensor.is_shared() for batch in loader for tensor in batch)


def test_nothing_stays_behind() -> None:
    with pytest.raises(KeyError), whole_batches():
        raise KeyError
    assert STACK in given(DataLoader(rows(), batch_size=4))[2]


ORDERS: dict[str, Callable[[TensorDataset], DataLoader[Any]]] = {
    "in order": lambda data: DataLoader(data, 2),
    "shuffled": lambda data: DataLoader(data, 2, shuffle=True, drop_last=True),
    "of some rows": lambda data: DataLoader(data, 2, sampler=SubsetRandomSampler([8, 1, 1, 5, 0])),
    "without collation": lambda data: DataLoader(
        data, None, sampler=BatchSampler(RandomSampler(data), 2, drop_last=False)
    ),
}


def epochs(loader: DataLoader[Any], *, at_once: bool) -> tuple[list[Any], Tensor]:
    """Return two epochs and what else is drawn: between their batches, or after the first of each."""
    torch.manual_seed(7)
    batches = []
    drawn = []
    for _ in range(2):
        iterator = iter(loader)
        batches.append(next(iterator))
        rest = list(iterator) if at_once else iterator
        for batch in rest:
            drawn.append(torch.rand(()))
            batches.append(batch)
    return batches, torch.stack(drawn)


@pytest.mark.parametrize("order", ORDERS)
def test_order_is_drawn_before_the_first_batch(order: str) -> None:
    loader = ORDERS[order](TensorDataset(torch.rand(31, 2), torch.arange(31)))
    assert ordered_at_once(loader)
    expected, drawn = epochs(loader, at_once=False)
    found, then = epochs(loader, at_once=True)
    assert list(flat(found)) == list(flat(expected))
    assert torch.equal(then, drawn)


LATE: dict[str, Callable[[], DataLoader[Any]]] = {
    "own generator": lambda: DataLoader(rows(), 2, shuffle=True, generator=torch.Generator()),
    "drawn rows": lambda: DataLoader(rows(), 2, sampler=WeightedRandomSampler([1.0] * 11, 40)),
    "own order": lambda: DataLoader(rows(), batch_sampler=[[0], [2, 1]]),
    "own rows": lambda: DataLoader(Noisy(*rows().tensors[:2]), 3, shuffle=True),
    "own collation": lambda: DataLoader(rows(), 3, collate_fn=lambda found: default_collate(found)[::-1]),
    "workers": lambda: DataLoader(rows(), 3, num_workers=1),
}


@pytest.mark.parametrize("loader", LATE)
def test_what_may_draw_later_is_not_ordered_at_once(loader: str) -> None:
    assert not ordered_at_once(LATE[loader]())

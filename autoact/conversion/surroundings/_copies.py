"""Copies that never train, such as target networks and running averages: which part is a copy of which."""

import re
from collections.abc import Iterator
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim.swa_utils import AveragedModel

from autoact.conversion.source import own_class

_SURE = {"target", "targets", "targ", "tgt", "ema", "polyak", "swa", "shadow", "averaged"}
_OF_COPIES = _SURE | {"teacher", "momentum", "avg", "old", "slow", "frozen"}


def copies(model: nn.Module) -> dict[str, str]:
    """Return the path of its source for every part of a model that is a copy which never trains.

    A copy is of the same class as its source and has tensors of the same names and shapes, none of them
    shared. Either its parameters are frozen and equal to those of the source, or its name says what it is:
    `critic_target` beside `critic`, or `target_net` as the only one like `policy_net` and equal to it or
    frozen, or `policy_old` as equal to `policy`; or it is inside torch's AveragedModel.

    Args:
        model: Any module.

    Example:
        >>> net = nn.ModuleDict({"q": nn.Linear(2, 1), "q_target": nn.Linear(2, 1)})
        >>> copies(net)
        {'q_target': 'q'}
    """
    parts = {
        path: part for path, part in model.named_modules() if path and any(True for _ in part.parameters())
    }
    averages = {
        f"{path}.module".removeprefix(".")
        for path, part in model.named_modules()
        if isinstance(part, AveragedModel)
    }
    suspects = {
        path
        for path, part in parts.items()
        if path in averages or _words(path) & _OF_COPIES or not _trains(part)
    }
    found: dict[str, str] = {}
    for path in sorted(suspects, key=lambda path: path.count(".")):
        if not any(_is_below(path, copy) for copy in found):
            source = _source(parts, path, path in averages, suspects, found)
            if source is not None:
                found[path] = source
    return found


def source_of(path: str, sources: dict[str, str]) -> str | None:
    """Return where the source of a copy has what the copy has at a path; None for what is in no copy.

    Args:
        path: Of anything in a model.
        sources: What `copies` returned.

    Example:
        >>> source_of("q_target.net.1", {"q_target": "q"})
        'q.net.1'
    """
    return next(
        (source + path.removeprefix(copy) for copy, source in sources.items() if _is_below(path, copy)), None
    )


def _source(
    parts: dict[str, nn.Module], path: str, averaged: bool, suspects: set[str], found: dict[str, str]
) -> str | None:
    """Return the path of what a part is a copy of; None if it is none, or that cannot be told."""
    copy = parts[path]
    form = _form(copy)
    alike = [
        other
        for other in parts
        if not _is_below(other, path)
        and not _is_below(path, other)
        and other not in suspects
        and not any(_is_below(other, each) for each in found)
        and own_class(parts[other]) is own_class(copy)
        and _trains(parts[other])
        and _form(parts[other]) == form
        and not {*map(id, copy.parameters())} & {*map(id, parts[other].parameters())}
    ]
    named = [other for other in alike if _without_word(path) == other]
    if not alike or (named and (_words(path) & _SURE or not _trains(copy))):
        return next(iter(named), None)
    equal = [other for other in alike if _are_equal(copy, parts[other])]
    if len(equal) == 1:
        return equal[0]
    told = averaged or (bool(_words(path) & _OF_COPIES) and not _trains(copy))
    return alike[0] if told and len(alike) == 1 else None


def _is_below(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}.")


def _words(path: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", path.rpartition(".")[2])}


def _without_word(path: str) -> str:
    """Return the path with the word of a copy taken out of its last name: critic for critic_target."""
    home, dot, name = path.rpartition(".")
    return home + dot + "_".join(word for word in name.split("_") if word.lower() not in _OF_COPIES)


def _trains(part: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in part.parameters())


def _tensors(part: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return chain(part.named_parameters(), part.named_buffers())


def _form(part: nn.Module) -> list[tuple[str, tuple[int, ...] | None]]:
    return [(name, None if is_lazy(tensor) else tuple(tensor.shape)) for name, tensor in _tensors(part)]


def _are_equal(one: nn.Module, other: nn.Module) -> bool:
    """Tell whether all parameters of two parts of the same form are equal, as far as they can be compared."""
    return all(
        type(a) is nn.Parameter and type(b) is nn.Parameter and not a.is_meta and torch.equal(a, b)
        for a, b in zip(one.parameters(), other.parameters(), strict=True)
    )

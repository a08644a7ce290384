"""Plain models: what a conversion changed goes back wherever the choices allow it, and nothing else stays."""

import ast
from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import nn

from autoact.activations import PLAIN
from autoact.conversion._placement import give_hooks, has_hooks, keep_at
from autoact.conversion._places import choice_of_object, written_choice
from autoact.conversion.saving import shed
from autoact.conversion.source import (
    Opened,
    divided_uses,
    forget_originals,
    leave_open,
    let_copy,
    opened,
    originals,
    site_of,
)
from autoact.nn import FixedActivation, module_for

_NOTES = ("_autoact_recipe", "_autoact_use_nested_tensor")


def make_plain(model: nn.Module) -> None:
    """Bring a model without `AutoActivation` as near to its original form as its activations allow, in place.

    What computes what the original did becomes the original object again, and where all calls `self.act(...)`
    chose one activation, it stands under that name. Only other calls stay rewritten, in a class that is
    pickled with its text.

    Args:
        model: Any module.

    Example:
        >>> from autoact.conversion import apply
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True))
        >>> make_plain(apply(apply(model, {"1": "tanh"}), {"1": "relu"}))
        >>> model[1]
        ReLU(inplace=True)
    """
    for module in list(model.modules()):
        apart = {call.attribute for call in opened(module)}
        for name in originals(module):
            if name not in apart:
                _give_back(module, name)
        for name, child in list(module._modules.items()):
            if getattr(child, "in_place", None) is not None:
                _put(module, name, _torchs_own(child))
        if opened(module) and _is_ours(type(module)):  # not one made on top of it, as by fully_shard
            _close(module)
        forget_originals(module)
        for name in _NOTES:
            vars(module).pop(name, None)
        _drop_methods(module)
    shed(model)


def _give_back(module: nn.Module, name: str) -> None:
    """Put the original back where an attribute is called as it is and computes what it did."""
    original, present = originals(module).get(name), module._modules.get(name)
    if (
        original is not None
        and present is not None
        and choice_of_object(present) == choice_of_object(original)
    ):
        if isinstance(original, nn.Module) or not has_hooks(present):
            _put(module, name, original)


def _put(module: nn.Module, name: str, what: Any) -> None:
    """Put a module at an attribute, with hooks and mode of what is there, or a function."""
    present = module._modules.get(name)
    if isinstance(what, nn.Module):
        if present is not None:
            give_hooks(present, what)
        vars(module).pop(name, None)
        module._modules[name] = what.train(module.training)
        keep_at(module, name, what)
    else:
        module._modules.pop(name, None)
        vars(module)[name] = what


def _is_ours(kind: type) -> bool:
    """Tell whether a class was generated."""
    return "_autoact_base" in vars(kind)


def _torchs_own(module: Any) -> nn.Module:
    """Return torch's module for one of ours that minds what changes in place; ours where torch has none."""
    what = module.in_place
    if isinstance(module, FixedActivation):
        own: Any = module_for(module.settings, channel_dim=module.channel_dim)
        if isinstance(own, FixedActivation):
            return module
    elif isinstance(module, nn.PReLU):
        own = module
        del own.in_place
        object.__setattr__(own, "__class__", nn.PReLU)
    else:
        return module
    let_copy(own, what)
    if what == "itself":
        own.inplace = True  # so that a search finds again what it does
    return own


def _close(module: nn.Module) -> None:
    """Let as few calls as possible go to layers of their own."""
    calls = opened(module)
    left: list[Opened] = []
    for attribute in sorted({call.attribute for call in calls}):
        group = [call for call in calls if call.attribute == attribute]
        left += _uses(module, attribute, group) if attribute else _changed(module, group, None)
    left = _without_copies(module, left)
    needed = {call.layer for call in left} | {call.attribute for call in calls}
    for name in {call.layer for call in calls} - needed:
        del module._modules[name]
    leave_open(module, left)


def _changed(module: nn.Module, calls: Sequence[Opened], original: Any) -> list[Opened]:
    """Return the calls that have to stay rewritten: they do not do what is written, or are watched."""

    def differs(call: Opened) -> bool:
        layer = module.get_submodule(call.layer)
        if getattr(layer, "name", None) == PLAIN:  # its block has ones there already
            return False
        if choice_of_object(layer) != written_choice(module, site_of(module, call), original):
            return True
        if not isinstance(original, nn.Module):
            return has_hooks(layer)
        copies = _is_ours(type(layer)) and type(layer) is not type(original)
        return copies or (call.in_place and not getattr(original, "inplace", False))

    return list(filter(differs, calls))


def _uses(module: nn.Module, attribute: str, calls: Sequence[Opened]) -> list[Opened]:
    """Put an activation at an attribute, and return the calls of it that stay rewritten all the same."""
    some = bool(divided_uses(module, attribute))
    if some:  # others call what is there now
        _give_back(module, attribute)
        original = vars(module).get(attribute, module._modules.get(attribute))
    else:
        original = originals(module).get(attribute, vars(module).get(attribute))
    changed = _changed(module, calls, original)
    if not some and len(changed) == len(calls):
        return _at_the_name(module, attribute, calls)
    for call in set(calls) - set(changed):
        if isinstance(original, nn.Module):
            give_hooks(module.get_submodule(call.layer), original)
    _put(module, attribute, original)
    return changed


def _at_the_name(module: nn.Module, attribute: str, calls: Sequence[Opened]) -> list[Opened]:
    """Put the first call's activation at the attribute, for all calls that chose it."""
    calls = sorted(calls, key=lambda call: (site_of(module, call).end, call.turn))
    layers = {call: module.get_submodule(call.layer) for call in calls}
    first: Any = layers[calls[0]]
    kind = type(first), choice_of_object(first)
    same = [call for call in calls if (type(layers[call]), choice_of_object(layers[call])) == kind]
    for call in same:
        if layers[call] is not first:
            give_hooks(layers[call], first)
    module._modules[attribute] = first
    vars(module).pop(attribute, None)
    keep_at(module, attribute, first)
    others = [call for call in calls if call not in same]
    in_place = any(call.in_place for call in same)
    if all(_takes_only_input(site_of(module, call).node) for call in same):
        if not in_place:
            return others
        if _can_run_in_place(first):  # what was there did so in every call, whoever could see it
            first.inplace = True
            return others
    return [*(call._replace(layer=attribute) for call in same), *others]


def _takes_only_input(node: ast.Call) -> bool:
    return len(node.args) == 1 and not node.keywords


def _without_copies(module: nn.Module, calls: Sequence[Opened]) -> list[Opened]:
    """Let layers work in place where all their calls do and torch can, rather than copy their results."""
    done: list[Opened] = []
    for call in calls:
        layer: Any = module.get_submodule(call.layer)
        if all(each.in_place for each in calls if each.layer == call.layer) and _can_run_in_place(layer):
            layer.inplace = True
            call = call._replace(in_place=False)
        done.append(call)
    return done


def _can_run_in_place(layer: Any) -> bool:
    """Tell whether torch computes a module in place; it refuses the backward of negative slopes then."""
    slopes = getattr(layer, "alpha", 0), getattr(layer, "negative_slope", 0)
    return hasattr(layer, "inplace") and min(slopes) >= 0


def _drop_methods(module: nn.Module) -> None:
    """Drop what a training put over methods of one object, so that its checkpoints name the conversion."""
    for name, value in list(vars(module).items()):
        if isinstance(value, partial) and value.func.__module__.startswith("autoact."):
            then = value.args[-1]
            if getattr(then, "__func__", None) is getattr(type(module), name, None):
                del vars(module)[name]
            else:
                vars(module)[name] = then

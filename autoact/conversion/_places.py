"""Places of a model's activations: modules, functions held as attributes, and calls in its source."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType
from typing import Any

import torch
from torch import nn

from autoact.activations import PLAIN, from_function, from_module, is_activation_module
from autoact.conversion._recognition import wrapped
from autoact.conversion.grid import computed_by
from autoact.conversion.source import (
    Method,
    Site,
    activation_of,
    called_behind,
    choice_of,
    choice_of_held,
    divided_uses,
    factor_calls,
    function_calls,
    has_settings,
    held_calls,
    maxout_calls,
    originals,
    outside_calls,
    own_class,
    separate_uses,
    settings_trouble,
    with_settings,
)
from autoact.conversion.surroundings import first_paths, has_ones, join
from autoact.errors import ConfigurationError, ConversionError
from autoact.nn import AutoActivation, FixedActivation
from autoact.spaces import Choice

_QUANTIZED = ("torch.ao.nn.quantized.", "torch.ao.nn.intrinsic.quantized.")
_NOT_YET = ("FloatFunctional", "FXFloatFunctional")  # stand there, but compute with floats until converted
_TORCH_ACTIVATIONS = torch.nn.modules.activation.__name__
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodDescriptorType, partial)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One activation of a model.

    Attributes:
        present: What is there now: a module, a function that a module holds as an attribute, or None for a
            function that its source calls.
        choice: The registered activation it is; None for an AutoActivation.
        paths: Every path that leads to it; the first names it.
        site: The call in the source, where that has to be rewritten; the first of those that share a layer.
        parts: Paths of the single calls, of which only one can run, where several share the layer.
        whole: The path that stands for all turns of a loop, of which this place is one.
        sites: All calls in the source that are this place.
    """

    present: Any
    choice: Choice | None
    paths: tuple[str, ...]
    site: Site | None = None
    parts: tuple[str, ...] = ()
    whole: str | None = None
    sites: tuple[Site, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every path that a rule may match."""
        return (*self.paths, *self.parts, *([self.whole] if self.whole is not None else []))


@dataclass(frozen=True, slots=True)
class Found:
    """The activations of a model by first path, and why others cannot be converted.

    Attributes:
        places: By first path.
        left_alone: Reasons by path.
        whole: What else can be assigned: modules whose calls are places of their own, by the module's path,
            which still means all calls; and single calls where several share one of `places`.
    """

    places: Mapping[str, Place] = field(default_factory=dict)
    left_alone: Mapping[str, str] = field(default_factory=dict)
    whole: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Occurrence:
    path: str
    key: Any
    present: Any
    site: Site | None = None
    trouble: str | None = None
    choice: Choice | None = None
    parts: "tuple[_Occurrence, ...]" = ()
    whole: str | None = None


def check_model(model: Any) -> None:
    """Raise ConversionError, with the remedy, unless this is a module whose parts can be replaced."""
    kind = model.__name__ if isinstance(model, type) else type(model).__name__
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise ConversionError(f"A model is an instance of a class; got the class {kind}. Pass {kind}(...).")
    if not isinstance(model, nn.Module):
        raise ConversionError(f"A model is an instance of nn.Module; got {kind} ({model!r:.40}).")
    if isinstance(model, torch.jit.ScriptModule):
        raise ConversionError(
            "A model of torch.jit.script or torch.jit.trace cannot be converted: its code is compiled. "
            "Convert the model that it was made from, and script or trace the finalized one."
        )
    for path, part in model.named_modules():
        home, name = type(part).__module__, type(part).__name__
        if home.startswith(_QUANTIZED) and "dynamic" not in home and name not in _NOT_YET:
            raise ConversionError(
                f"{path or kind} is a quantized {name}: activations work on whole numbers "
                "there. Convert the model that it was made from, and quantize the finalized one."
            )


def discover(model: nn.Module) -> Found:
    """Return every activation of a model, in the order of its modules; changes nothing."""
    paths: dict[Any, list[str]] = {}
    first: dict[Any, _Occurrence] = {}
    split: dict[str, _Occurrence] = {}
    for each in _occurrences(model, split):
        paths.setdefault(each.key, []).append(each.path)
        first.setdefault(each.key, each)
    places, left_alone = {}, {}
    for key, each in first.items():
        choice, reason = _identify(each)
        if reason:
            left_alone[each.path] = reason
        elif choice is not None or isinstance(each.present, AutoActivation):
            places[each.path] = _place(each, choice, paths[key])
    whole = {path: _place(each, _identify(each)[0], [path]) for path, each in split.items()}
    parts = {
        part.path: _place(part, _identify(part)[0], [part.path])
        for each in first.values()
        if each.path in places
        for part in each.parts
    }
    return Found(places, left_alone, {**whole, **parts})


def _place(each: _Occurrence, choice: Choice | None, paths: list[str]) -> Place:
    parts = tuple(part.path for part in each.parts)
    sites = tuple(part.site for part in (each, *each.parts) if part.site is not None)
    return Place(
        present=each.present,
        choice=choice,
        paths=tuple(paths),
        site=each.site,
        parts=parts,
        whole=each.whole,
        sites=sites,
    )


def _occurrences(model: nn.Module, split: dict[str, _Occurrence]) -> Iterator[_Occurrence]:
    """Yield every activation at every path; those whose calls are yielded apart go to `split`."""
    modules = dict(model.named_modules(remove_duplicate=False))
    shared: dict[str, tuple[_Occurrence, ...]] = {}
    outside, trouble, first = outside_calls(model), dict[str, str](), first_paths(modules)
    for path, module in modules.items():
        own = _itself(path, module, modules, first[path])
        if _is_hidden(path, module, modules):
            continue
        if path not in split:
            yield replace(own, parts=shared.get(path, ()), trouble=trouble.get(path))
        if own.choice is None:
            names = {name for name in outside if separate_uses(module, name)}
            trouble.update(
                {join(path, name): f"it is also called from outside, as {outside[name]}" for name in names}
            )
            yield from _inside(path, module, split, shared, trouble)


def _itself(path: str, module: nn.Module, modules: Mapping[str, nn.Module], first: str) -> _Occurrence:
    # one layer per place; only what was made to learn together stays one layer
    parent, _, name = first.rpartition(".")
    key = id(module) if isinstance(module, AutoActivation) or not path else (id(modules[parent]), name)
    return _Occurrence(path, key, module, choice=wrapped(module) if path else None)


def _is_hidden(path: str, module: nn.Module, modules: Mapping[str, nn.Module]) -> bool:
    """Tell whether an attribute hides a child: what a copy of nn.TransformerDecoderLayer has is ReLU."""
    parent, _, name = path.rpartition(".")
    return bool(path) and vars(modules[parent]).get(name, module) is not module


def _inside(
    path: str,
    module: nn.Module,
    split: dict[str, _Occurrence],
    shared: dict[str, tuple[_Occurrence, ...]],
    trouble: Mapping[str, str],
) -> Iterator[_Occurrence]:
    """Yield function attributes, and calls in the source; a child's calls that share it go to `shared`."""
    found: list[_Occurrence] = []
    for name, present, is_child in _attributes(module):
        whole = _Occurrence(join(path, name), (id(module), name), present)
        apart = separate_uses(module, name)
        if whole.path in trouble:
            if not is_child:
                yield replace(whole, trouble=trouble[whole.path])
        elif apart is not None:
            found += [_call(path, module, present, *each) for each in _uses(module, present, apart, is_child)]
            if apart and (is_child or not any(has_settings(site) for site in apart)):
                split[whole.path] = whole  # else nothing can stand for all calls at once
        else:
            parts = tuple(_call(path, module, present, site) for site in divided_uses(module, name) or ())
            if is_child:
                shared[whole.path] = parts if len(parts) > 1 else ()
            else:
                yield replace(whole, trouble=settings_trouble(module, name), parts=parts)
    found += _other_calls(path, module)
    for each in found:
        if each.whole is not None and not each.trouble:
            split.setdefault(each.whole, replace(each, path=each.whole))
    yield from _by_layer(path, module, found)


def _attributes(module: nn.Module) -> Iterator[tuple[str, Any, bool]]:
    """Yield functions, then child modules, that compute an activation: name, itself, whether a child."""
    own = vars(module)
    children = {
        name: child
        for name, child in module._modules.items()
        if _is_one(child) and own.get(name, child) is child
    }
    for name, value in own.items():
        if name not in ("forward", *children) and _computes(value):
            yield name, value, False
    yield from ((name, child, True) for name, child in children.items())


def _uses(module: nn.Module, present: Any, apart: list[Site], is_child: bool) -> Iterable[tuple[Any, ...]]:
    """Return the calls of an attribute, of a function with what each computes."""
    return ((site,) for site in apart) if is_child else held_calls(module, apart, *_registered(present))


def _other_calls(path: str, module: nn.Module) -> Iterator[_Occurrence]:
    """Yield calls of what is no attribute: functions by name, factors of a gate, and maxout."""
    yield from (_call(path, module, None, *each) for each in function_calls(module))
    yield from (_call(path, module, None, *each) for each in _factors(module))
    yield from (_call(path, module, None, site, Choice("relu")) for site in maxout_calls(module))


def _factors(module: nn.Module) -> Iterator[tuple[Site, Choice]]:
    """Yield what gates multiply: factors that no activation computes, beside one that an activation does."""
    plain, linear = Choice(PLAIN), Choice("identity")
    for site, own, other in factor_calls(module):
        gated = site.what == "half" or _activates(module, other, site.method)
        if gated and not (isinstance(own, ast.Call) and _activates(module, own, site.method)):
            ones = has_ones(module._modules.get(called_behind(own, site.method)))
            yield site, plain if ones else linear


def _call(
    path: str,
    module: nn.Module,
    present: Any,
    site: Site,
    choice: Choice | None = None,
    trouble: str | None = None,
) -> _Occurrence:
    whole = join(path, site.whole) if site.turn else None
    key = id(module), site.name
    return _Occurrence(join(path, site.name), key, present, site, trouble, choice, whole=whole)


def _by_layer(path: str, module: nn.Module, found: Iterable[_Occurrence]) -> Iterator[_Occurrence]:
    """Yield calls in the order in which they run, those that share a layer as one."""
    layers: dict[str, list[_Occurrence]] = {}
    for each in sorted(found, key=lambda each: each.site.end if each.site else (0, 0)):
        layers.setdefault(each.site.layer if each.site else each.path, []).append(each)
    for layer, calls in layers.items():
        first = calls[0]
        if len(calls) > 1 and all(not each.trouble and each.choice == first.choice for each in calls):
            yield replace(
                first, path=join(path, layer), key=(id(module), layer), trouble=None, parts=tuple(calls)
            )
        else:
            yield from calls


def _activates(module: nn.Module, call: Any, method: Method) -> bool:
    """Tell whether an activation of a module computes what a call returns."""
    if not (isinstance(call.func, ast.Attribute) and method.is_own(call.func.value)):
        return activation_of(call.func, method)[0] is not None
    name = call.func.attr
    held = originals(module).get(name, getattr(module, name, None))
    if isinstance(held, nn.Module):
        return isinstance(held, AutoActivation) or _is_one(held)
    return _computes(held)


def _is_one(child: nn.Module | None) -> bool:
    if child is None or isinstance(child, AutoActivation):
        return False
    return isinstance(child, FixedActivation) or from_module(child) is not None or wrapped(child) is not None


def _identify(each: _Occurrence) -> tuple[Choice | None, str | None]:
    """Return what an object computes, or why it cannot be converted; neither for what is no activation."""
    present, path = each.present, each.path
    if each.trouble:
        said = f"{each.site.call} cannot be rewritten: " if each.site else ""
        return None, f"{said}{each.trouble}"
    if each.choice is not None:
        return each.choice, None
    if not isinstance(present, nn.Module):
        return _held(present)
    if isinstance(present, AutoActivation):
        return None, None
    if isinstance(present, FixedActivation):
        return present.settings, None
    if isinstance(present, nn.RNNBase | nn.RNNCellBase):
        return None, f"the activations inside {_kind(present)} are part of torch's own kernel"
    found = from_module(present)
    if found is None:
        choice = wrapped(present) if path else None
        return choice, None if choice else _why_not(present)
    if not path:
        return None, "the model is a bare activation; put it into nn.Sequential to have it replaced"
    try:
        return Choice(*found), None
    except ConfigurationError as error:
        return None, f"{_kind(present)} has a setting outside what can be searched: {error}"


def choice_of_object(present: Any) -> Choice | None:
    """Return the registered activation that a module or a function computes, None if it is none."""
    if type(present) is nn.Identity:  # a placeholder where the model was written, a choice where one was made
        return Choice("identity")
    choice = wrapped(present) if isinstance(present, nn.Module) else None
    return _identify(_Occurrence("object", None, present, choice=choice))[0]


def written_choice(module: nn.Module, site: Site, original: Any) -> Choice | None:
    """Return what a call in a module's source computes, given what its attribute held originally."""
    try:
        if site.attribute is None:
            return choice_of(site, module)
        if isinstance(original, nn.Module):
            return choice_of_object(original)
        if original is None:  # a module with parameters, which is not kept
            return None
        return choice_of_held(site, module, *_registered(original))
    except ConversionError:
        return None


def _registered(function: Any) -> tuple[str, dict[str, Any]]:
    """Return the name of the activation that a function is, "" for none, and the settings bound to it."""
    bound = function.keywords if isinstance(function, partial) else {}
    return from_function(_bare(function)) or "", bound


def _bare(function: Any) -> Any:
    return function.func if isinstance(function, partial) else function


def _computes(value: Any) -> bool:
    """Tell whether what a module holds as an attribute is a function that computes an activation."""
    known = isinstance(value, _FUNCTIONS) and from_function(_bare(value))
    return bool(known) or (callable(value) and computed_by(value) is not None)


def _held(function: Any) -> tuple[Choice | None, str | None]:
    """Return what a function computes that a module holds as an attribute, settings and all."""
    if (own := computed_by(function)) is not None:
        return own, None
    name = from_function(_bare(function)) or ""
    if not isinstance(function, partial):
        return Choice(name), None
    try:
        return with_settings(name, function.args, function.keywords), None
    except ConversionError as error:
        return None, f"functools.partial of {name}: {error}"


def _why_not(module: nn.Module) -> str | None:
    if is_activation_module(module) and own_class(module) is not nn.GLU:  # whose gate is found in its source
        return f"{_kind(module)} is not a registered elementwise activation"
    parents = [base for base in type(module).__mro__[1:] if base.__module__ == _TORCH_ACTIVATIONS]
    if parents and not isinstance(module, nn.MultiheadAttention):
        return f"{_kind(module)} is a subclass of {parents[0].__name__} and may compute something else"
    return None


def _kind(module: nn.Module) -> str:
    kind = type(module)
    return f"nn.{kind.__name__}" if kind.__module__.startswith("torch.nn.") else kind.__name__

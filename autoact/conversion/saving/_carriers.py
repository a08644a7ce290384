"""Carriers of chosen activations: modules whose state_dict names the activations below them.

A chosen activation and every module above it carry an entry, so that a part that is saved alone names its
own, and so does a slice, or whatever else its children are put into. In the state_dict of a whole, the entry
of the whole stands for those of its parts, but for parts that hold an activation themselves: what is cut out
by a prefix names its own, too. An activation that was replaced by hand is no longer named. Hooks write it
and no buffer holds it: DDP broadcasts buffers, averages round them, and `module.half()` casts them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from autoact.conversion.saving._entry import KEY, decoded, differs, encoded
from autoact.errors import ConversionError
from autoact.nn import module_for
from autoact.spaces import Choice

_WRAPPERS = (["_orig_mod"], ["module"])  # children of torch.compile's, DDP's and averages' wrappers
_RECIPE = "_autoact_recipe"  # on the module at which activations were chosen
_FIELDS = ("choice", "channel_dim")


def carry(model: nn.Module, layers: Mapping[str, Mapping[str, Any]]) -> None:
    """Let the state_dicts of a model and of its parts name these activations, and no others.

    Args:
        model: Any module.
        layers: What was put where, by path; none for a state_dict without an entry.
    """
    shed(model)
    parts: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in layers.values():
        for part, paths in _seen_from_above(entry["paths"]).items():
            kept = {field: entry[field] for field in _FIELDS}
            parts.setdefault(part, {})[paths[0]] = {"paths": paths, **kept}
    for part, content in parts.items():
        module = model.get_submodule(part)
        if KEY not in vars(module) and list(module._modules) not in _WRAPPERS:
            vars(module)[KEY] = encoded(content)
            module.register_state_dict_post_hook(_write)
            module.register_load_state_dict_pre_hook(_read)


def shed(model: nn.Module) -> None:
    """Take the entries off a model and its parts."""
    for module in model.modules():
        if vars(module).pop(KEY, None) is not None:
            for hooks, own in (
                (module._state_dict_hooks, _write),
                (module._load_state_dict_pre_hooks, _read),
            ):
                for number in [n for n, hook in hooks.items() if getattr(hook, "hook", hook) is own]:
                    del hooks[number]


def _seen_from_above(paths: list[str]) -> dict[str, list[str]]:
    """Return the paths of an activation as each module above it sees them, by the path of that module."""
    seen: dict[str, list[str]] = {}
    for path in paths:
        names = path.split(".")
        for depth in range(len(names) + 1):
            seen.setdefault(".".join(names[:depth]), []).append(".".join(names[depth:]))
    return seen


def named(module: nn.Module) -> dict[str, dict[str, Any]] | None:
    """Return the chosen activations that a module names and that still are in it; None where it carries none.

    Args:
        module: Any module.
    """
    if KEY not in vars(module):
        return None
    return {path: entry for path, entry in decoded(vars(module)[KEY]).items() if is_in_place(module, entry)}


def is_in_place(model: nn.Module, entry: Mapping[str, Any]) -> bool:
    """Tell whether a chosen activation still is where it was put: none was put there by hand.

    Args:
        model: Any module.
        entry: Its `paths` in the model, and its `choice`.
    """
    try:
        found = [model.get_submodule(path) for path in entry["paths"]]
    except AttributeError:
        return False
    found = [getattr(each, "_orig_mod", each) for each in found]
    if all(KEY in vars(each) for each in found):
        return True
    # what earlier versions pickled carries entries above activations only
    own = repr(module_for(Choice.from_dict(entry["choice"])))
    return all(KEY in vars(each) or repr(each) == own for each in found)


def _parts(module: nn.Module, own: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the entries that a module speaks for: of parts above activations, and of its own activations."""
    for path, part in module.named_modules(remove_duplicate=False):
        if path and KEY in vars(part) and _RECIPE not in vars(part) and not _holds(part):
            yield f"{path}.{KEY}"
    for entry in own.values():
        for path in filter(None, entry["paths"]):
            yield from (f"{path}.{KEY}", f"{path}._orig_mod.{KEY}")


def _holds(module: nn.Module) -> bool:
    """Tell whether a module is one of the activations that it names, or one of these is its child."""
    return any("." not in path for entry in decoded(vars(module)[KEY]).values() for path in entry["paths"])


def _write(module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
    own = named(module) or {}
    for name in _parts(module, own):
        state.pop(prefix + name, None)
    if own:
        state[prefix + KEY] = encoded(own)


def _read(
    module: nn.Module,
    state: dict[str, Any],
    prefix: str,
    metadata: Any,
    strict: bool,
    missing: list[str],
    unexpected: list[str],
    errors: list[str],
) -> None:
    """Refuse weights that name other activations; take those that name none, since ours were asked for."""
    saved = state.pop(prefix + KEY, None)
    wrong = None if saved is None or saved.is_meta else _trouble(named(module) or {}, saved)
    if wrong:
        unexpected.append(
            f"{prefix}{KEY} ({wrong})"
        )  # raised where the load is strict, which no hook is told


def _trouble(own: Mapping[str, Mapping[str, Any]], saved: Tensor) -> str | None:
    try:
        wrong = differs(own, decoded(saved))
    except ConversionError as error:
        return str(error)
    return wrong and f"{wrong}. Load them into a fresh model by autoact.load_weights"

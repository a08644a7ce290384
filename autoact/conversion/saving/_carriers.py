"""Carriers of chosen activations: modules whose state_dict names the activations below them.

Every module above a chosen activation carries an entry, so that a part that is saved alone names its own.
In the state_dict of a whole, the entry of the whole stands for those of its parts, but for parts that hold
an activation themselves: what is cut out by a prefix names its own, too. Hooks write it and no buffer holds
it: DDP broadcasts buffers, averages round them, and `module.half()` casts them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from autoact.conversion.saving._entry import KEY, decoded, differs, encoded
from autoact.errors import ConversionError

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
        for depth in range(len(names)):
            seen.setdefault(".".join(names[:depth]), []).append(".".join(names[depth:]))
    return seen


def _parts(module: nn.Module) -> Iterator[str]:
    """Yield the entries of parts that a module speaks for."""
    for path, part in module.named_modules(remove_duplicate=False):
        if path and KEY in vars(part) and _RECIPE not in vars(part) and not _holds(vars(part)[KEY]):
            yield f"{path}.{KEY}"


def _holds(own: Tensor) -> bool:
    """Tell whether one of the activations is a child of the module that names them."""
    return any("." not in path for entry in decoded(own).values() for path in entry["paths"])


def _write(module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
    for name in _parts(module):
        state.pop(prefix + name, None)
    state[prefix + KEY] = vars(module)[KEY].clone()  # averages work in place on what a state_dict holds


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
    wrong = None if saved is None or saved.is_meta else _trouble(vars(module)[KEY], saved)
    if wrong:
        unexpected.append(
            f"{prefix}{KEY} ({wrong})"
        )  # raised where the load is strict, which no hook is told


def _trouble(own: Tensor, saved: Tensor) -> str | None:
    try:
        wrong = differs(decoded(own), decoded(saved))
    except ConversionError as error:
        return str(error)
    return wrong and f"{wrong}. Load them into a fresh model by autoact.load_weights"

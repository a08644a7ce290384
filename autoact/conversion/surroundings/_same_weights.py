"""One activation beside the same weights at several paths, as in slices of an nn.Sequential: one place."""

from collections.abc import Iterable, Mapping

from torch import nn


def first_paths(modules: Mapping[str, nn.Module]) -> dict[str, str]:
    """Return the path under which a place was met first, by each path.

    An instance that stands behind the same layer in two modules is one place, and so is one before the same
    layer where nothing is behind it: what learns at one path must run at the other.

    Args:
        modules: By path, every path of each.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
        >>> both = nn.ModuleDict({"net": net, "features": net[:2]})
        >>> first_paths(dict(both.named_modules(remove_duplicate=False)))["features.1"]
        'net.1'
    """
    first: dict[str, str] = {}
    met: dict[int, list[str]] = {}
    beside = {path: _weights_beside(path, modules) for path in modules}

    def same(path: str, other: str) -> bool:
        (behind, before), (other_behind, other_before) = beside[path], beside[other]
        if modules[path.rpartition(".")[0]] is modules[other.rpartition(".")[0]]:
            return False
        if behind is not None and other_behind is not None:
            return behind is other_behind
        return before is not None and before is other_before

    for path, module in modules.items():
        earlier = met.setdefault(id(module), [])
        first[path] = next((first[other] for other in earlier if path and same(path, other)), path)
        earlier.append(path)
    return first


def _weights_beside(path: str, modules: Mapping[str, nn.Module]) -> tuple[nn.Module | None, nn.Module | None]:
    """Return the nearest children with parameters on both sides of a module."""
    parent, _, name = path.rpartition(".")
    children = list(modules[parent]._modules.items()) if path else []
    index = next((index for index, (each, _) in enumerate(children) if each == name), 0)
    return _with_weights(children[:index][::-1]), _with_weights(children[index + 1 :])


def _with_weights(children: Iterable[tuple[str, nn.Module | None]]) -> nn.Module | None:
    return next(
        (child for _, child in children if child is not None and any(True for _ in child.parameters())), None
    )

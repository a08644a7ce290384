"""Plain blocks in place of gated ones, with as many parameters: down(act(wide(x))), wider by one half."""

import ast
import copy
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn

from autoact.conversion._conversion_plan import find_layers
from autoact.conversion.source import factor_calls, own_class, uses
from autoact.errors import ConfigurationError, ConversionError

M = TypeVar("M", bound=nn.Module)


class Block(NamedTuple):
    """Names of the three linear layers of a gated block, down(act(gate(x)) * up(x))."""

    gate: str
    up: str
    down: str


class One(nn.Module):
    """The number 1, whatever comes: what is multiplied by it is as it was.

    Example:
        >>> One()(torch.zeros(2, 3))
        tensor(1.)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return 1 in the precision and on the device of x."""
        return x.new_ones(())


def ungated(model: M, match: str = "*") -> M:
    """Make the gated blocks of a fresh model plain ones with as many parameters, in place.

    A block `down(act(gate(x)) * up(x))` with h hidden units becomes `down(act(gate(x)))` with 3/2 h of them,
    rounded where biases or an odd h ask for it. Its layers have fresh weights, as widely spread as those that
    were there. Layers to search, and their paths, stay the same, so a search can vary the form of the blocks.

    Args:
        model: A model that is not trained yet.
        match: Glob on paths of activations, as in a search space; of `find_layers(model).blocks`, among which
            `nn.GLU` and `F.glu`, which halve what one layer computes, do not count.

    Returns:
        The model. If anything is raised, it is as it was before.

    Raises:
        ConversionError: No such block, or one that does not do just this with three `nn.Linear` of its own.
        ConfigurationError: A glob that is none.

    Example:
        >>> ungated(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
        Traceback (most recent call last):
        ...
        autoact.errors.ConversionError: Sequential has no gated block at '*'; there are: none.
        >>> class SwiGLU(nn.Module):  # in a file, so that its source can be read
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.gate, self.up, self.down = nn.Linear(4, 8), nn.Linear(4, 8), nn.Linear(8, 4)
        ...     def forward(self, x):
        ...         return self.down(nn.functional.silu(self.gate(x)) * self.up(x))
        >>> ungated(SwiGLU())  # doctest: +SKIP
        SwiGLU(
          (gate): Linear(in_features=4, out_features=12, bias=True)
          (up): One()
          (down): Linear(in_features=12, out_features=4, bias=True)
        )
    """
    if not isinstance(match, str) or not match:
        raise ConfigurationError(
            f"match is a glob on paths of activations such as 'layers.*'; got {match!r}."
        )
    blocks = {path: kind for path, kind in find_layers(model).blocks.items() if kind != "GLU"}
    owners = {path: path.rpartition(".")[0] for path in blocks if fnmatchcase(path, match)}
    if not owners:
        raise ConversionError(
            f"{type(model).__name__} has no gated block at {match!r}; "
            f"there are: {', '.join(blocks) or 'none'}."
        )
    found = {owner: _block(model.get_submodule(owner), path) for path, owner in owners.items()}
    for owner, block in found.items():
        _widen(model.get_submodule(owner), block)
    return model


def _block(module: nn.Module, path: str) -> Block:
    """Return the layers of a gated block, told from its source and proven on numbers."""
    kind = own_class(module)
    for site, own, other in factor_calls(module):
        tree = site.method.tree
        name = _called(own)
        gate = _called(_bound(tree, other.args[0])) if isinstance(other, ast.Call) and other.args else ""
        down = next((_called(node) for node in ast.walk(tree) if _takes_product(tree, node, site.node)), "")
        block = Block(gate, name, down)
        alone = len(set(block)) == 3 and all(len(uses(kind, each)) == 1 for each in block)
        linear = all(type(module._modules.get(each)) is nn.Linear for each in block)
        if alone and linear and _is_proven(module, block):
            return block
    raise ConversionError(
        f"The gated block at {path} cannot be made plain: {kind.__name__} does not compute "
        "self.down(act(self.gate(x)) * self.up(x)) and nothing else, with three nn.Linear that are called "
        "once. Write it so, or leave it out by `match`."
    )


def _bound(tree: ast.AST, node: ast.AST) -> ast.AST:
    """Return what a local name stands for, if it is bound once; else the expression itself."""
    found = [
        each.value
        for each in ast.walk(tree)
        if isinstance(each, ast.Assign) and isinstance(node, ast.Name)
        for target in each.targets
        if isinstance(target, ast.Name) and target.id == node.id
    ]
    return found[0] if len(found) == 1 else node


def _called(node: ast.AST) -> str:
    """Return NAME of self.NAME(...), or "" for anything else."""
    function = getattr(node, "func", None)
    return function.attr if isinstance(function, ast.Attribute) else ""


def _takes_product(tree: ast.AST, node: ast.AST, factor: ast.AST) -> bool:
    """Tell whether a call is given the product in which a factor stands."""
    given = _bound(tree, node.args[0]) if isinstance(node, ast.Call) and node.args else None
    return isinstance(given, ast.BinOp) and factor in (given.left, given.right)


@torch.no_grad()
def _is_proven(module: nn.Module, block: Block) -> bool:
    """Tell whether a block is down(a * up(x)), and `a` a function of gate(x) alone, on random inputs."""
    twin = copy.deepcopy(module).eval()
    gate, up, down = (twin.get_submodule(name) for name in block)
    seen: dict[str, Tensor] = {}

    def note(name: str) -> None:
        twin.get_submodule(name).register_forward_hook(lambda _, given, out: seen.update({name: given[0]}))

    for name in block:
        note(name)
    random = torch.Generator().manual_seed(0)
    weight = gate.weight
    x = torch.randn(3, weight.shape[1], generator=random).to(weight)
    try:
        out = twin(x)
        product, inputs = seen[block.down], [seen[block.gate], seen[block.up]]
        twin._modules[block.up] = One()
        plain = twin(x)
        alone = seen[block.down]
    except Exception:  # the block is called on something else, and may raise anything
        return False
    same = all(each is x or torch.equal(each, x) for each in inputs)
    return (
        same
        and torch.equal(out, down(product))
        and torch.equal(plain, down(alone))
        and torch.equal(product, alone * up(x))
    )


def _widen(module: nn.Module, block: Block) -> None:
    gate, up, down = (cast(nn.Linear, module.get_submodule(name)) for name in block)
    apart = 0 if down.bias is None else down.bias.numel()
    count = sum(each.numel() for layer in (gate, up, down) for each in layer.parameters()) - apart
    width = round(count / (gate.in_features + down.out_features + (gate.bias is not None)))
    module._modules[block.gate] = _like(gate, gate.in_features, width)
    module._modules[block.up] = One()
    module._modules[block.down] = _like(down, width, down.out_features)


@torch.no_grad()
def _like(layer: nn.Linear, inputs: int, outputs: int) -> nn.Linear:
    """Return a fresh layer of another size, as widely spread as one that is there, for as many inputs."""
    made = nn.Linear(inputs, outputs, layer.bias is not None).to(layer.weight)
    gain = (layer.in_features / inputs) ** 0.5
    for fresh, known in zip(made.parameters(), layer.parameters(), strict=True):
        spread = float(known.float().std()) if known.numel() > 1 else 0.0
        fresh.mul_(gain * spread / max(float(fresh.float().std()), 1e-12) if spread else 0.0)
        fresh.requires_grad_(known.requires_grad)
    return made.train(layer.training)

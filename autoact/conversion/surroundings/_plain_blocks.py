"""Plain blocks in place of gated ones, with as many parameters: down(act(wide(x))), wider by one half or so.

Which layers of a block are its gate, what that multiplies, and what takes the product is told by numbers: the
block is widened in a copy, where as many units as before must do what they did.
"""

import copy
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import permutations
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from autoact.activations import PLAIN
from autoact.conversion.source import called_behind, factors, own_class, uses
from autoact.conversion.surroundings._with_ones import BESIDE_ONES, One, beside_ones, features
from autoact.errors import ConversionError
from autoact.nn import is_sharded

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class PlainBlock(NamedTuple):
    """A gated block and its plain form.

    Attributes:
        home: Module that holds its layers.
        gate: Name of the layer that computes the gate, of width h.
        up: Name of the layer that computes what it multiplies; the gate's where one computes both.
        down: Name of the layer that takes the product.
        gate_first: Whether the gate is the first half of what one layer computes.
        width: Of the plain form.
        parameters: How many the gated block has, and the plain one.
    """

    home: nn.Module
    gate: str
    up: str
    down: str
    gate_first: bool
    width: int
    parameters: tuple[int, int]


def plain_block(model: nn.Module, path: str) -> PlainBlock:
    """Return the block whose gate multiplies what stands at a path, proven on numbers; changes nothing.

    Args:
        model: The model.
        path: Of a linear factor, such as mlp.up_proj_factor_1.

    Raises:
        ConversionError: There is no such block, or one that no plain one can replace.
    """
    parent, _, name = path.rpartition(".")
    owner = model.get_submodule(parent)
    known = ((site, own) for site, own, _ in factors(own_class(owner)) if name in (site.name, site.layer))
    site, own = next(known, (None, None))
    if site is None or own is None:
        raise ConversionError(
            f"{PLAIN!r} is a form of a gated block, act(gate(x)) * up(x), and chosen for what the gate "
            f"multiplies, such as 'mlp.up_proj_factor_1' or '1.glu_factor_1'; {path} is nothing of the kind. "
            "Name it among the candidates of a rule that matches such factors only."
        )
    home, block, names, up = owner, owner, _layers_of(owner), called_behind(own, site.method)
    if own_class(owner) is nn.GLU:
        around, _, position = parent.rpartition(".")
        home, places = model.get_submodule(around), _held(model).count(id(owner))
        block, names = _cut_out(home, position) if places == 1 else (owner, [])
        up = names[0] if names else ""
    with torch.random.fork_rng(devices=[]), torch.autocast("cpu", enabled=False):
        found = next(_proven(home, block, names, up, name), None) if up in names and not site.loop else None
    if found is None:
        raise ConversionError(
            f"The gated block at {path} cannot be made plain: {own_class(home).__name__} has no three "
            "nn.Linear, nn.Conv1d or nn.Conv2d of its own, without hooks or other parameters, each called "
            "once on one tensor, that compute down(act(gate(x)) * up(x)) at any width (two where one "
            "computes gate and up, halved by chunk or nn.GLU). Write it so, or take "
            f"{PLAIN!r} off the candidates there."
        )
    _check_alone(model, found, path)
    return found


def plain_sizes(
    model: nn.Module, candidates: Mapping[str, Sequence[str]], follows: Mapping[str, str]
) -> dict[str, tuple[int, int]]:
    """Return the parameters of blocks that may become plain, as they are and as they would be.

    Args:
        model: The model.
        candidates: By layer.
        follows: Layers in copies that never train, by path: the layer of the source.

    Raises:
        ConversionError: One cannot become plain.
    """
    paths = [path for path, names in candidates.items() if PLAIN in names]
    for path, source in follows.items():
        if {path, source} & set(paths):
            raise ConversionError(
                f"{PLAIN!r} is a candidate of {source}, which {path} follows: the fresh weights of a plain "
                f"block would not be copied to {path}. Take it off the candidates there."
            )
    return {path: plain_block(model, path).parameters for path in paths}


def make_block_plain(model: nn.Module, path: str) -> None:
    """Give the block whose gate multiplies what stands at a path its plain form, with fresh weights.

    They are as widely spread as those that were there, and drawn without a change to torch's random state:
    whatever is drawn next is the same for both forms.

    Args:
        model: The model, changed in place.
        path: As of `plain_block`.

    Raises:
        ConversionError: As of `plain_block`.
    """
    block = plain_block(model, path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), device="cpu")) ^ zlib.crc32(path.encode()))
        _widen(block.home, block, _like)


def _layers_of(module: nn.Module) -> list[str]:
    """Return the names of the layers that may be part of a block: called once, with nothing around them."""
    kind = own_class(module)
    found = [name for name, child in module._modules.items() if child is not None and _is_bare(child)]
    return [name for name in found if len(calls := uses(kind, name)) == 1 and not calls[0].loop]


def _is_bare(layer: nn.Module) -> bool:
    """Tell whether a layer is one of torch's with its weights as they are: no norm of them, no hook."""
    plain = type(layer) in BESIDE_ONES and layer._parameters.keys() == {"weight", "bias"}
    return plain and getattr(layer, "groups", 1) == 1 and not any(getattr(layer, kind) for kind in _HOOKS)


def _cut_out(home: nn.Module, position: str) -> tuple[nn.Module, list[str]]:
    """Return the part of an nn.Sequential from the layer before its GLU to the next one, and those layers."""
    names, children = list(home._modules), dict(home._modules)
    if type(home).forward is not nn.Sequential.forward or names.index(position) == 0:
        return nn.Sequential(), []
    at = names.index(position)
    end = next((i for i in range(at + 1, len(names)) if type(children[names[i]]) in BESIDE_ONES), None)
    if end is None:
        return nn.Sequential(), []
    part = nn.Sequential()
    for name in names[at - 1 : end + 1]:
        part.add_module(name, children[name])
    layers = [names[at - 1], names[end]]
    return part, layers if all(_is_bare(part.get_submodule(name)) for name in layers) else []


def _proven(
    home: nn.Module, block: nn.Module, names: list[str], up: str, factor: str
) -> Iterator[PlainBlock]:
    """Yield what is a block, whichever of the layers are its gate and what takes the product."""
    layers: dict[str, Any] = {name: block.get_submodule(name) for name in names}
    for gate, down in permutations(names, 2):
        hidden = _inputs(layers[down]) * (1 + (up == gate))
        if up != down and _outputs(layers[gate]) == _outputs(layers[up]) == hidden:
            for gate_first in (True, False) if up == gate else (True,):
                found = _sized(home, layers, gate, up, down, gate_first)
                if _is_proven(block, found, factor):
                    yield found


def _sized(
    home: nn.Module, layers: dict[str, Any], gate: str, up: str, down: str, gate_first: bool
) -> PlainBlock:
    """Return a block with the width at which its plain form has most nearly as many parameters."""
    counts = {name: sum(p.numel() for p in layers[name].parameters()) for name in {gate, up, down}}
    per_unit = counts[gate] // _outputs(layers[gate])
    below = layers[down].weight.numel() // _inputs(layers[down])
    rest = counts[down] - layers[down].weight.numel()
    whole = sum(counts.values())
    width = round((whole - rest) / (per_unit + below))
    return PlainBlock(home, gate, up, down, gate_first, width, (whole, width * (per_unit + below) + rest))


@torch.no_grad()
def _is_proven(block: nn.Module, found: PlainBlock, factor: str) -> bool:
    """Tell whether the first units of a widened copy compute the same function of the gate alone."""
    random = torch.Generator().manual_seed(0)
    try:
        twin = _on_cpu(_copied(block, factor), found, random).eval()
        wide = _copied(twin, factor)
        gate: Any = twin.get_submodule(found.gate)
        hidden = _inputs(twin.get_submodule(found.down))
        shape = [3, _inputs(gate), *[4 * size for size in getattr(gate, "kernel_size", ())]]
        x = _random(shape, random).to(gate.weight)
        _widen(wide, found, partial(_larger, random=random, found=found))
        before, now = _seen(twin, found, x), _seen(wide, found, x)
        along = features(gate)
        up = before["up"]
        if found.up == found.gate:
            up = up.chunk(2, along)[found.gate_first]
        same = torch.equal(before["given"], before["given up"])
        alone, product = now["product"].narrow(along, 0, hidden), before["product"]
        near = torch.allclose(alone * up, product, rtol=1e-3, atol=1e-4 * float(product.abs().max()))
        return same and near and now["product"].size(along) == found.width
    except Exception:  # the block is called on something else, or its width is fixed; it may raise anything
        return False


def _copied(block: nn.Module, factor: str) -> nn.Module:
    """Return a copy of a block with tensors of its own, without hooks, and the identity for the factor."""
    copied = object.__new__(type(block))
    vars(copied).update(vars(block))  # a LightningModule's trainer is not copied
    for name in ("_parameters", "_buffers", "_modules"):
        vars(copied)[name] = copy.deepcopy(vars(block)[name])
    for module in copied.modules():
        vars(module).update({hooks: OrderedDict() for hooks in _HOOKS})
        if factor in module._modules:  # of a model that was converted, or got another form before
            module._modules[factor] = nn.Identity()
    return copied


def _random(shape: Sequence[int], random: torch.Generator) -> Tensor:
    return torch.randn(tuple(shape), generator=random, device="cpu", dtype=torch.float32)


def _on_cpu(block: nn.Module, found: PlainBlock, random: torch.Generator) -> nn.Module:
    """Return a block in float32 on the CPU whose three layers have random weights, whatever they had."""
    if any(p.is_meta for p in (*block.parameters(), *block.buffers())):
        block.to_empty(device="cpu")
    block.to("cpu", torch.float32)
    for name in (found.gate, found.up, found.down):
        for parameter in block.get_submodule(name).parameters():
            parameter.copy_(_random(parameter.shape, random) / parameter[0].numel() ** 0.5)
    return block


def _seen(block: nn.Module, found: PlainBlock, x: Tensor) -> dict[str, Tensor]:
    """Run a block and return what its layers were given, and computed."""
    seen: dict[str, Tensor] = {}

    def watch(name: str, given: str, result: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Tensor) -> None:
            seen.update({given: inputs[0], result: output})

        return block.get_submodule(name).register_forward_hook(hook)

    handles = [watch(*of) for of in ((found.up, "given up", "up"), (found.gate, "given", "gate"))]
    handles.append(watch(found.down, "product", "out"))
    try:
        block(x)
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _held(model: nn.Module) -> list[int]:
    """Return the ids of all children of modules, once for each place that holds one."""
    return [id(child) for module in model.modules() for child in module._modules.values()]


def _check_alone(model: nn.Module, found: PlainBlock, path: str) -> None:
    """Refuse a block whose weights are not its own to change."""
    layers = [found.home.get_submodule(name) for name in {found.gate, found.up, found.down}]
    weights = [id(p) for layer in layers for p in layer.parameters()]
    own = set(weights)
    homes = [p for module in model.modules() if module not in layers for p in module._parameters.values()]
    several = any(_held(model).count(id(layer)) > 1 for layer in layers)
    shared = several or any(id(p) in own for p in homes)
    why = "other layers of the model use its weights" if shared else ""
    if len(own) < len(weights):
        why = "its layers share weights, which a plain block would not"
    if any(is_sharded(p) for layer in layers for p in layer.parameters()):
        why = "the model is sharded already: apply first, then shard"
    if why:
        raise ConversionError(f"The gated block at {path} cannot be made plain: {why}.")


def _widen(home: nn.Module, found: PlainBlock, like: Any) -> None:
    """Put the layers of the plain form in place of the gated ones, made by `like`."""
    gate, down = home.get_submodule(found.gate), home.get_submodule(found.down)
    made = like(gate, _inputs(gate), found.width)
    home._modules[found.down] = like(down, found.width, _outputs(down))
    if found.up == found.gate:
        home._modules[found.gate] = beside_ones(made, gate_first=found.gate_first)
    else:
        home._modules[found.gate], home._modules[found.up] = made, One()


def _inputs(layer: Any) -> int:
    return int(layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels)


def _outputs(layer: Any) -> int:
    return int(layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels)


def _made(layer: Any, inputs: int, outputs: int) -> Any:
    """Return a fresh layer of another size on the CPU."""
    place: dict[str, Any] = {"bias": layer.bias is not None, "device": "cpu", "dtype": torch.float32}
    if isinstance(layer, nn.Linear):
        return nn.Linear(inputs, outputs, **place)
    settings = {name: getattr(layer, name) for name in ("stride", "padding", "dilation", "padding_mode")}
    return type(layer)(inputs, outputs, layer.kernel_size, **settings, **place)


@torch.no_grad()
def _like(layer: Any, inputs: int, outputs: int) -> Any:
    """Return a fresh layer of another size, as widely spread as one that is there, for as many inputs."""
    made = _made(layer, inputs, outputs)
    gain = (_inputs(layer) / inputs) ** 0.5
    for fresh, known in zip(made.parameters(), layer.parameters(), strict=True):
        fresh.requires_grad_(known.requires_grad)
        if not known.is_meta:
            spread = float(known.float().std()) if known.numel() > 1 else 0.0
            fresh.mul_(gain * spread / max(float(fresh.std()), 1e-12) if spread else 0.0)
            fresh.add_(float(known.float().mean()))  # a bias of ones is one again
    return made.to(layer.weight).train(layer.training)


def _larger(layer: Any, inputs: int, outputs: int, random: torch.Generator, found: PlainBlock) -> Any:
    """Return a layer of another size; its first units are the known ones, those of the gate of two halves."""
    made = _made(layer, inputs, outputs)
    units = slice(0, _outputs(layer))
    if inputs == _inputs(layer) and found.up == found.gate:
        half = _outputs(layer) // 2
        units = slice(0, half) if found.gate_first else slice(half, 2 * half)
    for fresh, known in zip(made.parameters(), layer.parameters(), strict=True):
        kept = known[units] if inputs == _inputs(layer) else known
        fresh.copy_(_random(fresh.shape, random))
        fresh[tuple(slice(0, size) for size in kept.shape)] = kept
    return made.train(layer.training)

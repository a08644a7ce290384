"""Callback that lets a training learn the shape of its activations: each becomes a free-form member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from autoact import conversion
from autoact.activations import FREE_FORM, get
from autoact.analysis import normal_quantiles, project
from autoact.errors import ConfigurationError
from autoact.nn import AutoActivation
from autoact.spaces import Choice, SearchSpace
from autoact.training.callback._activation_search import ActivationSearch

CURVATURE = 1e-6
_GRID = 33  # points where the curvature of a rational function is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedShape:
    """What one free-form layer learned.

    Attributes:
        path: Of the layer; of several that share a shape, the first.
        original: Activation that it had.
        choice: Free-form activation with its learned parameters.
        quantiles: Pre-activations that it saw, (257,) equally likely ones.
        start_error: Root mean square difference of its start from the original, over the original's standard
            deviation, under a normal distribution that reaches beyond the knots.

    Example:
        >>> from autoact.spaces import Choice
        >>> shape = LearnedShape(
        ...     path="1",
        ...     original=Choice("relu"),
        ...     choice=Choice("linear_spline_5", {}),
        ...     quantiles=torch.randn(257).sort().values,
        ...     start_error=0.0,
        ... )
        >>> shape.choice.activation
        'linear_spline_5'
    """

    path: str
    original: Choice
    choice: Choice
    quantiles: Tensor
    start_error: float


class FreeShapes(ActivationSearch):
    """Train a LightningModule, unchanged, with a free-form activation in place of each activation.

    A layer starts as the free-form member nearest to the activation that it has, by least squares. Its
    parameters leave the module's optimizers and get an Adam of their own, as `ActivationSearch` says.

    Args:
        member: Free-form activation: "rational", "linear_spline", "cubic_spline_17", ...
        share: "network": all layers have one shape; "layer": each has its own.
        curvature: Weight of the mean square of the second derivative, added to the loss.
        require: What a search space may require, such as {"smoothness": 2}.
        lr: Learning rate of the parameters; None chooses it from the length.

    Raises:
        ConfigurationError: No free-form member, one that breaks a requirement, or another wrong argument.

    Example:
        >>> FreeShapes("cubic_spline_17", share="layer").shapes
        ()
    """

    def __init__(
        self,
        member: str = "cubic_spline_17",
        *,
        share: Literal["network", "layer"] = "network",
        curvature: float = CURVATURE,
        require: Mapping[str, Any] | None = None,
        lr: float | None = None,
    ) -> None:
        if get(member).family != FREE_FORM:
            raise ConfigurationError(
                f"{member!r} is no free-form activation; say rational, linear_spline or cubic_spline_17."
            )
        if share not in ("network", "layer"):
            raise ConfigurationError(f"share is network or layer; got {share!r}.")
        if not curvature >= 0:
            raise ConfigurationError(f"curvature={curvature} must be 0 or more.")
        self._plain = {"candidates": [get(member).name], **({"require": dict(require)} if require else {})}
        super().__init__(SearchSpace.from_dict(self._plain), release=None, lr=lr)
        self.member, self.share, self.curvature = get(member).name, share, curvature
        self.shapes: tuple[LearnedShape, ...] = ()
        self._starts: dict[str, tuple[Choice, float]] = {}

    def _convert(self, module: LightningModule) -> None:
        plan = conversion.find_layers(module, self.space)
        if self.share == "network":
            kept = [{"match": path, "keep": True} for path in plan.left_alone]
            rules = [*kept, {"match": "*", "share": "group"}]
            self.space = SearchSpace.from_dict({**self._plain, "layers": rules})
        conversion.convert(module, self.space, start="uniform")
        for path, layer in conversion.auto_layers(module).items():
            if self.member in layer.candidates and path in plan.layers:
                self._starts[path] = plan.layers[path], _begin(layer, self.member, plan.layers[path])

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Add the gradient of the curvature, then step our optimizer beside the module's."""
        if self.curvature:
            layers = [self._layers[path] for path in self._starts if path in self._layers]
            bent = torch.stack([curvature(layer, self.member) for layer in layers]).sum()
            (self.curvature * bent).backward()
        super().on_before_optimizer_step(trainer, pl_module, optimizer)

    def _conclude(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the shapes, unless the training diverged."""
        self._manage(False)
        found = [self._shape(path) for path in self._starts if path in self._layers]
        finite = all(torch.isfinite(torch.tensor(list(s.choice.parameters.values()))).all() for s in found)
        self.shapes = tuple(found) if finite else ()

    def _shape(self, path: str) -> LearnedShape:
        layer, (original, error) = self._layers[path], self._starts[path]
        values = {key: float(v.detach()) for key, v in _own_values(layer, self.member).items()}
        return LearnedShape(
            path=path,
            original=original,
            choice=Choice(self.member, values),
            quantiles=layer.quantiles.detach().cpu().clone(),
            start_error=error,
        )


@torch.no_grad()
def _begin(layer: AutoActivation, member: str, original: Choice) -> float:
    """Let a layer be its free-form member alone, fitted to an activation; return the error of the fit."""
    act, given = get(original.activation), original.parameters
    nearest = project(lambda z: act(z, **given), [member], spread(member) * normal_quantiles())
    own = layer.candidates.index(member)
    layer.anchor.copy_(torch.nn.functional.one_hot(torch.tensor(own), len(layer.candidates)))
    layer.release.zero_()
    for name, value in nearest.parameters.items():
        layer.initial[..., list(layer.values()).index(f"{member}.{name}")] = value
    return nearest.error


def spread(member: str) -> float:
    """Return the standard deviation of inputs that reach beyond a free-form member's outermost knots.

    A fit under N(0, 1) would leave the outer coefficients where they are, and a spline far from the original.

    Example:
        >>> round(spread("cubic_spline_17"), 3), round(spread("cubic_spline_17_6"), 3)
        (1.6, 2.4)
    """
    return 0.4 * (4.0 if member == "rational" else -get(member).parameters[0].default)


def _own_values(layer: AutoActivation, member: str) -> dict[str, Tensor]:
    named = ((*key.partition("."), value) for key, value in layer.values().items())
    return {name: value for owner, _, name, value in named if owner == member}


def curvature(layer: AutoActivation, member: str) -> Tensor:
    """Return the mean square of the second derivative of a free-form member, differentiable.

    Of a spline it is that at the knots, which coefficients give; of a rational function that between the
    outermost pre-activations that the layer saw, by differences.

    Args:
        layer: With the member among its candidates.
        member: Name of the member.

    Example:
        >>> from autoact import AutoActivation
        >>> curvature(AutoActivation(["cubic_spline"]), "cubic_spline").item()  # the identity at first
        0.0
    """
    values = _own_values(layer, member)
    if member != "rational":
        reach = 2 * -get(member).parameters[0].default  # the first coefficient is -R at first
        spacing = reach / (len(values) - 1)
        c = torch.stack(list(values.values()))
    else:
        low, high = float(layer.quantiles[0]), float(layer.quantiles[-1])
        spacing = (high - low) / (_GRID - 1)
        c = get(member)(torch.linspace(low, high, _GRID).to(layer.initial), **values)
    return ((c[2:] - 2 * c[1:-1] + c[:-2]) / spacing**2).square().mean()

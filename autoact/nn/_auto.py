"""Layer that learns its own activation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from autoact.activations import Named
from autoact.analysis import Projection
from autoact.errors import ConfigurationError, ConversionError
from autoact.kernels import Way, fused, mixture, parameter_slots, plan_for, route
from autoact.nn import _observation, _own_schedule, _relaxations
from autoact.nn._deriving import project_mixture
from autoact.nn._fixed import InPlace, among_changes, module_for, unscriptable
from autoact.nn._initial_values import (
    Settings,
    as_candidate,
    channels_of,
    check_channels,
    check_settings,
    check_steps,
    initial_values,
)
from autoact.nn._members import candidate_bounds, candidate_names, gradient_scale, leading, start_vector
from autoact.nn._precision import is_sharded, keep_precision
from autoact.nn._ranges import constrained
from autoact.nn._saved import KEY, decoded, encoded, mismatch, reordered
from autoact.nn._scalars import OverLogits, is_one_operation, key_of, mixture_of_layer, over_logits
from autoact.spaces import Bounds, Choice, Granularity, Kind, Relaxation

_DEFAULTS: dict[str, Any] = {
    "granularity": "layer",
    "channels": None,
    "channel_dim": 1,
    "relaxation": "softmax",
    "temperature": 1.0,
    "start": "uniform",
    "learn_parameters": True,
    "standardize": False,
    "release_steps": _own_schedule.STEPS,
}
_MOVING = ("release", "seen", "quantiles", "observed")


class AutoActivation(nn.Module):
    r"""A weighted mixture of activations whose weights and parameters are learned with the model.

    $y = \sum_k w_k \varphi_k(x; \theta_k)$, computed as one operation that keeps only x for backward.

    Parameters: `logits` (K,) or (C, K), and `raw` (P,) or (C, P), from which parameter values follow within
    their bounds. Buffers: `temperature`, `release` (0: exactly the start candidate, 1: the relaxation),
    `anchor`, `initial` (parameter values at raw = 0), `quantiles` of the pre-activations seen by `observe`,
    `observed`, their number of batches, and `seen` (logits at the last step counted); all stay float32.
    In training mode a layer with a start raises `release` by itself, by 1 / release_steps with each optimizer
    step that moves its logits, and every layer observes some of its inputs. In evaluation mode nothing moves.
    `ActivationSearch` has a schedule of its own: it sets `managed` while it trains, and the layer waits.

    The state_dict also names the candidates: a state of others is refused, and another order is put right.

    Code that changes x in place after the activation, which torch's ReLU lets pass, raises in backward; what
    `convert` put there keeps a copy of x.

    Args:
        candidates: List of activations, by name ("relu", "ReLU") or torch's class (nn.ReLU); or "default", or
            the name of a search space.
        granularity: "layer": one set of weights; "channel": one per channel.
        channels: C, for "channel".
        channel_dim: Dimension of x that C runs along.
        relaxation: "softmax", "straight_through" or "affine".
        temperature: Divides the logits; above 0.
        start: "uniform", or a candidate: the layer then is that activation until its logits are trained, on a
            CPU bit for bit torch's own, where `torch.compile` inlines the formula within 1e-6.
        learn_parameters: Whether slopes, alphas and betas are learned.
        standardize: Whether gradients of weights are divided by the candidates' standard deviations under
            N(0, 1); values never change.
        settings: Initial parameter values, such as {"leaky_relu": {"negative_slope": 0.2}}; a tuple is per
            channel.
        bounds: Narrower ranges of parameters, such as {"elu": {"alpha": 1}, "hill": {"n": [2, 6]}}: learned
            values and those of `choice()` stay within them.
        release_steps: Optimizer steps in which a layer in training mode goes from its start to the mixture;
            None: it neither moves `release` nor observes by itself.

    Raises:
        UnknownActivationError: A candidate that is not registered.
        ConfigurationError: Any other wrong argument.

    Example:
        >>> act = AutoActivation(["relu", "tanh"], start="tanh")
        >>> act(torch.tensor([-1.0, 1.0]))
        tensor([-0.7616,  0.7616], grad_fn=<...>)
        >>> act.choice()
        Choice('tanh')
    """

    logits: nn.Parameter
    raw: Tensor
    temperature: Tensor
    release: Tensor
    anchor: Tensor
    initial: Tensor
    quantiles: Tensor
    observed: Tensor
    scale: Tensor | None
    seen: Tensor
    managed: bool = False
    __prepare_scriptable__ = unscriptable
    _leader: "tuple[AutoActivation, ...]" = ()  # in a tuple, so that it is no part of this module
    in_place: InPlace | None = None  # what changes in place where the layer is, set by a conversion

    def __init__(
        self,
        candidates: str | Sequence[Named] = "default",
        *,
        granularity: Granularity = "layer",
        channels: int | None = None,
        channel_dim: int = 1,
        relaxation: Kind = "softmax",
        temperature: float = 1.0,
        start: Literal["uniform"] | str = "uniform",
        learn_parameters: bool = True,
        standardize: bool = False,
        settings: Settings | None = None,
        bounds: Bounds | Mapping[str, Mapping[str, Any]] | None = None,
        release_steps: int | None = _own_schedule.STEPS,
    ) -> None:
        super().__init__()
        self.relaxation = Relaxation(
            kind=relaxation,
            granularity=granularity,
            temperature=temperature,
            learn_parameters=learn_parameters,
            standardize=standardize,
        )
        self.candidates = candidate_names(candidates)
        self.bounds = candidate_bounds(candidates, bounds)
        self.settings = check_settings(self.candidates, settings, self.bounds)
        self.channels = channels_of(self.settings, channels)
        self.channel_dim, self.start = channel_dim, as_candidate(start, self.candidates)
        if granularity == "channel" and self.channels is None:
            raise ConfigurationError(
                "granularity='channel' needs channels=C, the size of x along channel_dim."
            )
        check_channels(self.channels, channel_dim)
        self.release_steps, self._forwards = check_steps(release_steps), 0
        self._set_up_parameters()
        for name, value in self._fresh().items():
            # one without elements is no parameter: nobody could differentiate a loss in it
            if value is not None and name in ("logits", "raw") and value.numel():
                learnable = name == "logits" or any(p.learnable for p in self.ranges)
                self.register_parameter(name, nn.Parameter(value, requires_grad=learnable))
            else:
                self.register_buffer(name, value)

    def _set_up_parameters(self) -> None:
        slots = tuple((name, self.bounds.narrow(name, p)) for name, p in parameter_slots(self.candidates))
        learn = self.relaxation.learn_parameters
        self.ranges = tuple(replace(p, learnable=p.learnable and learn) for _, p in slots)
        self._key = key_of(self.candidates, self.ranges)
        self._slots = tuple(f"{name}.{parameter.name}" for name, parameter in slots)
        per_channel = self.relaxation.granularity == "channel" or any(
            isinstance(value, tuple) for given in self.settings.values() for value in given.values()
        )
        plain = self.relaxation.kind == "softmax" and not self.relaxation.standardize
        self._one_softmax = plain and not per_channel
        self._initial = partial(initial_values, slots, self.settings, self.channels if per_channel else None)

    def _fresh(self) -> dict[str, Tensor | None]:
        """Return every parameter and buffer as a new layer has it."""
        anchor, initial = start_vector(self.candidates, self.start), self._initial()
        shape = (self.channels, -1) if self.relaxation.granularity == "channel" else (-1,)
        standardize = self.relaxation.standardize
        return {
            "logits": anchor.expand(*shape).clone(),
            "anchor": anchor,
            "temperature": torch.tensor(float(self.relaxation.temperature)),
            "release": torch.tensor(float(self.start == "uniform")),
            "scale": gradient_scale(self.candidates, self.settings) if standardize else None,
            "raw": torch.zeros(initial.shape),
            "initial": initial,
            "quantiles": _observation.normal_quantiles(),
            "observed": torch.zeros((), dtype=torch.long),
            "seen": anchor.expand(*shape).clone(),
        }

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Make the layer as new, on its device: logits, parameter values, and what it observed."""
        for name, value in self._fresh().items():
            if value is not None:
                getattr(self, name).copy_(value)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixture of every element; shape, dtype and layout of x."""
        return among_changes(self.in_place, x, self._mixture)

    def _mixture(self, x: Tensor) -> Tensor:
        logits, raw = self.logits, self.raw
        if self._one_softmax and torch.compiler.is_compiling() and is_one_operation(self._key, x):
            if self._moves():
                self._follow_compiled(x)
            numbers = *self._numbers(logits, raw), self._key, self.channel_dim
            return cast(Tensor, mixture_of_layer(x, *numbers)[0])
        found, own = route(self.candidates, x, logits, raw), None
        if self._one_softmax:
            own = over_logits(self._key, found, x, [*self._numbers(logits, raw), self.seen])
        if self._moves():
            self._follow(x, found.way, own)
        if own is not None:
            return fused(plan_for(self.candidates), own, x, (logits, raw), None, None, self.channel_dim)
        values = self.natural_values()
        return mixture(x, self.weights(), self.candidates, values, channel_dim=self.channel_dim)

    def _moves(self) -> bool:
        """Tell whether the layer's own schedule is at work."""
        own = self.training and self.release_steps is not None and not self.managed and not self._leader
        return own and isinstance(self.logits, nn.Parameter)  # not another's, by functional_call

    def _follow(self, x: Tensor, way: Way, own: OverLogits | None) -> None:
        """Move along the layer's own schedule, where buffers can be written, and observe now and then."""
        compiled = torch.compiler.is_compiling() and not torch.compiler.is_exporting()
        if compiled and not _own_schedule.is_transformed():
            return self._follow_compiled(x, way is Way.OPAQUE or self.relaxation.kind != "softmax")
        if way is Way.FORMULA:  # transforms, modes, tracers, tensor subclasses
            return
        steps = cast(int, self.release_steps)
        if own is not None:
            own.step = 1 / steps  # in the call that reads the logits
        else:
            _own_schedule.advance(self.logits, self.seen, self.release, steps)
        if torch.is_grad_enabled():
            self._forwards += 1
            if _own_schedule.is_due(self._forwards):
                self.observe(x)

    def _follow_compiled(self, x: Tensor, opaque: bool = True) -> None:
        released = self.seen, self.release
        observed, steps = (self.quantiles, self.observed), cast(int, self.release_steps)
        if opaque and torch.is_grad_enabled():
            return _own_schedule.step_compiled(self.logits, x, *released, *observed, steps)
        _own_schedule.advance(self.logits, *released, steps)
        if torch.is_grad_enabled():
            _own_schedule.observe_compiled(*observed, x)

    def _numbers(self, logits: Tensor, raw: Tensor) -> list[Tensor]:
        leader = self.leader
        return [logits, raw, leader.temperature, leader.release, self.anchor, self.initial]

    @property
    def leader(self) -> "AutoActivation":
        """The layer whose temperature and release count here: this one, unless it follows another."""
        return self._leader[0] if self._leader else self

    def follow(self, leader: "AutoActivation") -> None:
        """Be part of a copy that never trains: temperature and release are the leader's, which chooses.

        Args:
            leader: The layer at the same place of what is copied; the user's copying brings its logits here.
        """
        self._leader = (leader,)
        for parameter in (self.logits, self.raw):
            parameter.requires_grad_(False)

    def weights(self) -> Tensor:
        """Return the weights in effect, (K,) or (C, K), float32 (float64 in a float64 model)."""
        relax = _relaxations.RELAXATIONS[self.relaxation.kind]
        by = self.leader
        w = _relaxations.anchored(self.logits, by.temperature, by.release, self.anchor, relax)
        return w if self.scale is None else _relaxations.scaled_gradient(w, self.scale.to(w))

    def probabilities(self) -> Tensor:
        """Return softmax(logits / temperature), (K,) or (C, K): what the logits prefer at any release."""
        return _relaxations.softmax(self.logits, self.temperature)

    def entropy(self) -> Tensor:
        """Return the entropy of the weights in effect, in nats; 0 is one candidate, log K all alike."""
        return _relaxations.entropy(self.weights())

    def margin(self) -> Tensor:
        """Return the largest minus the second largest mean weight; 1 for a single candidate."""
        mean = self.weights().reshape(-1, len(self.candidates)).mean(0)
        best = mean.topk(min(2, len(mean))).values
        return best[0] - best[1] if len(best) == 2 else best[0]

    def natural_values(self) -> Tensor:
        """Return parameter values in natural units, (P,) or (C, P), in the order of `parameter_slots`."""
        return constrained(self.raw.to(self.initial.dtype), self.initial, self.ranges)

    def values(self) -> dict[str, Tensor]:
        """Return parameter values in natural units by "candidate.parameter", () or (C,) each."""
        return dict(zip(self._slots, self.natural_values().unbind(-1), strict=True)) if self._slots else {}

    def observe(self, x: Tensor) -> None:
        """Take a batch of pre-activations into account; at most 8192 of its elements are read."""
        _observation.update(self.quantiles, self.observed, x)

    def projection(self) -> Projection:
        """Return the `analysis.Projection` of the learned function on the pre-activations seen."""
        return self._project()[0]

    def choice(self) -> Choice:
        """Return the one activation nearest to the learned function, its own parameters refitted."""
        found, parameters = self._project()
        return Choice(found.activation, parameters)

    def _project(self) -> tuple[Projection, dict[str, Any]]:
        if is_sharded(self.logits):
            raise ConversionError(
                "The logits of an AutoActivation are sharded over processes (fully_shard): no process can "
                "derive a choice. Call model.unshard() on every process first; better, train with DDP while "
                "activations are searched, and shard the finalized model."
            )
        if not self._is_finite():
            raise ConversionError("The weights of an AutoActivation are not finite: its training diverged.")
        return project_mixture(
            self.candidates, self.weights(), self.natural_values(), self.quantiles, self.bounds
        )

    def _is_finite(self) -> bool:
        return all(bool(t.isfinite().all()) for t in (self.weights(), self.natural_values()))

    def finalize(self) -> nn.Module:
        """Return a plain module that computes `choice()`."""
        return module_for(self.choice(), channel_dim=self.channel_dim).train(self.training)

    def configuration(self) -> dict[str, Any]:
        """Return the arguments that make this layer again, in plain types."""
        relaxation = self.relaxation
        return {
            "candidates": list(self.candidates),
            "granularity": relaxation.granularity,
            "channels": self.channels,
            "channel_dim": self.channel_dim,
            "relaxation": relaxation.kind,
            "temperature": relaxation.temperature,
            "start": self.start,
            "learn_parameters": relaxation.learn_parameters,
            "standardize": relaxation.standardize,
            "settings": {
                name: {key: list(v) if isinstance(v, tuple) else v for key, v in given.items()}
                for name, given in self.settings.items()
            },
            "bounds": self.bounds.to_dict(),
            "release_steps": self.release_steps,
        }

    def extra_repr(self) -> str:
        """Return the candidates, arguments other than defaults, and by now: weights, nearest activation."""
        shown = {key: value for key, value in self.configuration().items() if value != _DEFAULTS.get(key, {})}
        parts = [str(shown.pop("candidates")), *(f"{key}={value!r}" for key, value in shown.items())]
        return ", ".join([*parts, *self._leading()])

    def _leading(self) -> list[str]:
        """Return the largest weights once they have moved from those of a new layer."""
        if self.logits.is_meta or is_sharded(self.logits):
            return []
        moved = bool((self.logits != self.anchor).any()) or self.release.item() != (self.start == "uniform")
        if not moved:
            return []
        shown = [f"leading: {leading(self.candidates, self.weights())}"]
        return [*shown, f"nearest: {self.choice()}"] if self._is_finite() else shown

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "AutoActivation":
        super()._apply(keep_precision(fn, self.initial), recurse)
        return self

    def get_extra_state(self) -> Tensor:
        """Return the names of the candidates, for state_dict: a state is of these, in this order."""
        return encoded(self.candidates)

    def set_extra_state(self, state: Any) -> None:
        """Change nothing: a state of other candidates is refused, or put in order, as it is loaded."""

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        theirs = decoded(state_dict.get(prefix + KEY)) or self.candidates
        if wrong := mismatch(prefix.rstrip("."), self.candidates, theirs):
            error_msgs.append(wrong)
            return
        # older states have neither names nor the logits seen last
        state = {prefix + "seen": state_dict.get(prefix + "logits", self.seen), **state_dict}
        for name in _MOVING:  # written in place by training: not the loaded file's own, as assign=True has it
            if prefix + name in state:
                state[prefix + name] = state[prefix + name].clone()
        state[prefix + KEY] = self.get_extra_state()
        if theirs != self.candidates:
            state = reordered(state, prefix, self.candidates, theirs)
        super()._load_from_state_dict(
            state, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

"""Teachers: functions hidden in networks, and shapes that networks of the same form learn from their data."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from autoact import AutoActivation, get
from autoact.analysis import normal_quantiles, project

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]
MEMBER = "cubic_spline_17"
NOISE = 0.01  # standard deviation of the noise, over that of the teacher's output
INPUTS, UNITS, ROWS = 3, 3, 3000
BEGINNINGS = ("tanh", "silu", "gaussian", "relu", "sin", "softplus", "lisht", "elu")
_SHORT, _LONG, _KEPT = 120, 800, 2  # steps of L-BFGS: of every beginning, and of the two best

_ROUNDS, _STUCK = 3, 1.2  # at most so many rounds, until the error is below so many times the noise


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


COUNTED: dict[str, Function] = {
    "x + 2 exp(-x²)": lambda x: x + 2 * np.exp(-x * x),
    "max(0, x)² / (1 + max(0, x)²) + 0.3 min(0, x)": lambda x: (
        np.maximum(x, 0) ** 2 / (1 + np.maximum(x, 0) ** 2) + 0.3 * np.minimum(x, 0)
    ),
    "x exp(-x²)": lambda x: x * np.exp(-x * x),
    "cos(2x) exp(-x²/2)": lambda x: np.cos(2 * x) * np.exp(-x * x / 2),
    "x / (1 + x²)": lambda x: x / (1 + x * x),
    "max(0, x) - exp(-x²)": lambda x: np.maximum(x, 0) - np.exp(-x * x),
    "|x| exp(-|x|)": lambda x: np.abs(x) * np.exp(-np.abs(x)),
    "tanh(x)²": lambda x: np.tanh(x) ** 2,
    "sqrt(1 + x²) + 0.6 sin(1.5x)": lambda x: np.sqrt(1 + x * x) + 0.6 * np.sin(1.5 * x),
    "log(1 + exp(x)) tanh(x)": lambda x: np.logaddexp(0, x) * np.tanh(x),
}
# The registry's snake with α = 1: found or not, it is no discovery.
REGISTERED: dict[str, Function] = {"x + sin(x)²": lambda x: x + np.sin(x) ** 2}
# The settings of the search were chosen on these.
DEVELOPMENT: dict[str, Function] = {
    "sin(2x) σ(x)": lambda x: np.sin(2 * x) * _sigmoid(x),
    "x² exp(-|x|)": lambda x: x * x * np.exp(-np.abs(x)),
    "max(0, x) + 0.3 sin(3x)": lambda x: np.maximum(x, 0) + 0.3 * np.sin(3 * x),
    "0.4x + 1 / (1 + x²)": lambda x: 0.4 * x + 1 / (1 + x * x),
    "tanh(x) + 0.7 exp(-1.5|x|)": lambda x: np.tanh(x) + 0.7 * np.exp(-1.5 * np.abs(x)),
    "log(1 + exp(x)) exp(-x²/3)": lambda x: np.logaddexp(0, x) * np.exp(-x * x / 3),
}
TEACHERS = {**COUNTED, **REGISTERED, **DEVELOPMENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A shape in plain numbers."""

    values: dict[str, float]
    quantiles: list[float]
    error: float  # of the network on its data, over the standard deviation of the target


def inputs_of(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs, the teacher's pre-activations and its output, without noise, of variance 1."""
    generator = torch.Generator().manual_seed(1 + list(TEACHERS).index(name))
    weight = torch.randn(UNITS, INPUTS, generator=generator)
    weight = 1.4 * weight / weight.norm(dim=1, keepdim=True)
    bias = 1.2 * torch.rand(UNITS, generator=generator) - 0.6
    x = torch.randn(ROWS, INPUTS, generator=generator)
    z = x @ weight.T + bias
    y = torch.from_numpy(TEACHERS[name](z.double().numpy())).float() @ torch.tensor([1.0, -0.8, 0.6])
    return x, z, (y - y.mean()) / y.std()


def learn(name: str) -> Learned:
    """Return the shape that all units of a network share, learned from noisy data of a teacher."""
    x, _, y = inputs_of(name)
    y = y + NOISE * torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    rounds = [_round(x, y, 0)]
    while min(rounds, key=_error)[0] > _STUCK * NOISE and len(rounds) < _ROUNDS:
        rounds.append(_round(x, y, len(rounds)))
    error, model = min(rounds, key=_error)
    layer = model[1]
    assert isinstance(layer, AutoActivation)
    z = model[0](x).detach().flatten().double().numpy()
    at = (np.arange(257) + 0.5) / 257
    return Learned(
        values={key.partition(".")[2]: float(v.detach()) for key, v in layer.values().items()},
        quantiles=np.quantile(z, at).tolist(),
        error=error,
    )


def _error(found: tuple[float, nn.Sequential]) -> float:
    return found[0]


def _round(x: Tensor, y: Tensor, number: int) -> tuple[float, nn.Sequential]:
    """Return error and network of one round: each beginning once, then the best ones go on."""
    seeds = range(number * len(BEGINNINGS), (number + 1) * len(BEGINNINGS))
    found = sorted((_trained(x, y, seed) for seed in seeds), key=_error)
    return min((_go_on(model, x, y, _LONG) for _, model in found[:_KEPT]), key=_error)


def _trained(x: Tensor, y: Tensor, seed: int) -> tuple[float, nn.Sequential]:
    torch.manual_seed(seed)
    start = project(BEGINNINGS[seed % len(BEGINNINGS)], [MEMBER], 1.5 * normal_quantiles()).parameters
    layer = AutoActivation([MEMBER], settings={MEMBER: start}, release_steps=None)
    first = nn.Linear(INPUTS, UNITS)
    model = nn.Sequential(first, layer, nn.Linear(UNITS, 1))
    nn.init.normal_(first.weight, std=0.7)
    return _go_on(model, x, y, _SHORT)


def _go_on(model: nn.Sequential, x: Tensor, y: Tensor, steps: int) -> tuple[float, nn.Sequential]:
    parameters = [p for p in model.parameters() if p is not model[1].logits]
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=steps, history_size=30, line_search_fn="strong_wolfe", tolerance_change=1e-10
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (model(x)[:, 0] - y).square().mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    return float(closure().detach().sqrt()), model


def teacher_curve(name: str) -> tuple[Array, Array, Array]:
    """Return the teacher's pre-activations, (257,) equally likely ones, its values and its slopes."""
    z = np.quantile(inputs_of(name)[1].double().numpy(), (np.arange(257) + 0.5) / 257)
    f, h = TEACHERS[name], 1e-6
    return z, f(z), (f(z + h) - f(z - h)) / (2 * h)


def registered_error(name: str, activation: str) -> float:
    """Return how far a registered activation, parameters refitted, is from a teacher up to affine changes.

    The root mean square difference over the teacher's standard deviation, from the best two of 18 beginnings.
    """
    from scipy.optimize import least_squares

    z, values, _ = teacher_curve(name)
    act, spread = get(activation), values.std()
    own = [p.default for p in act.parameters]

    def rest(p: Array) -> Array:
        given = {
            q.name: min(max(float(v), q.lower), q.upper) for q, v in zip(act.parameters, p[2:], strict=True)
        }
        g = act(torch.from_numpy(p[0] * (z - p[1])), **given).numpy()
        basis = np.stack([np.ones_like(g), np.clip(np.nan_to_num(g), -1e6, 1e6)], 1)
        return np.asarray((basis @ np.linalg.lstsq(basis, values, rcond=1e-9)[0] - values) / spread)

    grid = [np.array([b, m, *own]) for b in (-3.0, -1.5, -0.7, 0.7, 1.5, 3.0) for m in (-1.0, 0.0, 1.0)]
    best = sorted(grid, key=lambda start: float(np.square(rest(start)).sum()))[:2]
    return float(np.sqrt(min(2 * least_squares(rest, start, max_nfev=30).cost for start in best) / len(z)))

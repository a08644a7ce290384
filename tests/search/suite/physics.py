"""Physics and numerics: derivatives in losses and models, operators, integrators, double precision."""

from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call, grad, hessian, jacrev, jvp, stack_module_state, vmap
from torch.nn import functional as F

from tests.search.suite.basis import Learner, Regression, loaders, mlp, points
from tests.search.suite.registry import case

rows = loaders(points)


def collocation(count: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return places in [0, 1] and the solution of u'' = -sin(3x) there."""
    x = torch.rand(count, 1, generator=generator)
    return x, torch.sin(3 * x) / 9


places = loaders(collocation)


def derivative(y: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)[0]


@case("physics-informed network", "net.1 net.3", data=places, trainer={"inference_mode": False})
class PINN(Learner):
    """Second derivatives by autograd.grad, in validation too (inference_mode=False)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(1, 8, 8, 1, act=nn.Tanh)

    def loss(self, batch: Any) -> Tensor:
        with torch.enable_grad():
            x = batch[0].clone().requires_grad_()
            u = self.net(x)
            curved = derivative(derivative(u, x), x)
            equation = (curved + torch.sin(3 * x)).square().mean()
        edge = self.net(torch.zeros(1, 1)).square().mean()
        return equation + edge


LBFGS = "LBFGS evaluates the loss several times per step"


@case(
    "physics-informed network",
    "net.1 net.3",
    data=places,
    trainer={"inference_mode": False},
    callback=LBFGS,
    no_mixture=LBFGS,
)
class QuasiNewton(PINN):
    """Second derivatives in a loss that LBFGS evaluates several times per step."""

    def configure_optimizers(self) -> Any:
        return torch.optim.LBFGS(self.parameters(), lr=0.1, max_iter=3, line_search_fn="strong_wolfe")


@case("function transforms", "net.1", data=rows)
class Curvature(Regression):
    """Hessians and directional derivatives by torch.func in the loss."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        curved = vmap(hessian(lambda x: self.net(x).sum()))(batch[0])
        slope = jvp(self.net, (batch[0],), (torch.ones_like(batch[0]),))[1]
        return self.loss(batch) + 0.01 * (curved.square().mean() + slope.square().mean())


@case("function transforms", "net.1", data=rows)
class Jacobian(Regression):
    """Jacobian of every row by vmap(jacrev), a penalty on its size."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) + 0.01 * vmap(jacrev(self.net))(batch[0]).square().sum()


@case("function transforms", "net.1", data=rows, no_mixture="optimizes manually")
class PerSample(Regression):
    """Gradients of every sample by functional_call and vmap(grad), clipped and averaged by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        weights = dict(self.net.named_parameters())

        def one(weights: Any, x: Tensor, y: Tensor) -> Tensor:
            return F.mse_loss(functional_call(self.net, weights, (x[None],)), y[None])

        each = vmap(grad(one), in_dims=(None, 0, 0))(weights, *batch)
        optimizer = self.optimizers()
        optimizer.zero_grad()
        for name, weight in weights.items():
            weight.grad = each[name].clamp(-1, 1).mean(0)
        optimizer.step()


@case("meta-learning", "net.1", data=rows)
class MAML(Regression):
    """An inner step of gradient descent through functional_call, differentiated again."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        weights = dict(self.net.named_parameters())
        inner = F.mse_loss(functional_call(self.net, weights, (x[:8],)), y[:8])
        slopes = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
        moved = {
            name: weight - 0.1 * slope for (name, weight), slope in zip(weights.items(), slopes, strict=True)
        }
        return F.mse_loss(functional_call(self.net, moved, (x[8:],)), y[8:])


@case("ensembles", "nets.0.1 nets.1.1 nets.2.1", data=rows)
class Ensemble(Learner):
    """Three networks side by side, each with its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.nets = nn.ModuleList(mlp(4, 8, 1, act=nn.SiLU) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([net(x) for net in self.nets])

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        found = self(x)
        return F.mse_loss(found, y.expand_as(found)) if self.training else F.mse_loss(found.mean(0), y)


@case("ensembles", "base.1", data=rows)
class Stacked(Learner):
    """Weights of four networks in one tensor, run by functional_call and vmap."""

    def __init__(self) -> None:
        super().__init__()
        nets = [mlp(4, 8, 1) for _ in range(4)]
        self.base = mlp(4, 8, 1).requires_grad_(False)
        stacked, _ = stack_module_state(nets)
        self.names = list(stacked)
        self.stacked = nn.ParameterList(stacked.values())

    def forward(self, x: Tensor) -> Tensor:
        weights = dict(zip(self.names, self.stacked, strict=True))
        return vmap(lambda w: functional_call(self.base, w, (x,)))(weights)

    def loss(self, batch: Any) -> Tensor:
        found = self(batch[0])
        return F.mse_loss(found, batch[1].expand_as(found))


@case("Hamiltonian network", "energy.1 energy.3", data=rows, trainer={"inference_mode": False})
class Hamiltonian(Learner):
    """Motion as the gradient of a learned energy; forward itself differentiates."""

    def __init__(self) -> None:
        super().__init__()
        self.energy = mlp(4, 8, 8, 1, act=nn.Tanh)

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            q, p = derivative(self.energy(x), x).chunk(2, 1)
        return torch.cat([p, -q], 1)

    def loss(self, batch: Any) -> Tensor:
        x, _ = batch
        return F.mse_loss(self(x), torch.cat([x[:, 2:], -x[:, :2]], 1))


@case(
    "energy and forces", "net.1 net.3", data=rows, trainer={"inference_mode": False, "precision": "64-true"}
)
class Forces(Learner):
    """Energy and its negative gradient fitted together in double precision."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(4, 8, 8, 1, act=nn.SiLU)

    def loss(self, batch: Any) -> Tensor:
        with torch.enable_grad():
            x = batch[0].clone().requires_grad_()
            energy = self.net(x)
            force = -derivative(energy, x)
        return F.mse_loss(energy, x.square().sum(1, keepdim=True)) + F.mse_loss(force, -2 * x)


@case("operator learning", "branch.1 trunk.1", data=rows)
class DeepONet(Learner):
    """Branch and trunk networks whose product is the value at a place."""

    def __init__(self) -> None:
        super().__init__()
        self.branch, self.trunk = mlp(3, 8, 8, act=nn.GELU), mlp(1, 8, 8, act=nn.Tanh)
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, u: Tensor, place: Tensor) -> Tensor:
        return (self.branch(u) * self.trunk(place)).sum(1, keepdim=True) + self.bias

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        return F.mse_loss(self(x[:, :3], x[:, 3:]), y)


class Fourier(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, width, 3, dtype=torch.cfloat) * 0.1)
        self.local = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        modes = torch.einsum("bit,iot->bot", torch.fft.rfft(x)[..., :3], self.weight)
        return F.gelu(torch.fft.irfft(modes, n=x.shape[-1]) + self.local(x))


def fields(count: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return waves of 16 places and their slopes."""
    start = torch.rand(count, 1, 1, generator=generator) * 6
    x = torch.sin(start + torch.arange(16) * 0.39)
    return x, torch.cos(start + torch.arange(16) * 0.39)


@case("operator learning", "net.1.gelu_1 net.2.gelu_1", data=loaders(fields))
class FNO(Regression):
    """Fourier neural operator with complex weights."""

    def __init__(self) -> None:
        Learner.__init__(self)
        self.net = nn.Sequential(nn.Conv1d(1, 4, 1), Fourier(4), Fourier(4), nn.Conv1d(4, 1, 1))


@case("implicit representation", "sin_1 sin_2", data=places, space=("sin", "tanh"))
class Siren(Learner):
    """Sines, 30 times as fast in the first layer; the space lists sin."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(1, 8), nn.Linear(8, 8), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.sin(self.second(torch.sin(30 * self.first(x)))))

    def loss(self, batch: Any) -> Tensor:
        return F.mse_loss(self(batch[0]), batch[1])


@case("differential equation", "field.1", data=rows)
class NeuralODE(Learner):
    """Ten Euler steps through one network."""

    def __init__(self) -> None:
        super().__init__()
        self.field, self.head = mlp(4, 8, 4, act=nn.Tanh), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(10):
            x = x + 0.1 * self.field(x)
        return self.head(x)

    def loss(self, batch: Any) -> Tensor:
        return F.mse_loss(self(batch[0]), batch[1])


@case("equilibrium model", "cell.1", data=rows)
class Equilibrium(NeuralODE):
    """A fixed point found without gradients, and one step with them; gradients by a hook."""

    def __init__(self) -> None:
        Learner.__init__(self)
        self.inside, self.head = nn.Linear(4, 8), nn.Linear(8, 1)
        self.cell = nn.Sequential(nn.Linear(8, 8), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        x = self.inside(x)
        with torch.no_grad():
            z = torch.zeros_like(x)
            for _ in range(5):
                z = self.cell(0.5 * z + x)
        z = self.cell(0.5 * z + x)
        if self.training:
            z.register_hook(lambda slope: slope.clamp(-1, 1))
        return self.head(z)

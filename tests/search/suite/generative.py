"""Generative models: autoencoders, adversaries, diffusion, flows, energies, masks."""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.search.suite.basis import Learner, images, loaders, mlp, points
from tests.search.suite.registry import case

pictures, rows = loaders(images), loaders(points)
MANUAL = "optimizes manually"


@case("variational autoencoder", "encoder.2 decoder.1", data=pictures)
class VAE(Learner):
    """Sampled code, Kullback-Leibler term, sigmoid at the end; the weight of the term rises."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 8))
        self.decoder = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 64), nn.Sigmoid())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, logvar = self.encoder(x).chunk(2, 1)
        z = mean + torch.randn_like(mean) * (logvar / 2).exp()
        return self.decoder(z), mean, logvar

    def loss(self, batch: Any) -> Tensor:
        guess, mean, logvar = self(batch[0])
        kl = (mean.square() + logvar.exp() - logvar - 1).mean() / 2
        near = F.binary_cross_entropy(guess, batch[0].flatten(1).clamp(0, 1))
        return near + min(1.0, self.global_step / 10) * kl


@case("autoencoder", "relu_1", data=pictures)
class Tied(Learner):
    """Denoising autoencoder whose decoder has the encoder's weight, transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.bias = nn.Linear(64, 8), nn.Parameter(torch.zeros(64))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.relu(self.encoder(x)), self.encoder.weight.T, self.bias)

    def loss(self, batch: Any) -> Tensor:
        x = batch[0].flatten(1)
        return F.mse_loss(self(x + 0.1 * torch.randn_like(x)), x)


@case("vector quantization", "encoder.2 decoder.1", data=pictures)
class VQVAE(Learner):
    """Straight-through code book, updated by running averages in buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 4))
        self.decoder = mlp(4, 8, 64)
        self.register_buffer("book", torch.randn(6, 4))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        z = self.encoder(x)
        nearest = torch.cdist(z, self.book).argmin(1)
        q = self.book[nearest]
        if self.training:
            with torch.no_grad():
                for one in nearest.unique():
                    self.book[one].lerp_(z[nearest == one].mean(0), 0.1)
        return self.decoder(z + (q - z).detach()), z, q

    def loss(self, batch: Any) -> Tensor:
        guess, z, q = self(batch[0])
        return F.mse_loss(guess, batch[0].flatten(1)) + 0.25 * F.mse_loss(z, q.detach())


@case("adversarial networks", "maker.1 judge.1", data=rows, no_mixture=MANUAL)
class GAN(Learner):
    """Generator and discriminator by hand: two optimizers, toggled in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.maker, self.judge = mlp(2, 8, 4), mlp(4, 8, 1, act=lambda: nn.LeakyReLU(0.2))

    def training_step(self, batch: Any, batch_idx: int) -> None:
        x, _ = batch
        makes, judges = self.optimizers()
        made = self.maker(torch.randn(len(x), 2))
        self.toggle_optimizer(makes)
        makes.zero_grad()
        self.manual_backward(F.softplus(-self.judge(made)).mean())
        makes.step()
        self.untoggle_optimizer(makes)
        self.toggle_optimizer(judges)
        judges.zero_grad()
        wrong = F.softplus(self.judge(made.detach())).mean() + F.softplus(-self.judge(x)).mean()
        self.manual_backward(wrong)
        judges.step()
        self.untoggle_optimizer(judges)
        self.log_dict({"judge": wrong})

    def loss(self, batch: Any) -> Tensor:
        made = self.maker(torch.randn(len(batch[0]), 2))
        return (made.mean(0) - batch[0].mean(0)).square().sum() + (
            made.std(0) - batch[0].std(0)
        ).square().sum()

    def configure_optimizers(self) -> Any:
        adams = [torch.optim.Adam(net.parameters(), 1e-2, (0.5, 0.99)) for net in (self.maker, self.judge)]
        return adams, [torch.optim.lr_scheduler.ExponentialLR(adam, 0.9) for adam in adams]


@case("adversarial networks", "maker.1 judge.1", data=rows, no_mixture=MANUAL)
class WassersteinGAN(GAN):
    """Critic with a penalty on the norm of its gradient; the generator steps every other batch."""

    def training_step(self, batch: Any, batch_idx: int) -> None:
        x, _ = batch
        makes, judges = self.optimizers()
        made = self.maker(torch.randn(len(x), 2))
        between = torch.lerp(x, made.detach(), torch.rand(len(x), 1)).requires_grad_()
        slope = torch.autograd.grad(self.judge(between).sum(), between, create_graph=True)[0]
        penalty = (slope.norm(dim=1) - 1).square().mean()
        judges.zero_grad()
        self.manual_backward(self.judge(made.detach()).mean() - self.judge(x).mean() + 10 * penalty)
        judges.step()
        if batch_idx % 2:
            makes.zero_grad()
            self.manual_backward(-self.judge(made).mean())
            makes.step()


class Noise(nn.Module):
    """Predict the noise in x at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.time, self.net = mlp(8, 8, 8, act=nn.SiLU), mlp(12, 16, 4, act=nn.SiLU)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        waves = t[:, None] * torch.exp(-math.log(100) * torch.arange(4) / 4)
        return self.net(torch.cat([x, self.time(torch.cat([waves.sin(), waves.cos()], 1))], 1))


@case(
    "diffusion",
    "net.time.1 net.net.1 average.time.1 average.net.1",
    data=rows,
)
class DDPM(Learner):
    """Noise prediction with an embedding of time; an averaged copy is validated."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Noise()
        self.average = copy.deepcopy(self.net).requires_grad_(False)
        self.register_buffer("kept", (1 - torch.linspace(1e-3, 0.2, 20)).cumprod(0))

    def loss(self, batch: Any) -> Tensor:
        x, _ = batch
        t = torch.randint(20, (len(x),), device=x.device)
        noise, kept = torch.randn_like(x), self.kept[t][:, None]
        net = self.net if self.training else self.average
        return F.mse_loss(net(kept.sqrt() * x + (1 - kept).sqrt() * noise, t / 20), noise)

    @torch.no_grad()
    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        for mean, now in zip(self.average.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(now, 0.1)


@case("flow matching", "net.time.1 net.net.1", data=rows)
class FlowMatching(Learner):
    """Velocity between noise and data; validation integrates it by Euler steps."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Noise()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, _ = batch
        t, start = torch.rand(len(x)), torch.randn_like(x)
        return F.mse_loss(self.net(torch.lerp(start, x, t[:, None]), t), x - start)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        x = torch.randn_like(batch[0])
        for step in range(4):
            x = x + self.net(x, torch.full((len(x),), step / 4)) / 4
        self.log("val_loss", (x.mean(0) - batch[0].mean(0)).square().sum())


class Coupling(nn.Module):
    def __init__(self, turned: bool) -> None:
        super().__init__()
        self.turned, self.net = turned, mlp(2, 8, 4, act=nn.LeakyReLU)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a, b = x.chunk(2, 1) if not self.turned else x.chunk(2, 1)[::-1]
        scale, shift = self.net(a).chunk(2, 1)
        scale = torch.tanh(scale)
        return torch.cat([a, b * scale.exp() + shift], 1), scale.sum(1)


@case("normalizing flow", "parts.0.net.1 parts.1.net.1", data=rows)
class RealNVP(Learner):
    """Affine couplings; the tanh that bounds the scale stays."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([Coupling(False), Coupling(True)])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for part in self.parts:
            x, change = part(x)
            total = total + change
        return x, total

    def loss(self, batch: Any) -> Tensor:
        z, change = self(batch[0])
        normal = torch.distributions.Normal(torch.zeros(4), torch.ones(4))
        return -(normal.log_prob(z).sum(1) + change).mean()


@case("score matching", "energy.1 energy.3", data=rows)
class Energy(Learner):
    """Gradient of an energy in its input, learned by denoising; validation needs it too."""

    def __init__(self) -> None:
        super().__init__()
        self.energy = mlp(4, 8, 8, 1, act=nn.Softplus)

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.clone().requires_grad_()
            return torch.autograd.grad(self.energy(x).sum(), x, create_graph=self.training)[0]

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        with torch.inference_mode(False):
            super().validation_step([part.clone() for part in batch], batch_idx)

    def loss(self, batch: Any) -> Tensor:
        noise = torch.randn_like(batch[0])
        return F.mse_loss(self(batch[0] + 0.3 * noise), noise / 0.3)


class Masked(nn.Linear):
    def __init__(self, before: int, after: int, mask: Tensor) -> None:
        super().__init__(before, after)
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.mask, self.bias)


@case("autoregressive model", "net.1", data=rows)
class MADE(Learner):
    """Masked weights: each feature from those before it, with mean and log of the variance."""

    def __init__(self) -> None:
        super().__init__()
        order = torch.arange(16) % 3
        first = (order[:, None] >= torch.arange(4)).float()
        last = (torch.arange(4)[:, None] > order).float().repeat(2, 1)
        self.net = nn.Sequential(Masked(4, 16, first), nn.ReLU(), Masked(16, 8, last))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, logvar = self.net(x).chunk(2, 1)
        return mean, logvar

    def loss(self, batch: Any) -> Tensor:
        mean, logvar = self(batch[0])
        return F.gaussian_nll_loss(mean, batch[0], logvar.exp())

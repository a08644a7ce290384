"""Series and sound: convolutions in time, spectra, frames."""

from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from tests.search.suite.basis import Learner, Numbers, loaders, series, tokens
from tests.search.suite.registry import case

times, words = loaders(series), loaders(tokens)


class Causal(nn.Module):
    def __init__(self, before: int, after: int, dilation: int) -> None:
        super().__init__()
        self.conv = weight_norm(nn.Conv1d(before, after, 3, dilation=dilation))
        self.skip = nn.Conv1d(before, after, 1) if before != after else nn.Identity()
        self.relu, self.final = nn.ReLU(), nn.ReLU()
        self.reach = 2 * dilation

    def forward(self, x: Tensor) -> Tensor:
        return self.final(self.relu(self.conv(F.pad(x, (self.reach, 0)))) + self.skip(x))


@case("time series", "net.0.relu net.0.final net.1.relu net.1.final", data=times)
class TCN(Numbers):
    """Dilated causal convolutions with weight norm and residual connections."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.head = nn.Sequential(Causal(2, 8, 1), Causal(8, 8, 2)), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.net(x.mT)[..., -1])


def sounds(rows: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return waves of 128 samples, and which of 3 pitches."""
    y = torch.randint(3, (rows,), generator=generator)
    phase = torch.rand(rows, 1, generator=generator) * 6
    x = torch.sin(phase + (1 + y[:, None]) * torch.arange(128) / 8)
    return x + 0.1 * torch.randn(rows, 128, generator=generator), y


@case("audio", "net.2 net.5", data=loaders(sounds))
class Audio(Learner):
    """Spectrogram by torch.stft with a window as buffer, 1-D convolutions, group norm."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(16), persistent=False)
        self.net = nn.Sequential(
            nn.Conv1d(9, 8, 3),
            nn.GroupNorm(2, 8),
            nn.ReLU(),
            nn.Conv1d(8, 8, 3),
            nn.InstanceNorm1d(8),
            nn.PReLU(8),
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.stft(x, 16, 8, window=self.window, return_complex=True).abs()
        return self.head(self.net((spectrum + 1e-5).log()).mean(2))

    def loss(self, batch: Any) -> Tensor:
        return F.cross_entropy(self(batch[0]), batch[1])


@case("speech", "body.1", data=loaders(sounds))
class Speech(Learner):
    """Connectionist temporal classification over frames of a wave."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = (
            nn.Sequential(nn.Conv1d(1, 8, 8, stride=8), nn.Hardtanh(0, 20)),
            nn.Linear(8, 4),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x[:, None]).mT).log_softmax(-1)

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        frames = torch.full((len(x),), 16)
        return F.ctc_loss(self(x).transpose(0, 1), y[:, None] + 1, frames, torch.ones_like(frames))

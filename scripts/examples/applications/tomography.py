"""Sparse-view tomography: from twelve noisy X-ray projections to an image.

    python scripts/examples/applications/tomography.py [--short] [--out DIR]

Phantoms of random ellipses (after Shepp and Logan 1974) are seen from twelve angles; a detector counts
photons, Poisson-distributed around I0 exp(-∫μ) (Beer-Lambert). Filtered back projection makes an image full
of streaks, and a small convolutional network cleans it; attenuation is not negative, so the output must not
be, either. Searches the space `medical_imaging` in the hidden layers and nonnegative members at the output,
against ReLU and softplus; prints the verdict and draws tomography.png. About 2 minutes; --short 10 s.
"""

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import autoact
from autoact.errors import AutoActError
from autoact.search import SearchResult
from scripts import terminal
from scripts.examples.applications._module import Application, both
from scripts.examples.applications._pictures import draw_seeds

Floats = NDArray[np.float64]

SIZE, ANGLES, PHOTONS = 32, 12, 2e3
PIXEL = 2 / SIZE  # the image covers [-1, 1] x [-1, 1]
LAYERS = [{"match": "output", "candidates": ["softplus", "squareplus", "smelu", "relu"]}]  # none is negative
# Shepp and Logan's head, in the contrast that Toft (1996) gave it: value, half axes, center, angle in degrees
HEAD = (
    *((1.0, 0.69, 0.92, 0.0, 0.0, 0.0), (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0)),
    *((-0.2, 0.11, 0.31, 0.22, 0.0, -18.0), (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0)),
    *((0.1, 0.21, 0.25, 0.0, 0.35, 0.0), (0.1, 0.046, 0.046, 0.0, 0.1, 0.0)),
)


def draw_ellipses(ellipses: Sequence[Sequence[float]]) -> Floats:
    """Return μ, (SIZE, SIZE) and >= 0: the sum of ellipses, each the mean over 3 x 3 points of a pixel."""
    at = (np.arange(3 * SIZE) + 0.5) * PIXEL / 3 - 1
    x, y = np.meshgrid(at, -at)
    image = np.zeros_like(x)
    for value, a, b, x0, y0, degrees in ellipses:
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        u, v = (x - x0) * cos + (y - y0) * sin, (y - y0) * cos - (x - x0) * sin
        image += value * ((u / a) ** 2 + (v / b) ** 2 <= 1)
    return np.maximum(image, 0).reshape(SIZE, 3, SIZE, 3).mean((1, 3))


def phantom(random: np.random.Generator) -> Floats:
    """Return a head that differs from Shepp and Logan's in every size, place and value."""
    varied = [np.array(e) * random.normal(1, 0.1, 6) + [0, 0, 0, *random.normal(0, 0.03, 2), 0] for e in HEAD]
    spots = [
        (random.uniform(0.1, 0.4), *random.uniform(0.04, 0.2, 2), *random.uniform(-0.4, 0.4, 2), 0.0)
        for _ in range(4)
    ]
    return draw_ellipses([*varied, *spots])


@cache
def projector() -> Floats:
    """Return the lengths of rays in pixels, (ANGLES * SIZE, SIZE * SIZE): sampled along each ray."""
    steps = (np.arange(4 * SIZE) + 0.5) * PIXEL / 2 - 2  # half a pixel each, beyond the corners
    rays = (np.arange(SIZE) + 0.5) * PIXEL - 1
    matrix = np.zeros((ANGLES * SIZE, SIZE * SIZE))
    for row, (angle, s) in enumerate((a, s) for a in range(ANGLES) for s in rays):
        cos, sin = np.cos(np.pi * angle / ANGLES), np.sin(np.pi * angle / ANGLES)
        x, y = s * cos - steps * sin, s * sin + steps * cos
        column, line = (np.floor((t + 1) / PIXEL).astype(int) for t in (x, -y))
        inside = (column >= 0) & (column < SIZE) & (line >= 0) & (line < SIZE)
        np.add.at(matrix[row], line[inside] * SIZE + column[inside], PIXEL / 2)
    return matrix


def measured(images: Floats, random: np.random.Generator) -> Floats:
    """Return the line integrals that photon counts tell, (N, ANGLES * SIZE): -log(I / I0), I Poisson."""
    counts = random.poisson(PHOTONS * np.exp(-images.reshape(len(images), -1) @ projector().T))
    return -np.log(np.maximum(counts, 0.5) / PHOTONS)


def back_projected(lines: Floats) -> Floats:
    """Return images by filtered back projection, (N, SIZE, SIZE)."""
    pad = 2 * SIZE  # against wrap-around
    n = np.fft.fftfreq(pad, 1 / pad).astype(int)
    odd = n % 2 == 1
    ramp = np.zeros(pad)  # of Kak and Slaney (1988), chapter 3: sampled in space, so that means are kept
    ramp[0], ramp[odd] = 0.25, -1 / (np.pi * n[odd]) ** 2
    views = np.fft.fft(lines.reshape(-1, ANGLES, SIZE), n=pad) * np.fft.fft(ramp) / PIXEL
    filtered = np.fft.ifft(views).real[..., :SIZE].reshape(len(lines), -1)
    return (filtered @ projector() * np.pi / ANGLES / PIXEL).reshape(-1, SIZE, SIZE)


def pairs(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return back projections and true images, (count, 1, SIZE, SIZE)."""
    random = np.random.default_rng(seed)
    images = np.stack([phantom(random) for _ in range(count)])
    seen = back_projected(measured(images, random))
    return tuple(torch.tensor(each[:, None], dtype=torch.float32) for each in (seen, images))  # type: ignore[return-value]


class Denoiser(Application):
    """Four convolutions with ReLU between them correct the image; softplus keeps it above 0."""

    def __init__(self, width: int = 12) -> None:
        super().__init__(lr=3e-3)
        self.net = nn.Sequential(
            *(nn.Conv2d(1, width, 5, padding=2), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, padding=2, dilation=2), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, padding=1), nn.ReLU()),
            nn.Conv2d(width, 1, 3, padding=1),
        )
        self.output = nn.Softplus(beta=10)  # bends within 0.1 of 0, where μ reaches 1

    def forward(self, seen: Tensor) -> Tensor:
        """Return μ >= 0 of back projections, (N, 1, SIZE, SIZE)."""
        return self.output(seen + self.net(seen))

    def loss(self, batch: Any) -> Tensor:
        """Return the squared error over that of the back projection, the mean over images."""
        seen, truth = batch
        mine, its = ((image - truth).square().mean((1, 2, 3)) for image in (self(seen), seen))
        return (mine / its).mean()


def loaders(short: bool) -> tuple[DataLoader[Any], ...]:
    """Return loaders of phantoms that train, guide and compare."""
    sizes = (16, 8, 8) if short else (256, 64, 128)
    parts = [TensorDataset(*pairs(count, seed)) for seed, count in enumerate(sizes)]
    train, *others = parts
    return (
        DataLoader(train, batch_size=16, shuffle=True),
        *(DataLoader(part, batch_size=len(part)) for part in others),
    )


def search(data: Sequence[DataLoader[Any]], out: Path, *, short: bool) -> SearchResult:
    """Select the activations, and compare them with ReLU and softplus on fresh seeds."""
    shipped = autoact.SearchSpace.load("medical_imaging").to_dict()
    hidden = {"candidates": ["relu", "silu"]} if short else shipped
    return autoact.run_search(
        Denoiser,
        data,
        space={**hidden, "layers": LAYERS},
        monitor="val_loss",
        budget=2 if short else 10,
        seeds=2 if short else 6,
        selection_seeds=1,
        trainer={"max_epochs": 1 if short else 8, "accelerator": "cpu"},
        out=out,
        quiet=True,
        task="tomography",
    )


@torch.no_grad()
def draw(models: dict[str, Denoiser], result: SearchResult, path: Path) -> None:
    """Draw Shepp and Logan's own head, which no model has seen, and what every fresh seed gave."""
    figure = Figure(figsize=(13, 3.6), layout="constrained")
    *places, right = figure.subplots(1, 5, width_ratios=(1, 1, 1, 1, 1.3))
    head = draw_ellipses(HEAD)[None]
    seen = back_projected(measured(head, np.random.default_rng(9)))
    images = {"phantom": head, f"{ANGLES} angles, back projected": seen}
    batch = torch.tensor(seen[:, None], dtype=torch.float32)
    images |= {name: model(batch)[:, 0].numpy() for name, model in models.items()}
    for axes, (name, image) in zip(places, images.items(), strict=True):
        axes.imshow(image[0], cmap="gray", vmin=0, vmax=1)
        error = np.sqrt(np.mean((image - head) ** 2))
        axes.set(title=f"{name}\nr.m.s. error {error:.3f}" if error else name, xticks=[], yticks=[])
    draw_seeds(right, result)
    right.set_ylabel("squared error, back projection = 1")
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, print and draw."""
    parser = terminal.parser(__doc__, short="two candidates, few phantoms and seeds", out=terminal.RUNS)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    data = loaders(options.short)
    try:
        result = search(data, options.out / "tomography", short=options.short)
    except AutoActError as error:
        sys.exit(str(error))
    print(result.summary())
    models = both(Denoiser, result, data[0], 1 if options.short else 8)
    draw(models, result, options.out / "tomography.png")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the models are tiny: threads that wait for each other cost more than they do
    main()

"""An image as a network: from the coordinates of a pixel to its color.

    python scripts/examples/applications/implicit.py [--short] [--out DIR]

Half of the pixels of a photograph that comes with scikit-learn train a small network; a quarter guides the
search, and another compares: what lies between known pixels has to be right. Which activation can hold high
frequencies decides here (Sitzmann et al. 2020; Liu et al. 2024), so the space is `implicit`; against ReLU.
Prints the verdict and draws implicit.png. About 90 s; --short 10 s.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_image
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

SIZE = 64  # of the image, in pixels
_BATCH = 512


def photograph() -> Tensor:
    """Return the flower of scikit-learn, (SIZE, SIZE, 3) from 0 to 1: means over blocks of a square."""
    pixels = load_sample_image("flower.jpg")[20:404, 150:534]
    block = len(pixels) // SIZE
    return torch.tensor(pixels.reshape(SIZE, block, SIZE, block, 3).mean((1, 3)) / 255, dtype=torch.float32)


def coordinates() -> Tensor:
    """Return the places of all pixels from -1 to 1, (SIZE * SIZE, 2)."""
    at = (torch.arange(SIZE) + 0.5) * 2 / SIZE - 1
    return torch.cartesian_prod(at, at)


def parts(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return the numbers of the pixels that train (a half), guide and compare (a quarter each)."""
    order = torch.from_numpy(np.random.default_rng(seed).permutation(SIZE * SIZE))
    return order.split([SIZE * SIZE // 2, SIZE * SIZE // 4, SIZE * SIZE // 4])


class Image(Application):
    """Three hidden layers from coordinates to a color."""

    def __init__(self, width: int = 64, scale: float = 10.0) -> None:
        super().__init__(lr=2e-3)
        self.scale = scale
        self.net = nn.Sequential(
            *(nn.Linear(2, width), nn.ReLU()),
            *(nn.Linear(width, width), nn.ReLU()),
            *(nn.Linear(width, width), nn.ReLU()),
            nn.Linear(width, 3),
        )

    def forward(self, places: Tensor) -> Tensor:
        """Return colors of places (N, 2), (N, 3)."""
        return self.net(self.scale * places)

    def loss(self, batch: Any) -> Tensor:
        """Return the mean squared error."""
        places, colors = batch
        return (self(places) - colors).square().mean()


def loaders(image: Tensor) -> tuple[DataLoader[Any], ...]:
    """Return loaders of pixels that train, guide and compare."""
    places, colors = coordinates(), image.reshape(-1, 3)
    train, *others = (TensorDataset(places[rows], colors[rows]) for rows in parts())
    return (
        DataLoader(train, batch_size=_BATCH, shuffle=True),
        *(DataLoader(part, batch_size=len(part)) for part in others),
    )


def search(image: Tensor, out: Path, *, short: bool) -> SearchResult:
    """Select the activations, and compare them with ReLU on fresh seeds."""
    return autoact.run_search(
        partial(Image, 16 if short else 64),
        loaders(image),
        space=["relu", "sin"] if short else "implicit",
        monitor="val_loss",
        budget=2 if short else 10,
        seeds=2 if short else 6,
        selection_seeds=1,
        trainer={"max_epochs": 3 if short else 80, "accelerator": "cpu"},
        out=out,
        quiet=True,
        task="image",
    )


def decibels(error: float) -> float:
    """Return the peak signal-to-noise ratio of a mean squared error, the largest value being 1.

    Example:
        >>> decibels(0.01)
        20.0
    """
    return -10 * float(np.log10(error))


@torch.no_grad()
def draw(image: Tensor, models: dict[str, Image], result: SearchResult, path: Path) -> None:
    """Draw the photograph, the pixels that trained, the learned images, and what every fresh seed gave."""
    figure = Figure(figsize=(13, 3.6), layout="constrained")
    *places, right = figure.subplots(1, 5, width_ratios=(1, 1, 1, 1, 1.3))
    train, _, compare = parts()
    known = torch.ones(SIZE * SIZE, 3)
    known[train] = image.reshape(-1, 3)[train]
    shown = {"photograph": image, "pixels that train": known.reshape(image.shape)}
    for name, model in models.items():
        learned = model(coordinates())
        error = float((learned - image.reshape(-1, 3))[compare].square().mean())
        shown[f"{name}\n{decibels(error):.1f} dB on others"] = learned.reshape(image.shape)
    for axes, (name, pixels) in zip(places, shown.items(), strict=True):
        axes.imshow(pixels.clamp(0, 1).numpy())
        axes.set(title=name, xticks=[], yticks=[])
    draw_seeds(right, result)
    right.set_ylabel("squared error of unseen pixels")
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, print and draw."""
    parser = terminal.parser(__doc__, short="two candidates, few seeds, small network", out=terminal.RUNS)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    image = photograph()
    try:
        result = search(image, options.out / "implicit", short=options.short)
    except AutoActError as error:
        sys.exit(str(error))
    print(result.summary())
    width, epochs = (16, 3) if options.short else (64, 80)
    models = both(partial(Image, width), result, loaders(image)[0], epochs)
    draw(image, models, result, options.out / "implicit.png")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the models are tiny: threads that wait for each other cost more than they do
    main()

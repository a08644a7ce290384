"""CIFAR-10, a few thousand of its images: activations of a small residual network, layer by layer.

    python scripts/examples/applications/vision.py --data-dir DIR [--short] [--settings] [--out DIR]

DIR holds cifar10_15k.npz: train_images and test_images, uint8 (N, 32, 32, 3), and their labels (Krizhevsky
2009). 10,000 images, averaged to 16 x 16 pixels and mirrored at random, train a network of three residual
blocks, 2,000 guide the search, and 2,000 on which no earlier version measured anything compare. Searches the
space `vision` against ReLU, prints the verdict and accuracies, and draws vision.png. About 4 minutes; --short
10 s. --settings only shows how width, rate and batch size were chosen: by ReLU, on the guiding images.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy
from torch.utils.data import DataLoader, TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import autoact
from autoact.errors import AutoActError, DataError
from autoact.search import SearchResult
from autoact.training.fit import silent_trainer
from scripts import terminal
from scripts.examples.applications._module import Application
from scripts.examples.applications._pictures import draw_seeds

FILE = "cifar10_15k.npz"
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN, GUIDE, EPOCHS = 10_000, 2000, 4


class Setting(NamedTuple):
    """Width of the network, highest learning rate, images a batch.

    Chosen is what gives ReLU the least loss on the guiding images, of those `SETTINGS` with which
    the whole run stays below five minutes.
    """

    width: int
    rate: float
    batch: int


CHOSEN = Setting(16, 1e-2, 128)
SETTINGS = (
    CHOSEN,
    Setting(16, 3e-3, 128),
    Setting(16, 2e-2, 128),
    Setting(16, 1e-2, 64),
    Setting(12, 1e-2, 128),
    Setting(24, 1e-2, 128),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Images that train, guide and compare; each (N, 3, 16, 16) around 0 with (N,) classes."""

    train: TensorDataset
    guide: TensorDataset
    compare: TensorDataset


def images(folder: Path, train: int = TRAIN, guide: int = GUIDE) -> Images:
    """Read the images: of the file's training images the fifth sixth compares and the last guides.

    The file's test images train, behind its other training images: earlier versions were judged by them.

    Args:
        folder: Of the file.
        train: How many train; fewer where there are fewer.
        guide: How many guide; fewer where there are fewer.

    Raises:
        DataError: The file is missing, or an array of it; names it.
    """
    path = folder / FILE
    if not path.is_file():
        raise DataError(
            f"There is no file {path}; --data-dir takes the folder of {FILE}, with {', '.join(ARRAYS)}."
        )
    with np.load(path) as stored:
        missing = [name for name in ARRAYS if name not in stored]
        if missing:
            raise DataError(f"{path} lacks {', '.join(missing)}; it must hold {', '.join(ARRAYS)}.")
        arrays = {name: stored[name] for name in ARRAYS}
    sixth = len(arrays["train_labels"]) // 6
    compare, guided = slice(4 * sixth, 5 * sixth), slice(5 * sixth, 5 * sixth + min(sixth, guide))
    pixels, labels = (
        np.concatenate([arrays[f"train_{what}"][: 4 * sixth], arrays[f"test_{what}"]])[:train]
        for what in ("images", "labels")
    )
    return Images(
        train=_part(pixels, labels),
        guide=_part(arrays["train_images"][guided], arrays["train_labels"][guided]),
        compare=_part(arrays["train_images"][compare], arrays["train_labels"][compare]),
    )


def _part(pixels: Any, labels: Any) -> TensorDataset:
    small = avg_pool2d(torch.tensor(pixels).permute(0, 3, 1, 2).float() / 64 - 2, 2)
    return TensorDataset(small, torch.tensor(labels, dtype=torch.int64).flatten())


class Block(nn.Module):
    """Two convolutions with normalization and ReLU, beside a path that skips them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.act1, self.act2 = nn.ReLU(), nn.ReLU()
        same = stride == 1 and inputs == outputs
        self.skip = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, height / stride, width / stride)."""
        return self.act2(self.skip(x) + self.norm2(self.second(self.act1(self.norm1(self.first(x))))))


class ResNet(Application):
    """Three residual blocks on images of 16 x 16 pixels; the learning rate rises, then falls to 0."""

    def __init__(self, width: int = CHOSEN.width, rate: float = CHOSEN.rate) -> None:
        super().__init__(lr=rate)
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.blocks = nn.Sequential(
            Block(width, width, 1), Block(width, 2 * width, 2), Block(2 * width, 2 * width, 1)
        )
        self.head = nn.Linear(2 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, 10)."""
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))

    def loss(self, batch: Any) -> Tensor:
        """Return the cross entropy."""
        pixels, labels = batch
        return cross_entropy(self(pixels), labels)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss of the batch, of which about half is mirrored."""
        pixels, labels = batch
        turned = (torch.rand(len(pixels), device=pixels.device) < 0.5)[:, None, None, None]
        return self.loss((torch.where(turned, pixels.flip(3), pixels), labels))

    def configure_optimizers(self) -> Any:
        """Return Adam and one cycle of its rate."""
        adam = torch.optim.Adam(self.parameters(), lr=self.lr)
        steps = int(self.trainer.estimated_stepping_batches)
        cycle = torch.optim.lr_scheduler.OneCycleLR(adam, self.lr, total_steps=steps, pct_start=0.2)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}


def loaders(data: Images, batch: int = CHOSEN.batch) -> tuple[DataLoader[Any], ...]:
    """Return loaders of the three parts."""
    return (
        DataLoader(data.train, batch_size=batch, shuffle=True, drop_last=True),
        DataLoader(data.guide, batch_size=500),
        DataLoader(data.compare, batch_size=500),
    )


def search(data: Images, out: Path, *, short: bool) -> SearchResult:
    """Select the activations, and compare them with ReLU on fresh seeds."""
    return autoact.run_search(
        ResNet,
        loaders(data),
        space=["relu", "silu"] if short else "vision",
        monitor="val_loss",
        budget=2 if short else 6,
        seeds=2 if short else 6,
        selection_seeds=1,
        trainer={"max_epochs": 1 if short else EPOCHS, "accelerator": "cpu"},
        out=out,
        quiet=True,
        task="CIFAR-10",
    )


def kept(result: SearchResult) -> dict[str, ResNet]:
    """Return the models of the first fresh seed: as it was, and with what was chosen."""
    assert result.run_dir is not None
    folder, models = result.run_dir / "checkpoints", dict[str, ResNet]()
    for name, file in (("original", "original.ckpt"), ("chosen", "final.ckpt")):
        models[name] = ResNet()
        path = folder / file
        autoact.load_weights(models[name], path if path.is_file() else folder / "final.ckpt")
        models[name].eval()
    return models


def setting_row(setting: Setting, data: Images, seeds: int, epochs: int) -> tuple[str, ...]:
    """Return a setting, ReLU's loss on the guiding images, and processor seconds of a training."""
    train, guide, _ = loaders(data, setting.batch)
    losses, begin = list[float](), time.process_time()
    for seed in range(seeds):
        torch.manual_seed(seed)
        length = {"max_epochs": epochs, "check_val_every_n_epoch": epochs, "num_sanity_val_steps": 2}
        trainer = silent_trainer({**length, "accelerator": "cpu"})
        trainer.fit(ResNet(setting.width, setting.rate), train, guide)
        losses.append(float(trainer.callback_metrics["val_loss"]))
    seconds = (time.process_time() - begin) / seeds
    name = f"width {setting.width}, rate {setting.rate:g}, batch {setting.batch}"
    return name, f"{fmean(losses):.4f}", f"{seconds:.1f}"


@torch.no_grad()
def guesses(model: ResNet, data: TensorDataset) -> Tensor:
    """Return the most probable classes, (N,)."""
    return torch.cat([model(pixels).argmax(1) for pixels, _ in DataLoader(data, batch_size=500)])


def draw(models: dict[str, ResNet], data: Images, result: SearchResult, path: Path) -> None:
    """Draw images with what the chosen model says, each class's accuracy, and every fresh seed."""
    figure = Figure(figsize=(13, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.2, 1))
    pixels, labels = data.compare.tensors
    rows = pixels[:16].add(2).div(4).permute(0, 2, 3, 1).reshape(-1, 4, 16, 16, 3)
    left.imshow(rows.permute(0, 2, 1, 3, 4).reshape(len(rows) * 16, 64, 3).clamp(0, 1).numpy())
    said = {name: guesses(model, data.compare) for name, model in models.items()}
    for place, guess in enumerate(said["chosen"][:16].tolist()):
        color = "white" if guess == labels[place] else "tab:red"
        left.text(place % 4 * 16, place // 4 * 16 + 15, NAMES[guess], fontsize=7, color=color)
    left.set(title="what the chosen model says (red: wrong)", xticks=[], yticks=[])
    for offset, (name, guess) in zip((-0.2, 0.2), said.items(), strict=True):
        shares = [float((guess == labels)[labels == kind].float().mean()) for kind in range(10)]
        middle.bar([kind + offset for kind in range(10)], shares, 0.4, label=name)
    middle.set_xticks(range(10), NAMES, rotation=60)
    middle.set_ylabel("share of comparison images named right")
    middle.legend(fontsize=8)
    draw_seeds(right, result)
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, print and draw."""
    parser = terminal.parser(
        __doc__, short="two candidates, one epoch, few seeds and images", out=terminal.RUNS
    )
    parser.add_argument("--data-dir", type=Path, default=Path(), metavar="DIR", help=f"folder of {FILE}")
    parser.add_argument("--settings", action="store_true", help="show how settings were chosen; no search")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        data = images(options.data_dir, *((256, 128) if options.short else ()))
        if options.settings:
            seeds, epochs = (1, 1) if options.short else (2, EPOCHS)
            rows = [setting_row(setting, data, seeds, epochs) for setting in SETTINGS]
            print(terminal.markdown(("setting", "loss on guiding images", "s"), rows))
            return
        result = search(data, options.out / "vision", short=options.short)
    except AutoActError as error:
        sys.exit(str(error))
    print(result.summary())
    models = kept(result)
    labels = data.compare.tensors[1]
    right = {name: float((guesses(m, data.compare) == labels).float().mean()) for name, m in models.items()}
    print("\naccuracy, one seed: " + ", ".join(f"{name} {share:.1%}" for name, share in right.items()))
    draw(models, data, result, options.out / "vision.png")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the models are small: threads that wait for each other cost more than they do
    main()

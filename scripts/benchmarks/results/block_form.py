"""Form of gated blocks as one choice of a search: gated, clamped, bilinear, GLU, or plain of equal size.

    python scripts/benchmarks/results/block_form.py [--budget 12] [--seeds 10] [--short] [--out DIR]

A residual network of two SwiGLU blocks on the digits of scikit-learn. Each block chooses its activation and
what that multiplies: up(x), its clamped form, or the number 1 with the block wider instead. The verdict is on
the chosen form against the model as it was.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import autoact
from autoact.search import SearchResult
from autoact.training.tasks import DigitsData
from scripts import terminal

SPACE: dict[str, Any] = {
    "version": 1,
    "name": "forms",
    "candidates": ["silu", "relu", "gelu", "tanh", "sigmoid", "identity", "relu_squared", "clamped_swish"],
    "layers": [{"match": "*.up_factor_1", "candidates": ["identity", "clamped_offset", "plain"]}],
}


class SwiGLU(nn.Module):
    """A SwiGLU block whose result is added to what comes in."""

    def __init__(self, width: int = 24, hidden: int = 32) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.act, self.down = nn.SiLU(), nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return x + down(silu(gate(x)) * up(x))."""
        return x + self.down(self.act(self.gate(x)) * self.up(x))


class Digits(L.LightningModule):
    """Two blocks between linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), SwiGLU(), SwiGLU(), nn.Linear(24, 10))

    def loss(self, batch: Any) -> Tensor:
        """Return the cross entropy."""
        return cross_entropy(self.net(batch[0]), batch[1])

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss."""
        return self.loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log the loss."""
        self.log("val_loss", self.loss(batch))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Log the loss."""
        self.log("test_loss", self.loss(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def search(out: Path, *, budget: int, seeds: int, epochs: int) -> SearchResult:
    """Let each block choose its form."""
    return autoact.run_search(
        Digits,
        DigitsData,
        space=SPACE,
        monitor="val_loss",
        budget=budget,
        seeds=seeds,
        selection_seeds=2,
        trainer={"max_epochs": epochs, "accelerator": "cpu"},
        out=out,
        quiet=True,
        task="digits by SwiGLU blocks",
    )


def rows(result: SearchResult) -> list[tuple[str, str]]:
    """Return the mean loss of each baseline on selection data, the best first."""
    known = {name: fmean(values["selection"]) for name, values in result.report["baselines"].items()}
    return [(name, f"{loss:.3f}") for name, loss in sorted(known.items(), key=lambda item: item[1])]


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, and print the summary and the baselines."""
    options = parsed(arguments)
    torch.set_num_threads(1)
    budget, seeds, epochs = (2, 2, 1) if options.short else (options.budget, options.seeds, options.epochs)
    options.out.mkdir(parents=True, exist_ok=True)
    result = search(options.out / "forms", budget=budget, seeds=seeds, epochs=epochs)
    print(result.summary())
    print("\n" + terminal.markdown(("in all blocks", "loss on selection data"), rows(result), "lr"))
    print("\n" + ", ".join(f"{name} {value}" for name, value in terminal.machine().items()))


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = terminal.parser(__doc__, short="2 trainings of budget, 2 seeds, 1 epoch", out=terminal.RUNS)
    parser.add_argument("--budget", type=int, default=12, help="of the search (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=10, help="of the confirmation (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=8, help="of a training (default: %(default)s)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

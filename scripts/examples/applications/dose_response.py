"""Dose and response: an assay that follows Hill's law, its activation and its constants recovered.

    python scripts/examples/applications/dose_response.py [--short] [--out DIR]

Simulated: two compounds at doses from 0.01 to 100, responses bottom + span·dose^n / (K^n + dose^n) with
noise. One unit c0 + c1·φ(dose) per compound. Searches the space `systems_biology` against ReLU and prints
the verdict; then learns K and n as parameters of the activations and compares them with the truth. Draws
dose_response.png. About 2 minutes; --short 10 s.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import autoact
from autoact.errors import AutoActError
from autoact.search import SearchResult
from scripts import terminal
from scripts.examples.applications._pictures import draw_seeds

K, N = (0.8, 6.0), (1.5, 3.0)  # half-maximal dose and steepness of each compound
BOTTOM, SPAN, NOISE = 0.1, 2.0, 0.03
_LOW, _HIGH = 0.01, 100.0


def assay(rows: int, seed: int, k: Sequence[float] = K, n: Sequence[float] = N) -> tuple[Tensor, Tensor]:
    """Return doses (rows, compounds), evenly spread on a log scale, and noisy responses of the same shape."""
    generator = torch.Generator().manual_seed(seed)
    exponent = torch.rand(rows, len(k), generator=generator)
    dose = _LOW * (_HIGH / _LOW) ** exponent
    noise = NOISE * torch.randn(rows, len(k), generator=generator)
    return dose, BOTTOM + SPAN * hill(dose, torch.tensor(k), torch.tensor(n)) + noise


def hill(dose: Tensor, k: Tensor, n: Tensor) -> Tensor:
    """Return Hill's law: the share of receptors that are bound."""
    return dose**n / (k**n + dose**n)


class DoseResponse(L.LightningModule):
    """One unit per compound: c0 + c1·φ(dose), so that φ's parameters are in units of dose."""

    def __init__(self, acts: Sequence[nn.Module] = (), lr: float = 0.05) -> None:
        super().__init__()
        self.lr = lr
        self.acts = nn.ModuleList(acts or (nn.ReLU() for _ in K))
        self.bottom = nn.Parameter(0.1 * torch.randn(len(self.acts)))
        self.span = nn.Parameter(0.5 + 0.1 * torch.randn(len(self.acts)))

    def forward(self, dose: Tensor) -> Tensor:
        """Return responses (batch, compounds)."""
        bound = torch.stack([act(column) for act, column in zip(self.acts, dose.unbind(1), strict=True)], 1)
        return self.bottom + self.span * bound

    def _loss(self, batch: Any) -> Tensor:
        return nn.functional.mse_loss(self(batch[0]), batch[1]) / NOISE**2

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the squared error over the noise's variance: 1 is perfect."""
        return self._loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log it."""
        self.log("val_loss", self._loss(batch))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Log it."""
        self.log("test_loss", self._loss(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def loaders(rows: int) -> tuple[DataLoader[Any], ...]:
    """Return loaders of training, selection and comparison assays."""
    sizes = (8 * rows, 2 * rows, 2 * rows)
    parts = [TensorDataset(*assay(size, seed)) for seed, size in enumerate(sizes)]
    return tuple(DataLoader(part, batch_size=64, shuffle=not at) for at, part in enumerate(parts))


def search(out: Path, *, short: bool) -> SearchResult:
    """Select the activation of the space, and compare it with ReLU on fresh seeds."""
    return autoact.run_search(
        DoseResponse,
        loaders(64),
        space=["relu", "hill"] if short else "systems_biology",
        monitor="val_loss",
        budget=2 if short else 12,
        seeds=2 if short else 6,
        selection_seeds=1 if short else 2,
        trainer={"max_epochs": 3 if short else 40, "accelerator": "cpu"},
        out=out,
        quiet=True,
        task="dose response",
    )


def half_maximal(dose: Tensor, response: Tensor) -> list[float]:
    """Return the dose of each compound whose response is nearest to half: where K starts."""
    middle = 0.5 * (response.amin(0) + response.amax(0))
    rows = (response - middle).abs().argmin(0)
    return dose.gather(0, rows[None])[0].tolist()


def recover(dose: Tensor, response: Tensor, steps: int = 500) -> tuple[Tensor, Tensor, DoseResponse]:
    """Learn K and n of every compound as parameters of the activation, and return them with the model.

    Args:
        dose: (rows, compounds), above 0.
        response: The same shape.
        steps: Steps of Adam on all rows.
    """
    acts = [
        autoact.AutoActivation(["hill"], bounds={"hill": {"n": [1, 6]}}, settings={"hill": {"K": half}})
        for half in half_maximal(dose, response)
    ]
    model = DoseResponse(acts)
    model.bottom, model.span = (
        nn.Parameter(t) for t in (response.amin(0), response.amax(0) - response.amin(0))
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(dose) - response).square().mean()
        loss.backward()
        optimizer.step()
        schedule.step()
    k, n = (torch.stack([act.values()[name] for act in acts]).detach() for name in ("hill.K", "hill.n"))
    return k, n, model


def print_constants(k: Tensor, n: Tensor) -> None:
    """Print what was learned beside the truth."""
    print("\ncompound   K learned (true)    n learned (true)")
    for at, (a, b, c, d) in enumerate(zip(k.tolist(), K, n.tolist(), N, strict=True), 1):
        print(f"{at:<10} {a:<8.3f} ({b:g})      {c:<8.3f} ({d:g})")


@torch.no_grad()
def draw(model: DoseResponse, result: SearchResult, path: Path) -> None:
    """Draw the assay with the learned curves, and what every fresh seed gave."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    dose, response = assay(64, 0)
    grid = torch.logspace(-2, 2, 200)[:, None].expand(-1, len(K))
    curves = model(grid)
    for at, (k, n) in enumerate(zip(K, N, strict=True)):
        left.scatter(dose[:, at], response[:, at], s=8, alpha=0.6)
        left.plot(grid[:, at], curves[:, at], label=f"learned; truth K = {k:g}, n = {n:g}")
    left.set(xscale="log", xlabel="dose", ylabel="response")
    left.legend(fontsize=8)
    draw_seeds(right, result)
    right.set_yscale("log")
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, recover, print and draw."""
    parser = terminal.parser(__doc__, short="two candidates, few seeds", out=terminal.RUNS)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        result = search(options.out / "dose_response", short=options.short)
    except AutoActError as error:
        sys.exit(str(error))
    print(result.summary())
    k, n, model = recover(*assay(512, 0))
    print_constants(k, n)
    draw(model, result, options.out / "dose_response.png")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the models are tiny: threads that wait for each other cost more than they do
    main()

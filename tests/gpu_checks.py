"""What trainings and searches must do on a GPU, as plain functions.

    PYTHONPATH=. python3 tests/gpu_checks.py [--device cpu] [--json FILE]

needs lightning and optuna, neither pytest nor a network.
"""

from __future__ import annotations

import copy
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import autoact
from autoact.cli import main as command
from autoact.kernels import explain
from autoact.training import Member, split, stack_speed, train, train_stack
from tests.checks import Checks, Skipped

check = Checks()
CANDIDATES = ["relu", "silu", "tanh", "prelu"]
QUIET: dict[str, Any] = {
    "logger": False, "enable_progress_bar": False,
    "enable_model_summary": False, "enable_checkpointing": False,
}  # fmt: skip


class Images(L.LightningModule):
    """Two convolutions with batch norm and a linear head; which half of a random image is brighter."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 64, 2),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def loss(self, batch: Any) -> Tensor:
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


def images(rows: int, seed: int) -> DataLoader[Any]:
    x = torch.randn(rows, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    y = (x[..., :4].sum((1, 2, 3)) > x[..., 4:].sum((1, 2, 3))).long()
    return DataLoader(TensorDataset(x, y), batch_size=64, shuffle=seed == 0)


def loaders() -> tuple[DataLoader[Any], DataLoader[Any], DataLoader[Any]]:
    return images(512, 0), images(256, 1), images(256, 2)


def trainer(device: str, **more: Any) -> dict[str, Any]:
    return {"accelerator": "gpu" if device == "cuda" else "cpu", "max_epochs": 3, **more}


def one_shot(device: str, precision: Any) -> tuple[L.LightningModule, autoact.ActivationSearch]:
    torch.manual_seed(0)
    model, search = Images(), autoact.ActivationSearch(CANDIDATES)
    train, validation, _ = loaders()
    L.Trainer(**trainer(device, precision=precision), callbacks=[search], **QUIET).fit(
        model, train, validation
    )
    return model, search


@check
def one_shot_trainings_in_every_precision(device: str, tolerance: float) -> None:
    """Losses are finite, both layers have a choice, and the model runs where it was trained."""
    for precision in ("32-true", "bf16-mixed", *(("16-mixed",) if device == "cuda" else ())):
        model, search = one_shot(device, precision)
        assert set(search.assignment) == {"net.2", "net.5"}, (precision, search.assignment)
        assert all(torch.isfinite(p).all() for p in model.parameters()), precision
        x = torch.randn(4, 1, 8, 8, device=device)
        assert torch.isfinite(model.to(device).eval()(x)).all(), precision


@check
def the_same_training_twice(device: str, tolerance: float) -> None:
    """The kernels have no atomics: a network of linear layers has the same bits after the same training."""

    def trained() -> list[Tensor]:
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Linear(16, 64), autoact.AutoActivation(CANDIDATES), nn.Linear(64, 64),
            autoact.AutoActivation(CANDIDATES), nn.Linear(64, 1),
        ).to(device)  # fmt: skip
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
        x = torch.randn(512, 16, generator=torch.Generator().manual_seed(1)).to(device)
        for _ in range(50):
            optimizer.zero_grad()
            (net(x) - x.sin().sum(1, keepdim=True)).square().mean().backward()
            optimizer.step()
        return [p.detach().cpu() for p in net.parameters()]

    first, second = trained(), trained()
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@check
def which_way_a_layer_takes(device: str, tolerance: float) -> None:
    """On a GPU float32 and bfloat16 take Triton, float64 takes torch code; `explain` says so."""
    if device != "cuda":
        raise Skipped("needs a GPU")
    layer = autoact.AutoActivation(CANDIDATES).cuda()
    x = torch.randn(4096, device="cuda")
    assert "Triton" in explain(layer, x), explain(layer, x)
    assert "Triton" in explain(layer, x.bfloat16()), explain(layer, x.bfloat16())
    assert "torch code" in explain(layer, x.double()), explain(layer, x.double())


@check
def compiled_and_eager_agree(device: str, tolerance: float) -> None:
    """`torch.compile(fullgraph=True)` gives the eager layer's outputs and gradients."""
    torch._dynamo.reset()
    layer = autoact.AutoActivation(CANDIDATES, start="relu", release_steps=None).to(device)
    x = torch.randn(64, 512, device=device)
    found = []
    for run in (layer, torch.compile(layer, fullgraph=True)):
        layer.zero_grad()
        z = x.clone().requires_grad_()
        y = run(z)
        (y * y).sum().backward()
        assert z.grad is not None
        found.append(
            [y.detach(), z.grad, *(p.grad.clone() for p in layer.parameters() if p.grad is not None)]
        )
    for eager, compiled in zip(*found, strict=True):
        torch.testing.assert_close(compiled, eager, rtol=1e-4, atol=1e-4)


class Sizes(L.LightningModule):
    """A perceptron, without the normalization whose gradients are rounding; on images as well."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2)
        )

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", nn.functional.cross_entropy(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


@check
def a_stack_trains_as_one_by_one(device: str, tolerance: float) -> None:
    """Trainings of three assignments on two seeds, stacked, end as each of them does alone."""
    assignments = [
        None,
        *(autoact.Assignment({"net.2": a, "net.4": b}) for a, b in (("tanh", "silu"), ("prelu", "sin"))),
    ]
    members = [Member(assignment=each, seed=seed, comparison=True) for seed in (1, 2) for each in assignments]
    parts, settings = split(loaders()), trainer(device)
    stacked = train_stack(Sizes, parts, members, monitor="val_loss", trainer=settings)
    for member, found in zip(members, stacked, strict=True):
        alone = train(
            Sizes, parts, seed=member.seed, monitor="val_loss", trainer=settings,
            assignment=member.assignment, comparison=True,
        )  # fmt: skip
        assert found.steps == alone.steps
        for ours, theirs in ((found.selection, alone.selection), (found.comparison, alone.comparison)):
            assert ours is not None
            assert theirs is not None
            assert abs(ours - theirs) <= 1e-3 * abs(theirs), (member, ours, theirs)


@check
def how_much_a_stack_gains(device: str, tolerance: float) -> None:
    """A stack of 32 perceptrons takes less time than 32 trainings."""
    names = ("relu", "tanh", "silu", "gelu")
    assignments = [autoact.Assignment({"net.2": a, "net.4": b}) for a in names for b in names] * 2
    speed = stack_speed(
        Sizes, split(loaders()), monitor="val_loss", trainer=trainer(device), assignments=assignments, size=32
    )
    print(f"    a training in a stack of 32: {speed:.1f} times faster {speed.reason}")
    assert speed > 1.1, (speed, speed.reason)


@check
def what_was_trained_on_a_gpu_loads_on_a_cpu(device: str, tolerance: float) -> None:
    """A checkpoint of a converted model names its activations, wherever it is loaded."""
    model = autoact.apply(Images(), {"net.2": "silu", "net.5": "tanh"})
    train, validation, _ = loaders()
    with tempfile.TemporaryDirectory() as folder:
        fitting = L.Trainer(**trainer(device), **QUIET)
        fitting.fit(model, train, validation)
        fitting.save_checkpoint(f"{folder}/last.ckpt")
        loaded = Images.load_from_checkpoint(f"{folder}/last.ckpt", map_location="cpu").eval()
    x = torch.randn(16, 1, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(loaded(x), copy.deepcopy(model).cpu().eval()(x), rtol=1e-5, atol=1e-5)


@check
def a_search_with_its_resume(device: str, tolerance: float) -> None:
    """A whole search ends with a verdict; going on with it trains nothing; its model runs."""
    search(device, workers=1)


@check
def a_search_with_two_workers(device: str, tolerance: float) -> None:
    """Two processes train on the same device."""
    search(device, workers=2)


def search(device: str, *, workers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings: dict[str, Any] = {
            "space": CANDIDATES, "budget": 3, "seeds": 2, "selection_seeds": 1, "workers": workers,
            "trainer": trainer(device), "quiet": True, "out": f"{folder}/run",
        }  # fmt: skip
        result = autoact.run_search(Images, loaders(), **settings)
        assert result.verdict is not None
        before = Path(folder, "run", "trainings.jsonl").read_bytes()
        again = autoact.run_search(Images, loaders(), **settings, resume=True)
        assert Path(folder, "run", "trainings.jsonl").read_bytes() == before
        assert again.assignment == result.assignment
        model = result.model().to(device).eval()
        assert torch.isfinite(model(torch.randn(4, 1, 8, 8, device=device))).all()


@check
def what_activations_cost(device: str, tolerance: float) -> None:
    """`autoact cost --device` measures every candidate on the device."""
    with redirect_stdout(StringIO()) as printed:
        status = command(["cost", "digits", "--device", device, "--seconds", "2", "--json"])
    assert status == 0
    assert "relu" in printed.getvalue()


if __name__ == "__main__":
    raise SystemExit(check.report(check.parser(__doc__).parse_args(), 0.0))

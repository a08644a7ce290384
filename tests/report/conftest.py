"""A run directory made by hand, with numbers as a real run has them."""

import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoact.records import Phase, Training
from autoact.spaces import Assignment

LAYERS = ("net.1", "net.3", "net.5")
LEVELS = {
    "relu": 0.129,
    "leaky_relu": 0.127,
    "prelu": 0.121,
    "elu": 0.143,
    "silu": 0.119,
    "gelu": 0.114,
    "tanh": 0.109,
    "softplus": 0.168,
}
PARAMETERS = {"leaky_relu": {"negative_slope": 0.01}, "prelu": {"slope": 0.21}, "elu": {"alpha": 0.7}}


def assignment(*names: str) -> dict[str, Any]:
    return {
        layer: {"activation": name, "parameters": PARAMETERS.get(name, {})}
        for layer, name in zip(LAYERS, names, strict=True)
    }


def training(phase: Phase, label: str, names: tuple[str, ...], seed: int, **more: Any) -> Training:
    noise = random.Random(f"{label} {seed}")
    final = sum(LEVELS[name] for name in names) / 3 * math.exp(noise.gauss(0, 0.08))
    came = {
        "state": "finished",
        "steps": 340,
        "seconds": 0.8,
        "selection": final,
        "comparison": final * 1.04 if phase == "confirmation" else None,
        "curve": tuple(final * (1 + 9 * math.exp(-epoch / 3)) for epoch in range(20)),
        "curve_steps": tuple(17 * (epoch + 1) for epoch in range(20)),
        **more,
    }
    layers = Assignment.from_dict({"layers": assignment(*names)})
    return Training(phase=phase, label=label, assignment=layers, seed=seed, **came)


def trainings() -> list[Training]:
    chance = random.Random(1)
    names = tuple(LEVELS)
    mixture = training("one-shot", "one-shot", ("tanh", "gelu", "gelu"), 1)
    lines = [replace(mixture, assignment=None, derived=mixture.assignment)]
    for number in range(14):
        picked = tuple(chance.choice(names) for _ in LAYERS)
        lines.append(training("trial", f"trial {number}", picked, number, trial=number))
    lines.append(
        training(
            "trial",
            "trial 14",
            ("softplus", "elu", "elu"),
            14,
            trial=14,
            selection=math.nan,
            curve=(0.3, math.nan),
            curve_steps=(1, 2),
            state="diverged",
        )
    )
    lines += [training("trial", f"trial {n}", ("tanh", "tanh", "gelu"), 20 + n, trial=n) for n in range(4)]
    lines += [training("baseline", name, (name,) * 3, 40 + seed) for name in names for seed in range(3)]
    for label, picked in {
        "selected": ("tanh", "tanh", "elu"),
        "original": ("relu",) * 3,
        "tanh": ("tanh",) * 3,
    }.items():
        lines += [training("confirmation", label, picked, 100 + seed) for seed in range(10)]
    return lines


def report(lines: list[Training]) -> dict[str, Any]:
    def values(phase: str, label: str, key: str) -> list[float]:
        return [getattr(line, key) for line in lines if (line.phase, line.label) == (phase, label)]

    cost = {"trainings": 20, "steps": 6800, "seconds": 16.0}
    baselines: dict[str, Any] = {
        name: {"selection": values("baseline", name, "selection"), "comparison": []} for name in LEVELS
    }
    baselines["original"] = {"selection": [], "comparison": []}
    for name in ("original", "tanh"):
        baselines[name]["comparison"] = values("confirmation", name, "comparison")
    return {
        "schema": 2,
        "autoact": "0.2.0",
        "task": "digits",
        "space": "default",
        "metric": "val_loss",
        "mode": "min",
        "budget": 20,
        "cost": {
            "search": cost,
            "baselines": {**cost, "trainings": 24},
            "confirmation": {**cost, "trainings": 30},
        },
        "chosen": assignment("tanh", "tanh", "elu"),
        "original": assignment("relu", "relu", "relu"),
        "recommended": assignment("tanh", "tanh", "elu"),
        "baselines": baselines,
        "confirmation": {
            "seeds": list(range(100, 110)),
            "selection": values("confirmation", "selected", "selection"),
            "comparison": values("confirmation", "selected", "comparison"),
        },
        "comparisons": {
            "original": {
                "name": "original",
                "difference": 0.0103,
                "ci95": [0.0031, 0.0175],
                "p_value": 0.0102,
                "detectable": 0.01,
                "pairs": 10,
            },
            "best_uniform": {
                "name": "tanh",
                "difference": -0.0082,
                "ci95": [-0.0170, 0.0006],
                "p_value": 0.064,
                "detectable": 0.0122,
                "pairs": 10,
            },
        },
        "latency": {"chosen": 0.000061, "original": 0.000042},
        "verdict": "improved",
    }


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    """Return the directory of a finished run."""
    lines = trainings()
    (tmp_path / "trainings.jsonl").write_text("".join(line.to_line() + "\n" for line in lines))
    (tmp_path / "report.json").write_text(json.dumps(report(lines)))
    return tmp_path

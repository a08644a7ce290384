"""A TensorBoard with the dashboard, and a browser, both for all tests of the folder."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.browser import Browser, browsing


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


def layers_record(layers: int, candidates: int, steps: int) -> list[dict[str, Any]]:
    """Return the lines of a training in which candidate i of layer i takes over."""
    names = [f"candidate{n}" for n in range(candidates)]
    head = [{"path": f"net.{n}", "candidates": names, "start": names[0]} for n in range(layers)]
    lines: list[dict[str, Any]] = [{"autoact": 1, "kind": "layers", "steps": 10 * steps, "layers": head}]
    for step in range(1, steps + 1):
        share = step / steps
        rest = round((1 - share) / candidates, 3)
        weights = [
            [rest + (share if n == row % candidates else 0) for n in range(candidates)]
            for row in range(layers)
        ]
        line = {"step": 10 * step, "weights": weights, "parameters": [{f"{names[0]}.alpha": share}] * layers}
        flow = {name: [share + row for row in range(layers)] for name in ("kappa", "chi", "dead", "entropy")}
        lines.append(line | flow)
    for step in (10, 10 * steps):
        lines.append({"step": step, "functions": [function(row + step) for row in range(layers)]})
    return lines


def function(seed: int) -> dict[str, Any]:
    x = [-3 + 6 * n / 96 for n in range(97)]
    tanh = [math.tanh(seed % 7 * each + each) for each in x]
    density = [math.exp(-((n - 20) ** 2) / 60) for n in range(40)]
    members = {f"candidate{n}": [value * (n + 1) / 5 for value in tanh] for n in range(5)}
    return {
        "low": -3,
        "high": 3,
        "density": density,
        "y": tanh,
        "slope": tanh,
        "start": x,
        "members": members,
    }


def training(number: int, choices: list[str], value: float | None, **more: Any) -> dict[str, Any]:
    found = {"phase": "trial", "label": f"trial {number}", "seed": number, "state": "finished", "share": 1.0}
    curve = [[10, 20, 30], [2 * value, 1.5 * value, value]] if value is not None else [[], []]
    key, words = "-".join(choices), " · ".join(choices)
    known = {"key": key, "words": words, "choices": choices, "selection": value, "comparison": None}
    return {**found, **known, "seconds": 1.0, "curve": curve, **more}


def search_record(name: str = "net.1") -> list[dict[str, Any]]:
    """Return the lines of a search that has ended; the layer's name may be anything."""
    head = {"kind": "search", "task": "t", "space": "s", "metric": "val_loss", "mode": "min", "planned": 6}
    known = {"layers": [name, "net.3"], "original": ["relu", "relu"], "original_key": "relu-relu"}
    choices = (["tanh", "relu"], ["gelu", "gelu"], ["tanh", "gelu"], ["relu", "relu"])
    trainings = [training(n, each, 0.5 - 0.1 * n) for n, each in enumerate(choices)]
    trainings.append(training(4, ["silu", "silu"], None, state="diverged"))
    looks = [
        {"seeds": 5, "difference": 0.1, "ci": [-0.1, 0.3]},
        {"seeds": 10, "difference": 0.12, "ci": [0.02, 0.22]},
    ]
    result = {
        "headline": "Improved",
        "sentences": [f"The chosen activations of {name} beat the original model."],
        "trainings": len(trainings),
        "verdict": "improved",
        "chosen_key": "tanh-gelu",
        "looks": looks,
        "comparisons": [
            {
                "role": "original",
                "name": "original",
                "difference": 0.12,
                "ci": [0.02, 0.22],
                "gains": [0.1, 0.14],
            }
        ],
        "confirmed": [
            {"role": "original", "name": "original", "values": [0.5, 0.52]},
            {"role": "chosen", "name": "chosen", "values": [0.4, 0.38]},
        ],
        "baselines": [{"role": "original", "name": "original = relu everywhere", "values": [0.5]}],
        "beliefs": [
            {"words": "tanh · gelu", "mean": 0.31, "sd": 0.02, "role": "chosen"},
            {"words": "relu everywhere", "mean": 0.5, "sd": 0.04, "role": "original"},
        ],
        "pareto": [],
    }
    begin = {"autoact": 1, **head, **known, "began": 1000}
    return [begin, *({"training": t, "time": 1010} for t in trainings), {"result": result, "time": 1030}]


def write(folder: Path, lines: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "autoact.jsonl"
    file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    return file

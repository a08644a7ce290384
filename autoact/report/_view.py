"""View of a run: the plain data that the widgets draw, in report.html and, line by line, in the dashboard."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from autoact.records import Training, finite, model_key, on_front
from autoact.report._run import Run
from autoact.report._verdict import headline, sentences
from autoact.report._wording import assignment, beside_original, percent, trained
from autoact.spaces import Assignment

_ROLES = {"original": "original", "best_uniform": "uniform"}  # of a comparison's other model
_CURVE = 60  # points of a curve at most
_CURVES = 20_000  # points of all curves on a page at most


@dataclass(frozen=True, slots=True)
class ConfirmedModel:
    """A model trained on the fresh seeds; its role is "original", "chosen" or "uniform"."""

    role: str
    name: str
    values: tuple[float, ...]


def finite_mean(values: Sequence[float]) -> float:
    """Return the mean of the finite values, NaN if there are none."""
    known = [value for value in values if math.isfinite(value)]
    return fmean(known) if known else math.nan


def confirmed(run: Run) -> list[ConfirmedModel]:
    """Return comparison values, one per seed, of the original, the chosen and the best uniform model."""
    report = run.report
    compared = report.comparisons.get("best_uniform")
    uniform = "" if compared is None else compared.name
    baselines = {name: found.comparison for name, found in report.baselines.items()}
    found = {
        "original": ("original", () if run.keeps_original else baselines.get("original")),
        "chosen": (
            _chosen_name(run, uniform),
            () if report.confirmation is None else report.confirmation.comparison,
        ),
        "uniform": (
            f"{uniform} everywhere",
            () if run.is_uniform or run.original_is_uniform else baselines.get(uniform),
        ),
    }
    return [ConfirmedModel(role, name, values) for role, (name, values) in found.items() if values]


def compared_means(run: Run) -> dict[str, float | None]:
    """Return the means of original and chosen model on comparison data; None where there are none.

    Args:
        run: It; a choice that is the original has its values.

    Example:
        >>> from pathlib import Path
        >>> from autoact.records import Report
        >>> compared_means(Run(Path("run"), Report(autoact="1", space="s", metric="val_loss", mode="min")))
        {'original': None, 'chosen': None}
    """
    means = {model.role: finite(finite_mean(model.values)) for model in confirmed(run)}
    chosen = means.get("chosen")
    return {"original": chosen if run.keeps_original else means.get("original"), "chosen": chosen}


def _chosen_name(run: Run, uniform: str) -> str:
    """Return what the chosen model is called: that it is another one, too, where it is."""
    if run.keeps_original:
        return "chosen = original"
    return f"chosen = {uniform} everywhere" if run.is_uniform else "chosen"


def record_head(run: Run) -> dict[str, Any]:
    """Return what stands from the beginning on.

    Args:
        run: It; its report may be partial.

    Example:
        >>> from pathlib import Path
        >>> from autoact.records import Report
        >>> known = {"autoact": "1", "space": "s", "metric": "val_loss", "mode": "min"}
        >>> found = record_head(Run(Path("run"), Report(**known, original=Assignment({"a": "relu"}))))
        >>> found["metric"], found["layers"], found["original"]
        ('val_loss', ['a'], ['relu'])
    """
    report = run.report
    layers = list(run.before)
    return {
        "kind": "search",
        "task": report.task,
        "space": report.space,
        "metric": report.metric,
        "mode": report.mode,
        "layers": layers,
        "original": [str(run.before[path]) for path in layers],
        "original_key": None if report.original is None else model_key(report.original),
    }


def record_training(training: Training, layers: Sequence[str], points: int = _CURVE) -> dict[str, Any]:
    """Return a training as the widgets take it.

    Args:
        training: It.
        layers: Paths in the order of the model.
        points: Of its curve at most.

    Example:
        >>> done = Training(phase="baseline", label="relu", assignment=Assignment({"a": "relu"}), seed=1,
        ...                 state="finished", selection=0.5, curve=(0.75, 0.5), curve_steps=(10, 20))
        >>> found = record_training(done, ["a"])
        >>> found["choices"], found["selection"], found["curve"]
        (['relu'], 0.5, [[10, 20], [0.75, 0.5]])
    """
    found = training.assignment
    return {
        "phase": training.phase,
        "label": training.label,
        "seed": training.seed,
        "state": training.state,
        "key": None if found is None else model_key(found),
        "words": "mixture of all candidates" if found is None else assignment(found),
        "choices": None if found is None else [str(found[p]) if p in found else None for p in layers],
        "selection": finite(training.selection),
        "comparison": finite(training.comparison),
        "seconds": round(training.seconds, 3),
        "share": training.share,
        "curve": _thinned(training, points),
    }


def spaced(length: int, most: int) -> list[int]:
    """Return at most so many places of a sequence, evenly spaced, first and last among them.

    Args:
        length: Of the sequence.
        most: Places; of fewer than two, two.

    Example:
        >>> spaced(5, 3), spaced(2, 9), spaced(0, 9)
        ([0, 2, 4], [0, 1], [])
    """
    most = min(length, max(most, 2))
    return sorted({round(n * (length - 1) / max(most - 1, 1)) for n in range(most)})


def _thinned(training: Training, points: int) -> list[list[float | None]]:
    """Return steps and values of a curve, evenly spaced, the last among them."""
    places = spaced(len(training.curve), points)
    return [[training.curve_steps[n] for n in places], [finite(training.curve[n]) for n in places]]


def record_result(run: Run) -> dict[str, Any]:
    """Return what is known when a run has ended, in words, too.

    Args:
        run: It.

    Example:
        >>> from pathlib import Path
        >>> from autoact.records import Report
        >>> report = Report(autoact="1", space="s", metric="val_loss", mode="min", failure="Full.")
        >>> record_result(Run(Path("run"), report))["headline"]
        'No verdict'
    """
    said = {"headline": headline(run.report), "sentences": sentences(run), "trainings": len(run.trainings)}
    return {**said, **_result(run)}


def _result(run: Run) -> dict[str, Any]:
    report = run.report
    return {
        "verdict": report.verdict,
        "chosen_key": None if report.chosen is None else model_key(report.chosen),
        "looks": [
            {"seeds": each.seeds, "difference": finite(each.difference), "ci": list(map(finite, each.ci95))}
            for each in report.looks
        ],
        "comparisons": _comparisons(run),
        "confirmed": [
            {"role": each.role, "name": each.name, "values": list(map(finite, each.values))}
            for each in (confirmed(run) if _comparable(run) else ())
        ],
        "baselines": _baselines(run),
        "beliefs": _beliefs(run),
        "pareto": _pareto(run),
        "front": _front(run),
    }


def _comparable(run: Run) -> bool:
    """Tell whether there are at least two confirmed models, with values for the same seeds."""
    models = confirmed(run)
    return len(models) > 1 and len({len(model.values) for model in models}) == 1


def _comparisons(run: Run) -> list[dict[str, Any]]:
    models, sign = {model.role: model for model in confirmed(run)}, -run.sign
    rows = []
    for key, found in run.compared.items():
        role = _ROLES[key]
        pairs = (
            zip(models["chosen"].values, models[role].values, strict=True)
            if _comparable(run) and role in models
            else ()
        )
        rows.append(
            {
                "role": role,
                "name": models[role].name if role in models else found.name,
                "difference": finite(found.difference),
                "ci": list(map(finite, found.ci95)),
                "gains": [finite(sign * (ours - theirs)) for ours, theirs in pairs],
            }
        )
    return rows


def _role(run: Run, layers: Assignment | None) -> str:
    if layers is None:
        return "muted"
    return (
        "original" if layers == run.report.original else "chosen" if layers == run.report.chosen else "muted"
    )


def _baselines(run: Run) -> list[dict[str, Any]]:
    """Return the uniform models, the original and the chosen with their values, the best first, each once."""
    rows: dict[str, dict[str, Any]] = {}
    for name, found in run.report.baselines.items():
        layers = run.report.original if name == "original" else run.uniform(name)
        role = _role(run, layers)
        title = name if name == "original" else f"{name} everywhere"
        _add(rows, str(layers or name), title, role if role != "muted" else "uniform", found.selection)
    if run.report.chosen is not None:
        values = [
            t.selection
            for t in run.trainings
            if t.assignment == run.report.chosen and t.phase != "confirmation"
        ]
        _add(rows, str(run.report.chosen), "chosen", "chosen", values)
    sign = run.sign
    known = [
        row
        for row in rows.values()
        if math.isfinite(finite_mean([v for v in row["values"] if v is not None]))
    ]
    return sorted(known, key=lambda row: sign * finite_mean([v for v in row["values"] if v is not None]))


def _add(rows: dict[str, dict[str, Any]], key: str, name: str, role: str, values: Sequence[float]) -> None:
    """Add a model, or another name of one that is there."""
    if key not in rows:
        rows[key] = {"name": name, "role": role, "values": list(map(finite, values))}
        return
    row = rows[key]
    row["name"], row["role"] = f"{row['name']} = {name}", role if role == "chosen" else row["role"]
    row["values"] = row["values"] or list(map(finite, values))


def _beliefs(run: Run) -> list[dict[str, Any]]:
    """Return what is believed of each assignment, the best first."""
    by_key = run.tried
    sign = run.sign
    found = sorted(run.report.beliefs.items(), key=lambda item: sign * item[1].mean)
    return [
        {
            "words": assignment(by_key[key]),
            "mean": belief.mean,
            "sd": belief.sd,
            "role": _role(run, by_key[key]),
        }
        for key, belief in found
        if key in by_key
    ][:200]


def _pareto(run: Run) -> list[dict[str, Any]]:
    """Return what was tried by value and cost: the latency that was measured, or the second goal."""
    points = [
        {
            "words": assignment(point.layers),
            "ms": point.latency,
            "mean": point.mean,
            "sd": finite(point.sd),
            "front": point.front,
            "role": _role(run, point.layers),
        }
        for point in run.report.pareto
        if math.isfinite(point.mean)
    ]
    return points or _tried(run)


def _tried(run: Run) -> list[dict[str, Any]]:
    """Return everything that a search for two goals tried, the cheapest first."""
    front, beliefs = run.report.front, run.report.beliefs
    if front is None:
        return []
    by_key = run.tried

    def place(key: str) -> tuple[float, float]:
        return front.tried[key], run.sign * beliefs[key].mean

    known = sorted((key for key in by_key if key in beliefs), key=place)
    ahead = on_front(known, place)
    return [
        {
            "words": assignment(by_key[key]),
            "ms": front.tried[key],  # or what else the second goal counts in
            "mean": beliefs[key].mean,
            "sd": beliefs[key].sd,
            "front": key in ahead,
            "role": _role(run, by_key[key]),
        }
        for key in known
    ]


def _front(run: Run) -> dict[str, Any] | None:
    """Return the front that was confirmed, each model with both differences to the original."""
    front = run.report.front
    if front is None:
        return None
    return {
        "goal": front.goal,
        "unit": front.unit,
        "level": percent(front.level),
        "points": [
            {
                "words": trained(point.layers, point.hyperparameters),
                "says": beside_original(point, front, run.report.metric),
                "value": finite(point.compared.difference),
                "ci": list(map(finite, point.compared.ci95)),
                "cost": None if point.cost is None else point.cost.difference,
                "cost_ci": None if point.cost is None else list(point.cost.interval),
                "role": "chosen" if point.chosen else "c2",
            }
            for point in front.points
        ],
    }


def search_view(run: Run) -> dict[str, Any]:
    """Return everything of a search that a page draws."""
    known = record_head(run)
    points = max(2, min(_CURVE, _CURVES // max(len(run.trainings), 1)))
    return {
        **known,
        "trainings": [record_training(training, known["layers"], points) for training in run.trainings],
        "result": _result(run) if run.report.verdict is not None else None,
    }

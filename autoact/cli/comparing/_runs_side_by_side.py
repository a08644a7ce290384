"""Runs side by side: what differs and what is alike."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoact._card import aligned
from autoact.cli._parser import print_json
from autoact.errors import ConfigurationError

if TYPE_CHECKING:
    from autoact.report import Run
    from autoact.spaces import Assignment

_NO_SETTINGS = ("looks", "training_timeout")  # they follow from others
_WIDEST = 40  # characters of a cell
_OF_DATA = ("training data", "selection data", "comparison data", "data file")


def side_by_side(options: argparse.Namespace) -> None:
    """Compare runs and print."""
    from autoact.report import read_run

    names = options.subjects
    if len(names) < 2:
        raise ConfigurationError(f"compare takes two runs at least; there is {names[0]} alone.")
    found = _compared([_Side.of(name, read_run(name)) for name in names])
    if options.json:
        print_json(found)
    else:
        print("\n".join(_lines(found)))


@dataclass(frozen=True, slots=True)
class _Side:
    """A run with what it was asked to do."""

    name: str
    run: "Run"
    asked: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, run: "Run") -> "_Side":
        from autoact.records import RunDirectory

        return cls(name, run, RunDirectory.open(name).configuration())

    @property
    def data(self) -> dict[str, Any]:
        """What tells its data from others."""
        known = self.asked.get("fingerprint") or {}
        return {key: value for key, value in known.items() if key.endswith(_OF_DATA)}

    @property
    def layers(self) -> "Assignment":
        """The chosen activations; of a failed search the original ones, as far as they are known."""
        from autoact.spaces import Assignment

        report = self.run.report
        return self.run.whole(report.chosen or report.original or Assignment({}))

    @property
    def settings(self) -> dict[str, str | None]:
        """All that was asked for, by name."""
        space, source = self.asked["space"], self.asked.get("source") or {}
        said = {
            "autoact": self.asked.get("autoact"),
            "task": self.asked["task"],
            "space": space.get("name"),
            "candidates": space.get("candidates"),
            **{
                f"source.{key}": source.get(key)
                for key in ("data", "target", "problem", "groups", "time")
                if key in source
            },
            **_flat(self.asked["search"]),
        }
        given = {key: value for key, value in said.items() if key not in _NO_SETTINGS}
        return {key: None if value is None else _text(value) for key, value in given.items()}


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {f"{before}{key}": value}
    return flat


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _compared(sides: Sequence[_Side]) -> dict[str, Any]:
    """Return what differs and what is alike, as plain types."""
    why = _not_comparable(sides)
    layers = [side.layers for side in sides]
    common = [path for path in layers[0] if all(path in other for other in layers)]
    settings = [side.settings for side in sides]
    keys = dict.fromkeys(key for known in settings for key in known)
    return {
        "runs": [side.name for side in sides],
        "verdicts": [side.run.report.verdict for side in sides],
        "metric": None if why else sides[0].run.report.metric,
        "not_comparable": why,
        "values": None if why else [_values(side.run) for side in sides],
        "original": {path: [str(side.run.before.get(path)) for side in sides] for path in common},
        "chosen": {path: [str(own[path]) for own in layers] for path in common},
        "other_layers": [sum(path not in common for path in own) for own in layers],
        "cost": [_cost(side.run) for side in sides],
        "settings": {
            key: [known.get(key) for known in settings]
            for key in keys
            if len({known.get(key) for known in settings}) > 1
        },
    }


def _not_comparable(sides: Sequence[_Side]) -> str | None:
    """Return why values of the runs say nothing of each other; None where they do."""
    first = sides[0]
    for side in sides[1:]:
        ours, theirs = ((s.run.report.metric, s.run.report.mode) for s in (first, side))
        if ours != theirs:
            words = [f"{s.name} has {s.run.report.metric} ({s.run.report.mode})" for s in (first, side)]
            return f"the metrics differ: {', '.join(words)}"
        differ = [key for key in {**first.data, **side.data} if first.data.get(key) != side.data.get(key)]
        if differ:
            return f"the data of {first.name} and {side.name} differ: {differ[0]}"
        if not first.data:
            return f"nothing is known of the data of {first.name}"
        if first.run.report.comparison_data != side.run.report.comparison_data:
            return f"{first.name} and {side.name} compare on different data"
        if first.settings.get("seed") != side.settings.get("seed") and "half" in str(
            first.run.report.comparison_data
        ):
            return f"another seed sets other rows aside to compare: {first.name}, {side.name}"
    return None


def _values(run: "Run") -> dict[str, Any]:
    """Return means on comparison data, and the difference that decided."""
    from autoact.report import compared_means

    found = run.report.comparisons.get("original")
    return {
        **compared_means(run),
        "difference": None if found is None else found.difference,
        "interval": None if found is None else found.ci95,
        "seeds": 0 if run.report.confirmation is None else len(run.report.confirmation.seeds),
    }


def _cost(run: "Run") -> dict[str, Any]:
    parts = run.report.cost.values()
    return {
        "trainings": sum(part.trainings for part in parts),
        "steps": sum(part.steps for part in parts),
        "seconds": sum(part.seconds for part in parts),
        "wall": run.wall or None,
    }


def _lines(found: Mapping[str, Any]) -> list[str]:
    from autoact.report import duration, number

    costs = found["cost"]
    rows: list[Sequence[str]] = [("", *found["runs"]), ("verdict", *map(str, found["verdicts"]))]
    if found["values"] is not None:
        rows += _value_rows(found)
    rows += [
        ("trainings", *(number(cost["trainings"]) for cost in costs)),
        ("time in training", *(duration(cost["seconds"]) for cost in costs)),
        ("wall time", *(duration(cost["wall"]) for cost in costs)),
    ]
    rows += [("", ""), ("chosen", "")]
    rows += [(f"  {path}", *choices) for path, choices in found["chosen"].items()]
    if any(found["other_layers"]):
        rows.append(("  other layers", *map(str, found["other_layers"])))
    if found["settings"]:
        rows += [("", ""), ("settings that differ", "")]
        rows += [(f"  {key}", *map(_short, values)) for key, values in found["settings"].items()]
    lines = aligned(rows)
    if found["not_comparable"]:
        lines += ["", f"The values are not compared: {found['not_comparable']}."]
    return lines


def _value_rows(found: Mapping[str, Any]) -> list[Sequence[str]]:
    from autoact.report import number

    metric, values = found["metric"], found["values"]
    intervals = [value["interval"] or (None, None) for value in values]
    return [
        (f"{metric}, original", *(number(value["original"]) for value in values)),
        (f"{metric}, chosen", *(number(value["chosen"]) for value in values)),
        ("better by", *(number(value["difference"], 3) for value in values)),
        ("  its interval", *(f"{number(low, 3)} … {number(high, 3)}" for low, high in intervals)),
        ("seeds", *(str(value["seeds"]) for value in values)),
    ]


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"

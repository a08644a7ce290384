"""Search table: every assignment of a small network, trained with several seeds, in one file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scripts.benchmarks.tables._landscape import Array, Index, Mode, Prior


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTable:
    """An exhaustive table: what every assignment reaches, by seed and by fraction of a training.

    A training that diverged is NaN. The truth is the mean over all seeds at the end of training, so a
    pick made from the same seeds is slightly flattered: docs/benchmarks/tables/README.md gives the floor.

    Args:
        name: of the table.
        layers: names of the L layers.
        candidates: per layer, K_l registered activation names.
        fractions: ascending parts of one continued training at which it was measured; the last is 1.
        selection: validation metric, of shape (S, K_1, ..., K_L, F): by seed, assignment, fraction.
        comparison: the metric on other data at the end of training, of shape (S, K_1, ..., K_L).
        mode: "min" or "max", as the metric is better.
        priors: scores of cheap priors, by name.
        about: data, network, script, command, versions, machine, date.
        averaged: the metric at the end with exponentially averaged weights, on selection and on comparison
            rows, of shape (S, K_1, ..., K_L, 2); None where they were not averaged.

    Example:
        >>> pair = (("relu", "elu"),)
        >>> table = SearchTable(name="t", layers=("a",), candidates=pair, fractions=(1.0,), mode="min",
        ...     selection=np.array([[[0.5], [0.3]]]), comparison=np.array([[0.5, 0.3]]), priors={}, about={})
        >>> table.value((1,), seed=0, rung=0), table.regret((1,)), round(table.regret((0,)), 3)
        (0.3, 0.0, 2.0)
    """

    name: str
    layers: tuple[str, ...]
    candidates: tuple[tuple[str, ...], ...]
    fractions: tuple[float, ...]
    selection: Array
    comparison: Array
    mode: Mode
    priors: Mapping[str, Prior]
    about: Mapping[str, str]
    averaged: Array | None = None
    truth: Array = field(init=False)  # (K_1, ..., K_L), mean over seeds at the end, smaller is better
    regrets: Array = field(init=False)  # (K_1, ..., K_L)

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "truth", _truth(self.selection[..., -1], self.mode))
        object.__setattr__(self, "regrets", normalized_regret(self.truth))

    @property
    def seeds(self) -> int:
        """The number of seeds per assignment."""
        return len(self.selection)

    def value(self, assignment: Index, seed: int, rung: int) -> float:
        """Give the validation metric of one training at `fractions[rung]`, in its units; NaN if it failed."""
        return float(self.selection[(seed, *assignment, rung)])

    def compared(self, assignment: Index, seed: int) -> float:
        """Give the metric of the same training, at its end, on data that chose nothing."""
        return float(self.comparison[(seed, *assignment)])

    def regret(self, assignment: Index) -> float:
        """Give the true normalized regret: 0 for the best assignment, 1 for the median one."""
        return float(self.regrets[assignment])

    def save(self, path: str | Path) -> None:
        """Write the table to one compressed .npz file, whole or not at all."""
        target = Path(path)
        partial = target.with_suffix(".partial.npz")
        np.savez_compressed(partial, allow_pickle=False, **_arrays(self))
        partial.replace(target)

    @classmethod
    def load(cls, path: str | Path) -> "SearchTable":
        """Read a table.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file is no table, or its arrays do not fit its names.
        """
        with np.load(path, allow_pickle=False) as stored:
            if "header" not in stored:
                raise ValueError(
                    f"{path} is not a search table: it has no header, only {sorted(stored.files)}"
                )
            header = json.loads(str(stored["header"]))
            priors = {
                name: Prior(
                    scores=stored[f"prior/{name}"].astype(np.float64),
                    cost=about["cost"],
                    additive=about["additive"],
                )
                for name, about in header["priors"].items()
            }
            return cls(
                name=header["name"],
                layers=tuple(header["layers"]),
                candidates=tuple(tuple(names) for names in header["candidates"]),
                fractions=tuple(header["fractions"]),
                selection=stored["selection"].astype(np.float64),
                comparison=stored["comparison"].astype(np.float64),
                mode=header["mode"],
                priors=priors,
                about=header["about"],
                averaged=stored["averaged"].astype(np.float64) if "averaged" in stored else None,
            )


def normalized_regret(truth: Array) -> Array:
    """Give (truth - best) / (median - best), all zero where nothing differs; smaller is better."""
    best = truth.min()
    scale = float(np.median(truth) - best)
    return (truth - best) / scale if scale > 0 else np.zeros_like(truth)


def _truth(final: Array, mode: Mode) -> Array:
    oriented = final if mode == "min" else -final
    worst = float(np.nanmax(oriented))
    return np.where(np.isnan(oriented), worst, oriented).mean(axis=0)  # a failed training counts as the worst


def _arrays(table: SearchTable) -> dict[str, Any]:
    header = {
        "name": table.name,
        "layers": table.layers,
        "candidates": table.candidates,
        "fractions": table.fractions,
        "mode": table.mode,
        "about": dict(table.about),
        "priors": {
            name: {"cost": prior.cost, "additive": prior.additive} for name, prior in table.priors.items()
        },
    }
    scores = {f"prior/{name}": prior.scores.astype(np.float16) for name, prior in table.priors.items()}
    averaged = {} if table.averaged is None else {"averaged": table.averaged.astype(np.float32)}
    return {
        "header": np.array(json.dumps(header)),
        "selection": table.selection.astype(np.float32),
        "comparison": table.comparison.astype(np.float32),
        **averaged,
        **scores,
    }


def _check(table: SearchTable) -> None:
    sizes = tuple(len(names) for names in table.candidates)
    expected = (len(table.selection), *sizes, len(table.fractions))
    if len(table.layers) != len(sizes):
        raise ValueError(f"table {table.name!r}: {len(table.layers)} layers, but candidates of {len(sizes)}")
    if table.mode not in ("min", "max"):
        raise ValueError(f"table {table.name!r}: mode is {table.mode!r}; it must be 'min' or 'max'")
    if list(table.fractions) != sorted(set(table.fractions)) or table.fractions[-1] != 1.0:
        raise ValueError(
            f"table {table.name!r}: fractions are {table.fractions}; they must ascend and end at 1.0"
        )
    if table.selection.shape != expected or table.comparison.shape != expected[:-1]:
        raise ValueError(
            f"table {table.name!r}: selection {table.selection.shape}, comparison {table.comparison.shape}; "
            f"names and fractions ask for {expected} and {expected[:-1]}"
        )
    if table.averaged is not None and table.averaged.shape != (*expected[:-1], 2):
        raise ValueError(
            f"table {table.name!r}: averaged {table.averaged.shape}; names ask for {(*expected[:-1], 2)}"
        )
    for name, prior in table.priors.items():
        wanted = (len(sizes), max(sizes)) if prior.additive else sizes
        if prior.scores.shape[1:] != wanted:
            raise ValueError(
                f"table {table.name!r}: prior {name!r} {prior.scores.shape} must be (R, *{wanted})"
            )

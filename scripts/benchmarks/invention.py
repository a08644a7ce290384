"""Rediscovery: functions hidden in teacher networks, and what formulas are found for them.

    python scripts/benchmarks/invention.py [--out DIR] [--short] [--development]

A teacher has 3 inputs, 3 units with one hidden function, and one output; its data, 3,000 rows, have noise of
1 % of the output's standard deviation. A student of the same form, whose units share a cubic spline of 17
knots, is trained by L-BFGS from 8 beginnings at a time, until one is within 1.2 times the noise, up to
24; `find_formulas` gets its spline. A formula is right if it is
the hidden function, up to a factor and a shift of its input and of its output, within 1 % of its standard
deviation. It has the teacher's form if, its constants fitted to the teacher itself, 0.1 % remain.
"nearest registered" is the least such error of any registered activation, its parameters fitted, too.

What is done is kept in DIR (default: runs/invention) and not done again. --short does one teacher.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from autoact import get, invention, list_activations
from autoact.invention import Curve, FoundFormula
from autoact.invention._fits import polished
from scripts import terminal
from scripts.benchmarks.teachers.functions import (
    COUNTED,
    DEVELOPMENT,
    MEMBER,
    REGISTERED,
    TEACHERS,
    Learned,
    learn,
    registered_error,
    teacher_curve,
)

RIGHT, SAME_FORM = 0.01, 1e-3


def main() -> None:
    """Print a row per teacher, and how many of the counted ones were found."""
    parser = terminal.parser(__doc__, short="one teacher")
    parser.add_argument("--out", type=Path, default=Path("runs/invention"))
    parser.add_argument("--development", action="store_true", help="those on which settings were chosen")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    names = list(DEVELOPMENT if options.development else {**COUNTED, **REGISTERED})
    if options.short:
        names = ["x exp(-x²)"]
    found = {name: result_of(name, options.out) for name in names}
    headings = ("hidden", "found", "error", "same form", "of the shape", "network", "nearest registered")
    print(terminal.markdown(headings, [row(name, result) for name, result in found.items()]))
    counted = [result for name, result in found.items() if name in COUNTED]
    if counted:
        right = sum(result["error"] <= RIGHT for result in counted)
        same = sum(result["form_error"] <= SAME_FORM for result in counted)
        print(f"\nfound within 1 %: {right} of {len(counted)}; in the teacher's own form: {same}")


def row(name: str, result: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of a teacher."""
    nearest = result["registered"]
    return (
        name,
        f"`{result['formula']}`",
        f"{100 * result['error']:.2f} %",
        "yes" if result["form_error"] <= SAME_FORM else "no",
        f"{100 * result['shape_error']:.2f} %",
        f"{100 * result['network']:.2f} %",
        f"{nearest[0]} {100 * nearest[1]:.1f} %" if nearest else "-",
    )


def result_of(name: str, out: Path) -> dict[str, Any]:
    """Return what was found for a teacher, done before or now."""
    stem = f"teacher_{list(TEACHERS).index(name)}"
    shape = kept(out / f"{stem}_shape.json", lambda: asdict(learn(name)))
    nearest = kept(out / f"{stem}_registered.json", lambda: nearest_registered(name))
    return {**kept(out / f"{stem}.json", lambda: judged(name, Learned(**shape))), "registered": nearest}


def nearest_registered(name: str) -> tuple[str, float]:
    """Return the registered activation that is nearest to a teacher, and how far it is."""
    known = [(other, registered_error(name, other)) for other in list_activations()]
    return min(known, key=lambda pair: pair[1])


def kept(path: Path, make: Any) -> Any:
    """Return what a file holds, after it was made."""
    if not path.exists():
        made = make()
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(made, indent=1), encoding="utf-8")
        os.replace(partial, path)
    return json.loads(path.read_text(encoding="utf-8"))


def judged(name: str, shape: Learned) -> dict[str, Any]:
    """Return the formula for a shape, and how far it is from the teacher."""
    z = torch.tensor(shape.quantiles, dtype=torch.float64, requires_grad=True)
    y = get(MEMBER)(z, **shape.values)
    (slope,) = torch.autograd.grad(y.sum(), z)
    formulas = invention.find_formulas(y.detach().numpy(), slope.numpy(), z.detach().numpy())
    chosen = formulas.chosen
    return {
        "formula": chosen.source,
        "parameters": {p.name: p.default for p in chosen.parameters},
        "error": affine_error(name, chosen),
        "form_error": form_error(name, chosen),
        "shape_error": chosen.error,
        "network": shape.error,
        "front": [(f.source, f.error, f.size) for f in formulas.front],
    }


def affine_error(name: str, formula: FoundFormula) -> float:
    """Return the distance of a formula from a teacher, up to affine changes of input and output."""
    z, values, _ = teacher_curve(name)

    def rest(p: np.ndarray) -> np.ndarray:
        basis = np.stack([np.ones_like(z), formula.at(p[0] * z + p[1])], 1)
        return np.asarray((basis @ np.linalg.lstsq(basis, values, rcond=1e-9)[0] - values) / values.std())

    starts = [(b, m) for b in (-2.0, -1.4, -1.0, -0.6, 0.6, 1.0, 1.4, 2.0) for m in (-0.7, 0.0, 0.7)]
    with np.errstate(all="ignore"):
        return min(float(np.sqrt(2 * least_squares(rest, start).cost / len(z))) for start in starts)


def form_error(name: str, formula: FoundFormula) -> float:
    """Return what remains between a teacher and the form of a formula, constants fitted to the teacher."""
    form, curve = formula.form, Curve(*teacher_curve(name))
    b, m, theta = form.inner
    starts = [(b * s, t, theta) for s in (-1.4, -1.0, -0.7, 0.7, 1.0, 1.4) for t in (0.0, m, -m)]
    free = [type(form)(terms=form.terms, line=form.line, inner=start) for start in starts]
    return min(polished(curve, each).error for each in free)


if __name__ == "__main__":
    main()

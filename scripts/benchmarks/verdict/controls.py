"""Run the positive and the negative control through the command line, over several seeds, and print a table.

    python scripts/benchmarks/verdict/controls.py [--seeds 5] [--only positive|negative]

Exit status 1 if a positive control is not "improved" with sin in a layer, or if more negative controls find a
difference than 5 % of false alarms explain (one of them is allowed).
"""

import contextlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autoact.cli import main
from scripts import terminal

CONFIGURATIONS = terminal.ROOT / "tests" / "search" / "controls"
ROW = "{:<9} {:>4}  {:<25} {:>10}  {:>22} {:>9} {:>7}  {}"


def run(control: str, seed: int, folder: Path) -> dict[str, Any]:
    """Return report.json of one control."""
    out = folder / f"{control}-{seed}"
    config = CONFIGURATIONS / f"{control}.yaml"
    with contextlib.redirect_stdout(io.StringIO()):
        status = main(["search", "--config", str(config), "--seed", str(seed), "--out", str(out), "--quiet"])
    if status != 0:
        sys.exit(f"{control} with seed {seed} ended with status {status}")
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    return report


def right(control: str, report: dict[str, Any]) -> bool:
    """Tell whether a control came out as it must."""
    chosen = [choice["activation"] for choice in report["chosen"].values()]
    if control == "positive":
        return report["verdict"] == "improved" and "sin" in chosen
    return report["verdict"] == "no significant difference"


def row(control: str, seed: int, report: dict[str, Any], seconds: float) -> str:
    """Return one line of the table."""
    found = report["comparisons"]["original"]
    low, high = found["ci95"]
    chosen = ", ".join(choice["activation"] for choice in report["chosen"].values())
    numbers = f"{found['difference']:+.4f}", f"{low:+.4f} to {high:+.4f}", f"{found['p_value']:.2g}"
    return ROW.format(control, seed, report["verdict"], *numbers, f"{seconds:.0f}", chosen)


def table(controls: list[str], seeds: int) -> bool:
    """Run everything, print the table, and tell whether it is as it must be."""
    lines, wrong = [], dict.fromkeys(controls, 0)
    with tempfile.TemporaryDirectory() as folder:
        for control in controls:
            for seed in range(seeds):
                began = time.monotonic()
                report = run(control, seed, Path(folder))
                lines.append(row(control, seed, report, time.monotonic() - began))
                wrong[control] += not right(control, report)
    print(
        "\n"
        + ROW.format("control", "seed", "verdict", "difference", "95% interval", "p", "seconds", "chosen")
    )
    print("\n".join(lines))
    return wrong.get("positive", 0) == 0 and wrong.get("negative", 0) <= 1


if __name__ == "__main__":
    # The models are tiny: on a busy machine, threads that wait for each other cost up to 70 times more.
    torch.set_num_threads(1)
    parser = terminal.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=["positive", "negative"])
    options = parser.parse_args()
    sys.exit(not table([options.only] if options.only else ["positive", "negative"], options.seeds))

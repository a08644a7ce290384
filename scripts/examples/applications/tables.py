"""Three tables: tumors, wines and abalones, with gradient boosting beside the networks.

    python scripts/examples/applications/tables.py [--short] [--data-dir DIR] [--out DIR]

Breast cancer (569 tumors, malignant or benign; Street et al. 1993) comes with scikit-learn. With --data-dir
also winequality-white.csv (4,898 wines, a score; Cortez et al. 2009) and abalone.csv (4,177 abalones, their
rings; Nash et al. 1994) from that folder, as UCI distributes them but without a header and with commas. Each
is what `autoact search --data FILE --target -1` does with a file: the space `tabular` against ReLU, and
gradient boosting on the same rows. Prints verdicts and a table, draws tables.png. About 1 minute, 3 with
--data-dir; --short 10 s.
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import autoact
from autoact.errors import AutoActError, DataError
from autoact.search import SearchResult
from autoact.tabular import TableTask, load_task
from scripts import terminal
from scripts.examples.applications._pictures import draw_seeds

FILES = {"wine quality": "winequality-white.csv", "abalone": "abalone.csv"}
PROBLEMS = {"breast cancer": None, "wine quality": "regression", "abalone": "regression"}


def files(out: Path, folder: Path | None) -> dict[str, Path]:
    """Return the files by what they are about; that of scikit-learn's table is written.

    Args:
        out: Where it is written.
        folder: Of the other two; None leaves them out.

    Raises:
        DataError: One is missing; names it.
    """
    found = {} if folder is None else {name: folder / file for name, file in FILES.items()}
    for path in found.values():
        if not path.is_file():
            raise DataError(
                f"There is no {path}; --data-dir takes the folder of {' and '.join(FILES.values())}."
            )
    tumors, path = load_breast_cancer(), out / "breast_cancer.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*tumors.feature_names, "diagnosis"])
        names = (tumors.target_names[kind] for kind in tumors.target)
        writer.writerows([*row, name] for row, name in zip(tumors.data.tolist(), names, strict=True))
    return {"breast cancer": path, **found}


def search(task: TableTask, out: Path, *, short: bool) -> SearchResult:
    """Select the activations, and compare them with ReLU on fresh seeds."""
    settings = {**task.settings, **({"trainer": {**task.trainer, "max_epochs": 2}} if short else {})}
    return autoact.run_search(
        task.model,
        task.data,
        space=["relu", "tanh"] if short else "tabular",
        budget=2 if short else 10,
        seeds=2 if short else 10,
        selection_seeds=1 if short else 2,
        out=out,
        quiet=True,
        task=task.name,
        **settings,
    )


def row(name: str, result: SearchResult) -> tuple[str, ...]:
    """Return a table's line: means of the networks, gradient boosting and the verdict."""
    report = result.report
    values = (report["baselines"]["original"]["comparison"], report["confirmation"]["comparison"])
    means = [sum(each) / len(each) for each in values]
    return name, *(f"{value:.4g}" for value in (*means, report["reference"]["value"])), str(result.verdict)


def draw(results: dict[str, SearchResult], path: Path) -> None:
    """Draw what every fresh seed gave, and gradient boosting as a line."""
    figure = Figure(figsize=(4.5 * len(results), 4), layout="constrained")
    for axes, (name, result) in zip(
        figure.subplots(1, len(results), squeeze=False)[0], results.items(), strict=True
    ):
        draw_seeds(axes, result)
        axes.axhline(result.report["reference"]["value"], color="tab:orange", label="gradient boosting")
        axes.set_title(f"{name}: {axes.get_title()}", fontsize=9)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, print and draw."""
    parser = terminal.parser(__doc__, short="two candidates, short trainings, few seeds", out=terminal.RUNS)
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help=f"folder of {', '.join(FILES.values())}")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    results = {}
    try:
        for name, path in files(options.out, options.data_dir).items():
            task = load_task(path, "-1", problem=PROBLEMS[name])
            results[name] = search(task, options.out / path.stem, short=options.short)
            print(f"{task.notes[0]}\n{results[name].summary()}\n")
    except AutoActError as error:
        sys.exit(str(error))
    head = ("table", "ReLU", "chosen", "gradient boosting", "verdict")
    print(terminal.markdown(head, [row(name, result) for name, result in results.items()], "lrrrl"))
    draw(results, options.out / "tables.png")


if __name__ == "__main__":
    main()

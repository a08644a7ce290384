"""The report is one self-contained page that says what the run's files say."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from autoact.cli import main
from autoact.errors import ConfigurationError, RunDirectoryError
from autoact.report import summarize, write_report
from autoact.report._leaderboard import Row, describe, leaderboard, to_csv
from autoact.report._run import read_run
from autoact.spaces import Assignment


class Page(HTMLParser):
    """The text, the ids and the open tags of a page."""

    void = frozenset({"meta", "link", "br", "hr", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.ids: list[str | None] = []
        self.open: list[str] = []
        self.feed(text.replace("<wbr>", ""))  # no word ends there

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += f"{data} "


SCRIPTS = ['<script type="application/json" id="data">', '<script type="module">']  # ours, and no other


def change(run: Path, **changes: Any) -> Path:
    report = json.loads((run / "report.json").read_text())
    report.update(changes)
    (run / "report.json").write_text(json.dumps(report))
    return run


def page(run: Path) -> str:
    return write_report(run).read_text(encoding="utf-8")


def records(ledger: Path) -> list[dict[str, Any]]:
    """Return the lines of a ledger without what tells that they are changed."""
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "checksum"} for line in lines]


def test_layers_that_no_assignment_names_are_mixtures_of_the_models_own(run_directory: Path) -> None:
    own = {"net.3": {"activation": "relu", "parameters": {}}}
    ledger = run_directory / "trainings.jsonl"
    lines = records(ledger)
    changed = [{**line, "assignment": own} if line["label"] == "original" else line for line in lines]
    ledger.write_text("".join(json.dumps(line) + "\n" for line in changed))
    text = summarize(change(run_directory, original=own))
    assert "net.1  mixture → tanh" in text
    assert "net.3  relu → tanh" in text
    rows = [describe(row.layers) for row in leaderboard(read_run(run_directory))]
    assert "net.1=mixture, net.3=relu, net.5=mixture" in rows


@pytest.mark.slow
def test_page_is_well_formed_and_loads_nothing(run_directory: Path) -> None:
    text = page(run_directory)
    parsed = Page(text)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert not re.search(r"(?:src|href)\s*=\s*[\"']|url\(|@import|^import |fetch\(", text, re.MULTILINE)
    assert re.findall("<script[^>]*>", text) == SCRIPTS
    assert len(text) < 1_000_000


def test_page_says_verdict_choice_interval_and_cost(run_directory: Path) -> None:
    text = " ".join(Page(page(run_directory)).text.split())
    for said in (
        "Improved",
        "val_loss is better by 0.0103 (95% interval +0.0031 … +0.0175)",
        "A true difference of 0.01 or more",
        "elu(alpha=0.7) was relu net.5",
        "tanh was relu net.1 net.3",
        "tanh in every layer, does as well within the noise",
        "74",
        "confirmation 30 6,800 16 s",
        "Diverged: trial (trial 14) with seed 14",
    ):
        assert said in text


def test_colors_follow_the_page(run_directory: Path) -> None:
    text = page(run_directory)
    assert text.count("var(--chosen)") >= 3  # tests/dashboard/test_report_page.py looks at what is drawn
    assert not re.search(r"(?:fill|stroke)(?:: ?|=\")#", text)
    assert "prefers-color-scheme: dark" in text


@pytest.mark.slow
def test_same_run_gives_the_same_bytes(run_directory: Path) -> None:
    assert page(run_directory) == page(run_directory)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("worse", "lose to the original model: val_loss is worse by 0.0103"),
        ("no significant difference", "cannot be told apart"),
    ],
)
def test_other_verdicts_tell_to_keep_the_model(run_directory: Path, verdict: str, said: str) -> None:
    text = page(change(run_directory, verdict=verdict))
    assert said in text
    assert "Keep the model as it is." in text


HOSTILE = "</title></p><script>alert('1')</script>\"&{{ 7*7 }}{% x %}$\\frac{$\ud800\x1b\0"
FREE = ("task", "space", "metric", "label", "name", "autoact")  # of a user, a module or an error


def hostile(value: Any, place: str = "") -> Any:
    """Return plain types in which every free text, and every layer's name, is hostile."""
    if isinstance(value, dict):
        layers = [isinstance(each, dict) and "activation" in each for each in value.values()]
        return {
            f"{HOSTILE}{key}" if is_layer else key: hostile(each, key)
            for is_layer, (key, each) in zip(layers, value.items(), strict=True)
        }
    if isinstance(value, list):
        return [hostile(each, place) for each in value]
    return f"{value}{HOSTILE}" if isinstance(value, str) and place in FREE else value


def test_whatever_names_hold_is_text_of_the_page(run_directory: Path) -> None:
    ledger, report = run_directory / "trainings.jsonl", run_directory / "report.json"
    lines = [hostile(record) for record in records(ledger)]
    lines[2] |= {"error": f"ValueError: {HOSTILE}", "state": "failed", "remark": HOSTILE}
    ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
    content = hostile(json.loads(report.read_text()))
    content["comparisons"]["original"]["name"] = "original"
    content["remarks"] = [HOSTILE]
    content["failures"] = [{"phase": "trial", "what": HOSTILE, "error": HOSTILE, "seeds": [1]}]
    content["hyperparameters"] = {"own": {HOSTILE: HOSTILE}, "chosen": {HOSTILE: HOSTILE}}
    content["prior"] = {
        "choice": content["chosen"],
        "discretization": {},
        "layers": {HOSTILE: {"weights": {"relu": 0.5, HOSTILE: 0.5}, "error": 0.1}},
    }
    content["pareto"] = [
        {"layers": content["chosen"], "mean": 0.1, "sd": 0.1, "latency": 0.1 + n, "front": True}
        for n in (0, 1)
    ]
    report.write_text(json.dumps(content))
    text = page(run_directory)
    assert re.findall("<script[^>]*>", text) == SCRIPTS
    parsed = Page(text)
    assert parsed.open == []
    assert "{{ 7*7 }}{% x %}$" in parsed.text
    assert "alert('1')" in parsed.text


def test_a_failed_search_still_has_a_page(run_directory: Path) -> None:
    (run_directory / "report.json").write_text(
        json.dumps(
            {
                "schema": 2,
                "autoact": "0.2.0",
                "task": None,
                "space": "default",
                "metric": "val_loss",
                "mode": "min",
            }
        )
    )
    assert "No verdict" in page(run_directory)
    (run_directory / "trainings.jsonl").unlink()
    assert "No verdict" in page(run_directory)


def test_values_that_are_not_finite_are_shown_as_missing(run_directory: Path) -> None:
    report = json.loads((run_directory / "report.json").read_text())
    report["confirmation"]["comparison"][3] = None
    report["comparisons"]["original"] |= {"ci95": [None, None], "p_value": None, "detectable": None}
    text = page(change(run_directory, **report))
    assert "nan" not in Page(text).text
    assert "– … –" in text


def test_a_user_activation_unknown_here_has_no_graph(run_directory: Path) -> None:
    chosen = {"net.1": {"activation": "my_own", "parameters": {}}}
    assert "my_own" in page(change(run_directory, chosen=chosen))


def test_leaderboard_has_one_row_per_assignment_best_first(run_directory: Path) -> None:
    write_report(run_directory)
    rows = list(csv.DictReader((run_directory / "leaderboard.csv").read_text().splitlines()))
    assert len({row["assignment"] for row in rows}) == len(rows)
    means = [float(row["mean"]) for row in rows if row["mean"]]
    assert means == sorted(means)
    tanh = next(row for row in rows if row["assignment"] == "net.1=tanh, net.3=tanh, net.5=tanh")
    assert (tanh["n"], tanh["phases"], tanh["comparison_n"]) == ("13", "baseline+confirmation", "10")
    assert rows[-1]["mean"] == ""
    assert rows[-1]["diverged"] == "1"


def test_leaderboard_of_an_accuracy_starts_with_the_largest(run_directory: Path) -> None:
    write_report(change(run_directory, mode="max"))
    rows = list(csv.DictReader((run_directory / "leaderboard.csv").read_text().splitlines()))
    means = [float(row["mean"]) for row in rows if row["mean"]]
    assert means == sorted(means, reverse=True)


@pytest.mark.parametrize(
    ("layer", "cell"),
    [
        ('=HYPERLINK("http://x")', "'=HYPERLINK"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM"),
        ("\t=1", " '=1"),
        ("\r=1", " '=1"),
        ("a\r\n=1", "a =1"),
        (" =1", " '=1"),
        ("a;=1", "a;'=1"),
        ('a;"=1', "a;\"'=1"),
        ("a-b", "a-b"),
    ],
)
def test_no_cell_is_a_formula(layer: str, cell: str) -> None:
    row = Row(
        layers=Assignment({layer: "tanh"}), selection=(-0.5,), comparison=(), states={}, phases=("trial",)
    )
    (read,) = csv.DictReader(io.StringIO(to_csv([row]), newline=""))
    assert read["assignment"].startswith(cell)
    assert float(read["mean"]) == -0.5, "a number is no formula"


def test_summary_names_verdict_layers_cost_and_files(run_directory: Path) -> None:
    text = summarize(run_directory)
    assert text.startswith("Verdict: improved\n")
    assert "  net.5  relu → elu(alpha=0.7)\n" in text
    assert "30 trainings" in text
    assert f"tensorboard --logdir {run_directory / 'tensorboard'}" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "has no report.json, so it is not a run directory"),
        ("{", "cannot be read"),
        ('{"schema": 9}', "schema is 9; this version of autoact reads 2"),
        ("[]", "expected a mapping, got []"),
    ],
)
def test_a_directory_without_a_readable_report_is_refused(tmp_path: Path, content: str, said: str) -> None:
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    with pytest.raises(RunDirectoryError, match=re.escape(said)):
        write_report(tmp_path)


def test_an_unfinished_run_names_the_command_that_goes_on(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("{}")
    with pytest.raises(RunDirectoryError, match=r"Go on with: run_search\(\.\.\., out='.*', resume=True\)"):
        write_report(tmp_path)
    (tmp_path / "config.yaml").write_text("source: {class_path: mine.Model}")
    with pytest.raises(RunDirectoryError, match=r"Go on with: autoact search --resume"):
        write_report(tmp_path)
    with pytest.raises(RunDirectoryError, match="is not a directory"):
        write_report(tmp_path / "nothing")


def without_interval(run_directory: Path, **compared: int | float) -> str:
    report = json.loads((run_directory / "report.json").read_text())
    report["verdict"] = "no significant difference"
    report["comparisons"]["original"] |= {
        "ci95": [None, None],
        "p_value": None,
        "detectable": None,
        **compared,
    }
    if compared["pairs"] == 10:
        report["confirmation"]["comparison"] = [0.1] * 10
    return summarize(change(run_directory, **report))


def test_seeds_that_change_nothing_are_explained(run_directory: Path) -> None:
    text = without_interval(run_directory, pairs=10)
    assert "All 10 seeds gave the same values of val_loss (+0.0103; positive is better)" in text
    assert "remove that call from the model" in text
    assert "manual_seed or seed_everything" in text


def test_too_few_finite_seeds_are_counted(run_directory: Path) -> None:
    text = without_interval(run_directory, pairs=1, selected_diverged=2, baseline_diverged=3, both_diverged=4)
    assert "of 10, 6 diverged with the chosen activations and 7 with the original model." in text


def known(run: Path) -> dict[str, Any]:
    """Return what a search that pools short trainings adds to its report."""
    lines = [json.loads(line) for line in (run / "trainings.jsonl").read_text().splitlines()]
    tried = [line for line in lines if line["phase"] == "trial"]
    return {
        "prior": {
            "choice": tried[0]["assignment"],
            "discretization": {"mixture": 0.21, "derived": 0.35, "fine_tuned": 0.22},
            "layers": {"net.1": {"weights": {"relu": 0.7, "tanh": 0.3}, "error": 0.12, "margin": 0.4}},
        },
        "beliefs": {tried[1]["key"]: {"mean": 0.05, "sd": 0.01}},
        "pareto": [
            {"layers": tried[0]["assignment"], "mean": 0.2, "sd": 0.01, "latency": 0.5, "front": True},
            {"layers": tried[1]["assignment"], "mean": 0.1, "sd": None, "latency": 0.9, "front": True},
            {"layers": tried[2]["assignment"], "mean": 0.3, "sd": 0.02, "latency": 1.1, "front": False},
        ],
    }


@pytest.mark.slow
def test_what_the_search_knows_is_shown(run_directory: Path) -> None:
    found = known(run_directory)
    text = " ".join(Page(page(change(run_directory, **found))).text.split())
    for said in (
        "val_loss against latency",
        "with the nearest single activations 0.35, after some more epochs 0.22",
        "0.05 ± 0.01",
        "Ranked by what the search believes",
    ):
        assert said in text
    front = text[text.index("# Activations ms Believed 1 ") :]
    assert 0 < front.index(" 0.5 0.2 ± 0.01 2 ") < front.index(" 0.9 0.1 ")  # an unknown s.d. is left out
    summary = summarize(run_directory)
    assert summary.count(" ms  val_loss ") == 2
    rows = list(csv.DictReader((run_directory / "leaderboard.csv").read_text().splitlines()))
    assert (rows[0]["believed"], rows[0]["latency_ms"], rows[0]["pareto"]) == ("0.05", "0.9", "1")


@pytest.mark.slow
def test_pruned_trainings_are_no_values_of_their_assignment(run_directory: Path) -> None:
    file = run_directory / "trainings.jsonl"
    lines = records(file)
    short = {**lines[1], "state": "pruned", "selection": 1e-9, "hyperparameters": {"model.lr": 0.1}}
    file.write_text("".join(json.dumps(line) + "\n" for line in [*lines, short]))
    page(run_directory)
    rows = list(csv.DictReader((run_directory / "leaderboard.csv").read_text().splitlines()))
    (row,) = (row for row in rows if row["pruned"] == "1")
    assert (row["mean"], row["n"]) == ("", "0")


def test_too_few_seeds_are_said_to_decide_nothing(run_directory: Path) -> None:
    report = json.loads((run_directory / "report.json").read_text())
    compared = {**report["comparisons"]["original"], "ci95": [-0.02, 0.04], "pairs": 4, "decides": False}
    comparisons = {**report["comparisons"], "original": {**compared, "seeds_needed": 37}}
    change(run_directory, verdict="no significant difference", comparisons=comparisons)
    summary = summarize(run_directory)
    assert "4 fresh paired seeds are too few to decide" in summary
    assert "one as large as the difference seen takes about 37 seeds." in summary
    enough = {**comparisons["original"], "pairs": 12, "decides": True}
    change(run_directory, comparisons={**comparisons, "original": enough})
    assert "as large as the one seen takes about 37 seeds to find." in summarize(run_directory)


def test_a_run_that_may_only_be_read_is_summarized(
    run_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read_only(*_: Any, **__: Any) -> None:
        raise ConfigurationError("Cannot write leaderboard.csv: Read-only file system.")

    monkeypatch.setattr("autoact.report._page.write_text", read_only)
    assert main(["report", str(run_directory)]) == 2
    said = capsys.readouterr()
    assert said.out.startswith("Verdict: improved")
    assert said.err == "autoact: Cannot write leaderboard.csv: Read-only file system.\n"


def test_a_report_without_its_trainings_is_refused_and_nothing_is_overwritten(run_directory: Path) -> None:
    write_report(run_directory)
    before = (run_directory / "leaderboard.csv").read_bytes()
    ledger = run_directory / "trainings.jsonl"
    ledger.write_text("".join(ledger.read_text().splitlines(keepends=True)[:20]))
    for _ in range(2):
        with pytest.raises(
            RunDirectoryError, match=r"trainings\.jsonl (lacks trainings|is missing).*report\.json"
        ):
            write_report(run_directory)
        ledger.unlink(missing_ok=True)
    assert (run_directory / "leaderboard.csv").read_bytes() == before

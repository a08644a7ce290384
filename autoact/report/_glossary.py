"""Texts of a run for TensorBoard's Text page: verdict, assignment, next step, glossary."""

from collections.abc import Mapping

from autoact.report._next_step import next_step
from autoact.report._run import Run
from autoact.report._verdict import headline, sentences
from autoact.report._wording import NOTHING
from autoact.tracking import MEANINGS

_EXPLAINED = ("kappa", "chi", "entropy", "margin", "dead", "saturated", "weight", "parameter")


def texts(run: Run) -> dict[str, str]:
    """Return what TensorBoard's Text page says of a run: Markdown by tag.

    Args:
        run: It.

    Example:
        >>> from pathlib import Path
        >>> from autoact.records import Report
        >>> report = Report(autoact="1", space="s", metric="val_loss", mode="min", failure="Full.")
        >>> texts(Run(Path("run"), report))["autoact/1 verdict"].splitlines()[0]
        '# No verdict'
    """
    step, code = next_step(run)
    said = [f"# {headline(run.report)}", *map(_plain, sentences(run))]
    return {
        "autoact/1 verdict": "\n\n".join(said),
        "autoact/2 assignment": _assignment(run),
        "autoact/3 next step": _plain(step) + ("\n\n" + _indented(code) if code else ""),
        "autoact/4 glossary": glossary(MEANINGS),
    }


def glossary(meanings: Mapping[str, str]) -> str:
    """Return a table of the words on the cards.

    >>> print(glossary({"margin": "Lead of the first.", "kappa": "κ = 1"}))
    | word | meaning |
    | --- | --- |
    | kappa | κ = 1 |
    | margin | Lead of the first. |
    """
    rows = [f"| {name} | {_plain(meanings[name])} |" for name in _EXPLAINED if name in meanings]
    return "\n".join(["| word | meaning |", "| --- | --- |", *rows])


def _assignment(run: Run) -> str:
    if run.report.chosen is None:
        return "Nothing was chosen."
    chosen, before = run.whole(run.report.chosen), run.before
    rows = [
        f"| {_plain(p)} | {_plain(str(before.get(p, NOTHING)))} | {_plain(str(c))} |"
        for p, c in chosen.items()
    ]
    return "\n".join(["| layer | original | chosen |", "| --- | --- | --- |", *rows])


def _plain(text: str) -> str:
    """Return a text that Markdown leaves as it is."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text.replace("\n", " "))


def _indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.splitlines())

"""Description of advice for people, and the search space as a file that says why."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

import yaml

from autoact.advice._advice import Advice
from autoact.errors import ConfigurationError
from autoact.spaces.files import write_text


def describe(advice: Advice) -> str:
    """Return candidates with reasons, what was ruled out and why, and what was found in the data.

    Args:
        advice: What `advise` returned.

    Returns:
        Several lines.

    Example:
        >>> from autoact.advice import Needs, advise
        >>> print(describe(advise(Needs(derivatives=2))).splitlines()[2])
        Candidates
    """
    return "\n".join(_lines(advice))


def order(advice: Advice) -> str:
    """Return what the order of the candidates rests on, and what its numbers were measured on.

    Args:
        advice: What `advise` returned.

    Example:
        >>> from autoact.advice import Needs, advise
        >>> print(order(advise(Needs(derivatives=2))))
        No data were looked at; this is the usual order. Only a search tells what trains best in a network.
    """
    said = f"{_grounds(advice)} Only a search tells what trains best in a network."
    flow = " χ and κ are those of a layer whose inputs are normal with mean 0 and variance 1."
    return said + (flow if advice.needs.depth else "")


def _grounds(advice: Advice) -> str:
    evidence = advice.evidence
    if advice.needs.periodic or (evidence is not None and evidence.period is not None):
        whose = "It was said that the signal repeats" if advice.needs.periodic else "Your data repeat"
        return f"{whose}: what oscillates comes first, the rest in the usual order."
    if evidence is None:
        return "No data were looked at; this is the usual order."
    if evidence.bends:
        return (
            "Ordered by one unit of each, fitted along one direction to every other row; percentages are of "
            "the squared error that a linear fit leaves on the rows between."
        )
    if evidence.heavy_tails:
        return "Your data say only that tails are heavy: the usual order, bounded activations last."
    return "Your data say nothing of the activations; this is the usual order."


def _lines(advice: Advice) -> Iterator[str]:
    if advice.evidence:
        yield "The data"
        yield from (f"  {note}" for note in advice.evidence.notes)
        yield ""
    yield f"{order(advice)}\n"
    yield "Candidates"
    width = max(len(candidate.name) for candidate in advice.candidates)
    for candidate in advice.candidates:
        fixed = "".join(f"; {key} stays {value:g}" for key, value in candidate.fixed.items())
        yield f"  {candidate.name:<{width}}  {candidate.reason}{fixed}"
    yield from _section("Ruled out", advice.ruled_out)
    yield from _section("Left out", advice.left_out)
    if advice.evidence and advice.evidence.output_layer != "none":
        yield ""
        yield f"After the last layer, {advice.evidence.output_layer} keeps predictions where the target is."


def _section(title: str, reasons: Mapping[str, str]) -> Iterator[str]:
    if not reasons:
        return
    yield ""
    yield title
    for why, pairs in groupby(sorted(reasons.items(), key=lambda item: item[1]), key=lambda item: item[1]):
        yield f"  {', '.join(name for name, _ in pairs)}: {why}"


def space_text(advice: Advice, name: str) -> str:
    """Return a search space as YAML, each candidate with its reason as a comment.

    Args:
        advice: What `advise` returned.
        name: Of the space.

    Returns:
        YAML that `SearchSpace.load` reads.

    Example:
        >>> from autoact.advice import Needs, advise
        >>> print(space_text(advise(Needs(derivatives=2)), "smooth").splitlines()[2])
        name: smooth
    """
    data = advice.space(name).to_dict()
    order = [*data.pop("candidates")]
    reasons = {candidate.name: candidate.reason for candidate in advice.candidates}
    head = yaml.safe_dump(
        {key: data.pop(key) for key in ("version", "name")}, sort_keys=False, allow_unicode=True
    )
    width = max(map(len, order))
    listed = "".join(f"  - {name:<{width}}  # {reasons[name]}".rstrip(" #") + "\n" for name in order)
    rest = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=None) if data else ""
    return f"# Candidates by `autoact advise`, the likeliest first.\n{head}candidates:\n{listed}{rest}"


def check_free(path: Path) -> None:
    """Complain about a file that cannot be a new search space.

    Args:
        path: Where a search space is to be written.

    Raises:
        ConfigurationError: It exists, or ends in something else than .yaml.

    Example:
        >>> check_free(Path("no-such-file.yaml"))
    """
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigurationError(f"--out {path} must end in .yaml, as search spaces do: {path}.yaml")
    if path.exists():
        raise ConfigurationError(f"--out {path} exists; name another file, or remove this one.")


def write_space(advice: Advice, path: Path) -> None:
    """Write the search space to a new file.

    Args:
        advice: What `advise` returned.
        path: Of the new file; its stem names the space.

    Raises:
        ConfigurationError: The file exists, ends in something else than .yaml, or cannot be written.

    Example:
        >>> import tempfile
        >>> from autoact.advice import Needs, advise
        >>> path = Path(tempfile.mkdtemp()) / "smooth.yaml"
        >>> write_space(advise(Needs(derivatives=2)), path)
        >>> path.exists()
        True
    """
    check_free(path)
    write_text(path, space_text(advice, path.stem))

"""Extension of a run: the larger numbers that a resume may ask for, and what they do to its configuration."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from autoact.records import Question, questions_of, with_questions
from autoact.search.setup._configuration import is_usual, storable
from autoact.search.setup._settings import MAY_GROW, Settings

_EXTENDS = (*MAY_GROW, "looks", "hours")
_KEPT = ("storage", "executor", "resources", "training_timeout", "memory_limit", "like")


def resumed(stored: Mapping[str, Any], given: Mapping[str, Any], spent: float) -> Settings:
    """Return the settings of a run that is resumed; what is not given stays as it was.

    Args:
        stored: The content of config.yaml.
        given: Settings by name; `hours` are added to those that are spent.
        spent: Hours that the run has taken.

    Example:
        >>> found = resumed({"search": {"budget": 20, "seeds": 10}}, {"seeds": 40, "hours": 2}, spent=1.5)
        >>> found.budget, found.seeds, found.hours
        (20, 40, 3.5)
    """
    before, new = stored["search"], {name: value for name, value in given.items() if value is not None}
    kept = {name: before[name] for name in (*_EXTENDS, *_KEPT) if name in before and name not in new}
    wanted = {**kept, **new}
    if _are_known(stored, wanted.get("looks")):  # those of before, and the new end
        wanted["looks"] = _looks(before, wanted.get("seeds"))
    if "hours" in new:
        wanted["hours"] = round((Settings.of(wanted).hours or 0.0) + spent, 6)
    return Settings.of(wanted)


def _are_known(stored: Mapping[str, Any], looks: Any) -> bool:
    """Tell whether looks are those of a run, or were before it was extended: what it was asked at first."""
    given = [looks] if isinstance(looks, int) else storable(looks)
    return given in [each.get("looks") for each in (stored["search"], *(stored.get("extended") or []))]


def _looks(before: Mapping[str, Any], seeds: Any) -> list[int] | None:
    """Return looks that end with a number of seeds; None for the usual ones."""
    looks: list[int] | None = before.get("looks")
    if not looks or not isinstance(seeds, int) or seeds < looks[-1] or is_usual(before):
        return None
    return looks if seeds == looks[-1] else [*looks, seeds]


def extended(
    stored: Mapping[str, Any], settings: Settings, *, compared: bool, at: str = ""
) -> dict[str, Any]:
    """Return the content of config.yaml with other numbers, and the former ones in a list.

    Another storage or executor takes the place of the former one.

    Args:
        stored: The content as it is.
        settings: What a resume asks for; `require_same` has allowed it.
        compared: Whether the present choice has been compared. Where the search goes on after that, the next
            choice is another question, on seeds that no choice was compared on.
        at: When; default: now.

    Example:
        >>> stored = {"search": {"budget": 20, "seeds": 10, "looks": [10], "hours": None}}
        >>> now = extended(stored, Settings(budget=60, seeds=10, looks=[10]), compared=True, at="noon")
        >>> now["search"]["budget"], now["extended"]
        (60, [{'budget': 20, 'seeds': 10, 'looks': [10], 'hours': None, 'at': 'noon'}])
        >>> [question["begins"] for question in now["questions"]]
        [0, 10]
    """
    wanted = storable(settings.to_dict())
    stored = {**stored, "search": {**stored["search"], **{name: wanted[name] for name in _KEPT}}}
    before = stored["search"]
    former = {name: before.get(name) for name in _EXTENDS}
    now = {name: wanted[name] for name in _EXTENDS}
    if now == former:
        return dict(stored)
    at = at or datetime.now().astimezone().isoformat(timespec="seconds")
    content = {
        **stored,
        "search": {**before, **now},
        "extended": [*(stored.get("extended") or []), {**former, "at": at}],
    }
    if not compared or now["budget"] == former["budget"]:
        return content
    asked = questions_of(stored)
    return with_questions(content, (*asked, Question(begins=asked[-1].begins + former["seeds"])))

"""Questions of a run: whether a choice is better, each asked of fresh seeds, in one look or in several."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from autoact.records._comparison import LEVEL, Verdict
from autoact.records._json import plain, typed
from autoact.spaces import Assignment

_KEY = "questions"  # of config.yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One choice that is confirmed; a run whose search goes on after it was compared asks another one.

    Attributes:
        begins: Seeds of the confirmation that the questions before have used up: its own follow.
        looks: Numbers of its seeds at which a verdict was reported, in order.
        planned: The looks that were planned then.
        added: Whether seeds were added after a verdict.

    Example:
        >>> Question(begins=10).looked_at(5, (5, 10)).looked_at(5, (5, 10)).looks
        (5,)
    """

    begins: int = 0
    looks: tuple[int, ...] = ()
    planned: tuple[int, ...] = ()
    added: bool = False

    def looked_at(self, seeds: int, planned: tuple[int, ...]) -> "Question":
        """Return this question after a look; the same look again is none."""
        looks = self.looks if seeds in self.looks[-1:] else (*self.looks, seeds)
        return replace(self, looks=looks, planned=planned, added=self.is_extended(planned))

    def is_extended(self, planned: tuple[int, ...]) -> bool:
        """Tell whether more seeds were asked for after a verdict than were planned for it."""
        return self.added or (bool(self.looks) and planned != self.planned)


def questions_of(configuration: Mapping[str, Any]) -> tuple[Question, ...]:
    """Return the questions of a run; at least one.

    Args:
        configuration: The content of its config.yaml.

    Raises:
        ValueError: They have another form.

    Example:
        >>> questions_of({}), len(questions_of({"questions": [{"begins": 0, "looks": [10]}, {"begins": 10}]}))
        ((Question(begins=0, looks=(), planned=(), added=False),), 2)
    """
    found: tuple[Question, ...] = typed(tuple[Question, ...], configuration.get(_KEY) or [{}], _KEY)
    return found


def with_questions(configuration: Mapping[str, Any], questions: tuple[Question, ...]) -> dict[str, Any]:
    """Return the content of config.yaml with other questions.

    Args:
        configuration: The content.
        questions: The questions.

    Example:
        >>> with_questions({"budget": 20}, (Question(looks=(10,)),))
        {'budget': 20, 'questions': [{'begins': 0, 'looks': [10], 'planned': [], 'added': False}]}
    """
    return {**configuration, _KEY: plain(questions)}


def confidence(question: int) -> float:
    """Return the level at which a question of a run is judged: the k-th errs in .05 / 2^(k - 1).

    All that a run ever asks then err in less than .1 together, the first alone in .05.

    Args:
        question: Its number, from 1.

    Example:
        >>> confidence(1), confidence(2)
        (0.95, 0.975)
    """
    return 1 - (1 - LEVEL) / 2 ** (question - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierVerdict:
    """Verdict of an earlier question of a run: another choice, on other seeds.

    Attributes:
        seeds: Seeds of its trainings, (S,).
        assignment: What was chosen then.
        difference: Mean paired difference to the original, positive where the choice was better.
        ci95: Its interval.
        level: Confidence of the interval.
        verdict: What it allowed to say.

    Example:
        >>> EarlierVerdict(seeds=(1, 2), assignment=Assignment({"a": "relu"}), difference=0.5, ci95=(-1, 2),
        ...     verdict="no significant difference").level
        0.95
    """

    seeds: tuple[int, ...]
    assignment: Assignment
    difference: float
    ci95: tuple[float, float]
    level: float = LEVEL
    verdict: Verdict

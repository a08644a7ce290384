"""Advice: from needs and data to candidates, reasons, and a search space."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoact.activations import list_activations
from autoact.advice._demands import demands_of
from autoact.advice._feasibility import Judged, judge
from autoact.advice._needs import Needs
from autoact.advice._ordering import by_evidence, common_use, different, periodic_first
from autoact.advice._reasons import reason
from autoact.advice.evidence import Evidence, look, read_numeric_table
from autoact.errors import ConfigurationError
from autoact.spaces import Bounds, Requirements, SearchSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An activation to try.

    Attributes:
        name: Its name.
        reason: What speaks for it.
        fixed: Parameters that must keep a value, or it would break a demand.

    Example:
        >>> Candidate(name="elu", reason="smooth once", fixed={"alpha": 1.0}).fixed
        {'alpha': 1.0}
    """

    name: str
    reason: str
    fixed: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The answer.

    Attributes:
        needs: What was asked for.
        evidence: What the data say; None without data.
        candidates: What to try, the likeliest first.
        ruled_out: Why not, by activation: a fact that breaks a demand, or contradicts the data.
        left_out: Why not, by activation: allowed, but nearly another candidate or less likely.

    Example:
        >>> found = advise(Needs(derivatives=2))
        >>> found.evidence is None, "relu" in found.ruled_out
        (True, True)
    """

    needs: Needs
    evidence: Evidence | None
    candidates: tuple[Candidate, ...]
    ruled_out: Mapping[str, str]
    left_out: Mapping[str, str]

    def space(self, name: str = "advised") -> SearchSpace:
        """Return the search space of the candidates; what it can require of them, it does."""
        needs = self.needs
        require = Requirements(
            smoothness=needs.required_derivatives or None,
            bounded=needs.bounded,
            output="nonnegative" if needs.nonnegative else None,
        )
        fixed = {c.name: dict(c.fixed) for c in self.candidates if c.fixed}
        names = tuple(candidate.name for candidate in self.candidates)
        return SearchSpace(name, names, require=require, bounds=Bounds.of(fixed))


def advise(
    needs: Needs | None = None,
    data: str | os.PathLike[str] | None = None,
    target: str | None = None,
    *,
    problem: str | None = None,
) -> Advice:
    """Answer which activations suit a problem.

    Args:
        needs: What is known about it.
        data: A CSV file.
        target: The column to predict, by name or number; needed with data.
        problem: "classification" or "regression"; None decides by looking.

    Returns:
        Candidates with reasons, and what was ruled out by which fact.

    Raises:
        ConfigurationError: No activation satisfies all needs, or `data` without `target`.
        DataError: The file cannot be read as a table.

    Example:
        >>> found = advise(Needs(derivatives=2))
        >>> found.ruled_out["relu"]
        'has 0 continuous derivatives; asked for: 2 continuous derivatives'
        >>> found.space().require.smoothness
        2
    """
    if (data is None) != (target is None):
        raise ConfigurationError("data and target go together: the file, and the column to predict.")
    asked = needs or Needs()
    judged = [judge(name, demands_of(asked)) for name in list_activations()]
    evidence = None
    if data is not None and target is not None:
        allowed = {found.name: found.fixed for found in judged if not found.ruled_out}
        evidence = look(read_numeric_table(data, target, problem), list(allowed), allowed)
    return _answer(asked, evidence, judged)


def _answer(needs: Needs, evidence: Evidence | None, judged: Sequence[Judged]) -> Advice:
    ruled_out = {j.name: f"{j.ruled_out}; asked for: {j.demand}" for j in judged if j.ruled_out}
    allowed = {found.name: found for found in judged if not found.ruled_out}
    order = common_use(allowed, needs)
    if evidence is not None:
        order, against = by_evidence(order, evidence)
        ruled_out |= against
    if needs.periodic or (evidence is not None and evidence.period is not None):
        order, against = periodic_first(order)
        ruled_out |= against
    chosen, left_out = different(order)
    if not chosen:
        first = "; ".join(f"{name} {why}" for name, why in list(ruled_out.items())[:3])
        raise ConfigurationError(f"No activation has all that is asked for ({first}; ...). Ask for less.")
    candidates = tuple(
        Candidate(name=name, reason=reason(name, needs, evidence), fixed=allowed[name].fixed)
        for name in chosen
    )
    return Advice(
        needs=needs, evidence=evidence, candidates=candidates, ruled_out=ruled_out, left_out=left_out
    )

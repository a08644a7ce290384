"""The rung policy: which training next, and what to recommend. Pure: a history goes in, a decision comes out.

Example:
    >>> problem = Problem(candidates=[("relu", "tanh")] * 2, budget=1.5, fractions=(0.25, 1.0))
    >>> history = []
    >>> while steps := next_steps(problem, history):
    ...     for step in steps:
    ...         history.append(Outcome(step, {step.stop: step.assignment.count("relu") - step.stop}))
    >>> spent(problem, [outcome.step for outcome in history]), recommend(problem, history).assignment
    (1.5, ('tanh', 'tanh'))
"""

from autoact.search.policy.decision import next_steps
from autoact.search.policy.problem import Belief, Names, Outcome, Problem, Step, spent
from autoact.search.policy.recommendation import beliefs, ranking, recommend

__all__ = [
    "Belief",
    "Names",
    "Outcome",
    "Problem",
    "Step",
    "beliefs",
    "next_steps",
    "ranking",
    "recommend",
    "spent",
]

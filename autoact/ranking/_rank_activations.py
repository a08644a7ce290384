"""Ranking of activations: each in all layers of every task's model, on the same seeds."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autoact.activations import get
from autoact.errors import ConfigurationError, SearchFailedError, counted
from autoact.ranking._opponents import REFERENCE, opponents, require_finite
from autoact.ranking._ranking import Ranking
from autoact.ranking._records import Records
from autoact.ranking._task_ranking import TaskRanking
from autoact.records import Training
from autoact.search.executors import executor_for, require_no_import
from autoact.search.phases import Prepared, prepare, stack_for
from autoact.search.setup import Settings, seeds_for
from autoact.search.trainings import Trainings, interruptible
from autoact.spaces import SearchSpace
from autoact.training.tasks import TASKS, Task

Tell = Callable[[str, int], None]  # so many trainings of a task are done
_PLAIN = (bool, int, float, str, type(None))


def rank_activations(
    own: Sequence[str],
    *,
    out: str | os.PathLike[str],
    tasks: Sequence[Task] = tuple(TASKS.values()),
    against: Sequence[str] | None = None,
    seeds: int = 10,
    seed: int = 0,
    workers: int = 1,
    quiet: bool = False,
) -> Ranking:
    """Train activations and those that they are ranked against on several tasks, and compare on fresh rows.

    Every activation takes all places of a task's model that may be chosen, with its parameters at their
    defaults. All start from the same weights and see the same batches by seed, with the learning rate of the
    task. What was trained stays in `out`: a ranking that was killed goes on, seeds, tasks and opponents are
    added.

    Args:
        own: Registered activations.
        out: Folder of the records.
        tasks: Models with their data; default: those that come with autoact.
        against: Other activations; None: all that come with autoact. ReLU always is among them.
        seeds: Paired seeds, at least 2.
        seed: What these follow from.
        workers: Processes that train at the same time.
        quiet: Whether to print nothing.

    Returns:
        The ranking.

    Raises:
        ConfigurationError: No activations, one that is not finite, tasks of one name, or records of others.
        UnknownActivationError: No such activation.
        SearchFailedError: No ReLU network of a task could be trained.
        KeyboardInterrupt: There was a Ctrl-C; its note says how to go on.
        SystemExit: There was a SIGTERM or SIGHUP, which its exit status tells; a warning says how to go on.

    Example:
        >>> import tempfile
        >>> from dataclasses import replace
        >>> from autoact.training.tasks import get_task
        >>> brief = replace(get_task("cancer"), trainer={"max_epochs": 1, "accelerator": "cpu"})
        >>> out = tempfile.mkdtemp()
        >>> found = rank_activations(["gelu"], out=out, tasks=[brief], against=[], seeds=2, quiet=True)
        >>> sorted(found.ranks)
        ['gelu', 'relu']
    """
    require_no_import("rank_activations")
    own = tuple(dict.fromkeys(get(name).name for name in own))
    _check(own, tasks, seeds)
    names = (*own, *opponents(own, against))
    if names == (REFERENCE,):
        raise ConfigurationError("relu alone cannot be ranked; name what it is ranked against.")
    records = Records.of(out)
    with (
        interruptible(records.how_to_go_on),
        records.locked(),
        _progress(len(names), seeds, len(tasks), quiet) as tell,
    ):
        records.agree(
            {"seeds": {"seed": seed}, "activation": {name: str(get(name).expression) for name in names}}
        )
        ranked = []
        for task in tasks:
            settings = Settings.of(
                {
                    "monitor": task.monitor,
                    "mode": task.mode,
                    "trainer": dict(task.trainer),
                    "seeds": seeds,
                    "seed": seed,
                    "workers": workers,
                }
            )
            ranked.append(_ranked(task, settings, own, names, records, tell))
    return Ranking(own=own, tasks=tuple(ranked), seeds=seeds_for(settings).confirmation)


def _check(own: Sequence[str], tasks: Sequence[Task], seeds: int) -> None:
    if not own:
        raise ConfigurationError("There is no activation to rank.")
    if seeds < 2:
        raise ConfigurationError(f"seeds is {seeds}; an interval needs 2 at least.")
    if not tasks:
        raise ConfigurationError("There is no task to rank activations on.")
    named = [task.name for task in tasks]
    for name in named:
        if named.count(name) > 1:
            raise ConfigurationError(f"Two tasks are named {name!r}; leave out one.")
        if not name or os.path.basename(name) != name:
            raise ConfigurationError(f"The name {name!r} of a task is no name of a file.")
    for name in own:
        require_finite(name)


def _ranked(
    task: Task,
    settings: Settings,
    own: Sequence[str],
    names: Sequence[str],
    records: Records,
    tell: Tell,
) -> TaskRanking:
    """Train all activations on a task."""
    prepared = prepare(task.model, task.data, SearchSpace.of(list(names)), settings, task.name)
    prepared = prepared.independent(check=TASKS.get(task.name) is not task)
    records.agree({"task": {task.name: _identity(task, prepared)}})
    asked = _asked(prepared, names, seeds_for(settings).confirmation)
    ledger = records.ledger(task.name)
    missing = [training for training in asked if ledger.find(training) is None]
    tell(task.name, len(asked) - len(missing))
    if missing:
        stack = stack_for(prepared.task, settings, prepared.plan.variables)
        with executor_for(prepared.task, settings) as executor:
            with Trainings(executor, prepared.task, ledger, lambda done: tell(task.name, 1), stack) as todo:
                todo.run(missing)
    found = [ledger.find(training) for training in asked]
    by_name = {name: [t for t in found[place :: len(names)] if t] for place, name in enumerate(names)}
    if all(training.raised for training in by_name[REFERENCE]):
        raise SearchFailedError(f"{task.name}: no ReLU network trained: {by_name[REFERENCE][0].error}")
    return TaskRanking(
        name=task.name, metric=task.monitor, mode=settings.direction, own=own, trainings=by_name
    )


def _asked(prepared: Prepared, names: Sequence[str], seeds: Sequence[int]) -> list[Training]:
    """Return the trainings, all activations on the first seed first."""
    variables = prepared.plan.variables
    uniform = {name: variables.uniform(name) for name in names}
    for name, assignment in uniform.items():
        if missing := [path for path, choice in assignment.items() if choice.activation != name]:
            raise ConfigurationError(f"{prepared.plan.task}: {name} may not stand at {missing[0]}.")
    return [
        Training(phase="confirmation", label=name, assignment=uniform[name], seed=seed)
        for seed in seeds
        for name in names
    ]


def _identity(task: Task, prepared: Prepared) -> dict[str, Any]:
    """Return what must stay the same from one call to the next."""
    trainer = {
        f"trainer.{key}": value if isinstance(value, _PLAIN) else type(value).__name__
        for key, value in sorted(task.trainer.items())
    }
    layers = ", ".join(path for variable in prepared.plan.variables for path in variable.layers)
    return {
        "monitor": task.monitor,
        "mode": prepared.plan.settings.direction,
        **trainer,
        "layers": layers,
        **prepared.fingerprint(),
    }


@contextmanager
def _progress(activations: int, seeds: int, tasks: int, quiet: bool) -> Iterator[Tell]:
    """Say how many trainings there are, and show a bar; where nobody watches a terminal, a line a task.

    Args:
        activations: How many.
        seeds: How many.
        tasks: How many.
        quiet: Whether to print nothing.
    """
    each = activations * seeds
    console = Console(highlight=False, soft_wrap=True, force_jupyter=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden, done = quiet or not console.is_terminal, Counter[str]()
    if not quiet:
        known = {"activation": activations, "seed": seeds, "task": tasks}
        product = " x ".join(counted(number, noun) for noun, number in known.items())
        console.print(f"{product}: {each * tasks} trainings", markup=False)
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        shown = progress.add_task("ranking", total=each * tasks)

        def tell(task: str, more: int) -> None:
            done[task] += more
            progress.update(shown, description=task, advance=more)
            if hidden and not quiet and done[task] == each:
                console.print(f"{task}: trained, {done.total()} of {each * tasks} are done", markup=False)

        yield tell

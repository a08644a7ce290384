"""Second goal of a search: what assignments cost, and the front of value and cost that was confirmed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from autoact.records._comparison import Comparison
from autoact.records._json import plain, typed
from autoact.records._training import Value
from autoact.spaces import Assignment

Goal = Literal["latency", "size"]
T = TypeVar("T")
_FOLDER = "front"  # of a run directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Cost of every assignment, known before the search: the original's, and what each activation changes.

    Attributes:
        goal: What is to become small.
        unit: Unit of it, in words.
        original: Of the model as it is.
        differences: By layer path and activation, what it costs more than the layer's own; these add up.

    Example:
        >>> added = {"a": {"relu": 0.0, "gelu": 0.5}}
        >>> costs = Costs(goal="latency", unit="ms", original=2.0, differences=added)
        >>> costs.of(Assignment({"a": "gelu"})), costs.range
        (2.5, (2.0, 2.5))
    """

    goal: Goal
    unit: str
    original: float
    differences: Mapping[str, Mapping[str, float]]

    @classmethod
    def read(cls, data: Any) -> "Costs | None":
        """Return what config.yaml holds; None where there is no second goal.

        Raises:
            ValueError: It has another form.
        """
        found: Costs | None = None if data is None else typed(cls, data)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for config.yaml."""
        said: dict[str, Any] = plain(self)
        return said

    def of(self, assignment: Assignment) -> float:
        """Return the cost of a model; layers that an assignment does not name stay as they are."""
        return self.original + sum(self.change(path, c.activation) for path, c in assignment.items())

    def change(self, path: str, activation: str) -> float:
        """Return what an activation changes in a layer."""
        return self.differences[path][activation]

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest cost that there are."""
        known = [own.values() for own in self.differences.values()]
        low, high = (self.original + sum(map(f, known)) for f in (min, max))
        return low, high


@dataclass(frozen=True, slots=True, kw_only=True)
class CostDifference:
    """What a whole finalized model costs, beside the original.

    Attributes:
        value: Of the model.
        difference: Model − original; below 0 is better.
        interval: Of the difference; of a size, which is exact, both ends are the difference.

    Example:
        >>> CostDifference(value=1.5, difference=-0.5, interval=(-0.75, -0.25)).found
        'lower'
    """

    SAID: ClassVar = ("found",)

    value: float
    difference: float
    interval: tuple[float, float]

    @property
    def found(self) -> Literal["lower", "higher", "same", "undecided"]:
        """What the interval allows to say."""
        low, high = self.interval
        if low == high == 0:
            return "same"
        return "lower" if high < 0 else "higher" if low > 0 else "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """A model that nothing the search tried was believed to beat in value and cost.

    Attributes:
        file: Its assignment, in the run directory.
        layers: The same.
        hyperparameters: Values of those that were searched.
        chosen: Whether it is the selected model, which the verdict is about.
        expected: Its cost as the search added it up.
        compared: Its value on the comparison data with the original's.
        cost: Its cost with the original's; None where the model could not be measured.

    Example:
        >>> same = Comparison(
        ...     name="original", difference=0.0, ci95=(0.0, 0.0), p_value=1.0, detectable=0.0, pairs=5
        ... )
        >>> layers = Assignment({"a": "relu"})
        >>> FrontPoint(file="front/1.yaml", layers=layers, expected=1.5, compared=same).value
        'same'
    """

    SAID: ClassVar = ("value",)

    file: str
    layers: Assignment
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    chosen: bool = False
    expected: float
    compared: Comparison
    cost: CostDifference | None = None

    @property
    def value(self) -> Literal["better", "worse", "same", "undecided", "unknown"]:
        """What the interval of the difference in value allows to say."""
        low, high = self.compared.ci95
        if self.compared.too_few or isnan(low) or isnan(high):
            return "unknown"
        if low == high == 0:
            return "same"
        if self.compared.verdict == "improved":
            return "better"
        return "worse" if high < 0 else "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Front of value and cost: the selected model and cheaper ones, each compared with the original.

    Attributes:
        goal: The second goal.
        unit: Unit of the cost.
        level: Confidence with which all intervals of the front hold at once.
        original: Cost of the original, measured beside the others.
        points: The cheapest first.
        unmeasured: Why the whole models could not be measured; "" where they were.
        tried: Cost of all that was tried as the search added it up, by key (`model_key`).

    Example:
        >>> Front(goal="size", unit="learnable parameters", level=0.95, original=120.0, points=()).goal
        'size'
    """

    goal: Goal
    unit: str
    level: float
    original: float
    points: tuple[FrontPoint, ...]
    unmeasured: str = ""
    tried: Mapping[str, float] = field(default_factory=dict)


def on_front(items: Iterable[T], place: Callable[[T], tuple[float, float]]) -> list[T]:
    """Return the items that no other one is as good and as cheap as, the cheapest first.

    Args:
        items: Models, or what stands for them.
        place: Cost and value of an item; of both, smaller is better.

    Example:
        >>> on_front([(2, 0.5), (1, 0.9), (3, 0.7)], place=lambda item: item)
        [(1, 0.9), (2, 0.5)]
    """
    found: list[T] = []
    for each in sorted(items, key=place):
        if not found or place(each)[1] < place(found[-1])[1]:
            found.append(each)
    return found


def front_checkpoint(run: Path, number: int | str) -> Path:
    """Return where a model of the front is kept, as the first confirmation seed trained it.

    Args:
        run: The run directory.
        number: Of the model, from 1; its assignment is front/NUMBER.yaml.

    Example:
        >>> front_checkpoint(Path("run"), 1).as_posix()
        'run/checkpoints/front-1.ckpt'
    """
    return run / "checkpoints" / f"{_FOLDER}-{number}.ckpt"


def write_front(run: Path, assignments: Sequence[Assignment]) -> list[str]:
    """Write the assignments of a front for people, and remove those of an earlier one.

    Args:
        run: The run directory.
        assignments: The cheapest first.

    Returns:
        Names of the files, in the run directory.

    Raises:
        ConfigurationError: The place cannot be written.

    Example:
        >>> import tempfile
        >>> run = Path(tempfile.mkdtemp())
        >>> write_front(run, [Assignment({"a": "relu"}), Assignment({"a": "tanh"})])
        ['front/1.yaml', 'front/2.yaml']
        >>> print(Assignment.load(run / "front/2.yaml"))
        a=tanh
    """
    folder = run / _FOLDER
    folder.mkdir(exist_ok=True)
    names = [f"{number}.yaml" for number in range(1, len(assignments) + 1)]
    for number, (name, assignment) in enumerate(zip(names, assignments, strict=True), 1):
        Assignment(dict(assignment.items()), name=f"front {number}").save(folder / name)
    for file in folder.glob("*.yaml"):
        if file.name not in names:
            file.unlink()
            front_checkpoint(run, file.stem).unlink(missing_ok=True)
    return [f"{_FOLDER}/{name}" for name in names]

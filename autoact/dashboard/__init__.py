"""Dashboard in TensorBoard, with the widgets of report.html; imports nothing of the package."""

from typing import TYPE_CHECKING, Any

from autoact.dashboard._found_records import NAME, find_records, layer_of, read_record
from autoact.dashboard._pages import embedded, script, style, widgets

if TYPE_CHECKING:
    from autoact.dashboard._plugin import DashboardPlugin

__all__ = [
    "NAME",
    "DashboardPlugin",
    "embedded",
    "find_records",
    "layer_of",
    "read_record",
    "script",
    "style",
    "widgets",
]


def __getattr__(name: str) -> Any:
    """Load the plugin, and with it TensorBoard, when it is asked for."""
    if name == "DashboardPlugin":
        from autoact.dashboard._plugin import DashboardPlugin

        return DashboardPlugin
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

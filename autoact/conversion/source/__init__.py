"""Source of users' classes: calls of activations found in it, and rewritten to call layers."""

from autoact.conversion.source._call_arguments import has_settings, input_may_be_seen, with_settings
from autoact.conversion.source._call_sites import Call, Site, reached, uses
from autoact.conversion.source._calls import (
    called_module,
    can_open,
    divided_uses,
    function_calls,
    held_calls,
    open_at,
    separate_uses,
    settings_trouble,
)
from autoact.conversion.source._data_flow import PART, Made, flow
from autoact.conversion.source._in_place_changes import ARGUMENT, in_place_changes
from autoact.conversion.source._methods import Method, methods
from autoact.conversion.source._notices import notices
from autoact.conversion.source._range_uses import RangeUse, range_uses
from autoact.conversion.source._rewriting import Opened, opened, own_class

__all__ = [
    "ARGUMENT",
    "PART",
    "Call",
    "Made",
    "Method",
    "Opened",
    "RangeUse",
    "Site",
    "called_module",
    "can_open",
    "divided_uses",
    "flow",
    "function_calls",
    "has_settings",
    "held_calls",
    "in_place_changes",
    "input_may_be_seen",
    "methods",
    "notices",
    "open_at",
    "opened",
    "own_class",
    "range_uses",
    "reached",
    "separate_uses",
    "settings_trouble",
    "uses",
    "with_settings",
]

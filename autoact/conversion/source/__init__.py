"""Source of users' classes: calls of activations found in it, and rewritten to call layers."""

from autoact.conversion.source._call_arguments import (
    VIEWS,
    choice_of,
    choice_of_held,
    has_settings,
    inplace_argument,
    input_may_be_seen,
    input_of,
    with_settings,
)
from autoact.conversion.source._call_sites import Call, Site, activation_of, reached, sites, uses
from autoact.conversion.source._calls import (
    called_module,
    can_open,
    divided_uses,
    factor_calls,
    function_calls,
    held_calls,
    open_at,
    separate_uses,
    settings_trouble,
)
from autoact.conversion.source._methods import Method, methods, of_library
from autoact.conversion.source._notices import lines_of, notices
from autoact.conversion.source._outside_calls import outside_calls
from autoact.conversion.source._rewriting import (
    Opened,
    forget_originals,
    keep_original,
    leave_open,
    let_copy,
    opened,
    originals,
    own_class,
    site_of,
)
from autoact.conversion.source._unseen_calls import unseen_calls

__all__ = [
    "VIEWS",
    "Call",
    "Method",
    "Opened",
    "Site",
    "activation_of",
    "called_module",
    "can_open",
    "choice_of",
    "choice_of_held",
    "divided_uses",
    "factor_calls",
    "forget_originals",
    "function_calls",
    "has_settings",
    "held_calls",
    "inplace_argument",
    "input_may_be_seen",
    "input_of",
    "keep_original",
    "leave_open",
    "let_copy",
    "lines_of",
    "methods",
    "notices",
    "of_library",
    "open_at",
    "opened",
    "originals",
    "outside_calls",
    "own_class",
    "reached",
    "separate_uses",
    "settings_trouble",
    "site_of",
    "sites",
    "unseen_calls",
    "uses",
    "with_settings",
]

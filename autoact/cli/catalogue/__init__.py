"""Catalogue of activations: `autoact list` and `autoact show`; texts that were kept need no formulas."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.cli.catalogue._listing import kept

if TYPE_CHECKING:
    from autoact.cli.catalogue._catalogue import facts_text, listing, listing_json, load_module

__all__ = ["facts_text", "kept", "listing", "listing_json", "load_module"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(
        __name__,
        __all__,
        dict.fromkeys(
            ("facts_text", "listing", "listing_json", "load_module"), "autoact.cli.catalogue._catalogue"
        ),
    )

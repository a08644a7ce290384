"""Integrations: what other packages need beyond `convert`, `apply` and registry names.

Each is loaded on first use, so that none of the packages has to be installed.
"""

from typing import TYPE_CHECKING, Any

from autoact._names import public_names
from autoact.errors import needs

if TYPE_CHECKING:
    from autoact.integrations._transformers_callback import TransformersCallback

__all__ = ["TransformersCallback"]

if not TYPE_CHECKING:
    _load, __dir__ = public_names(
        __name__, __all__, {"TransformersCallback": "autoact.integrations._transformers_callback"}
    )

    def __getattr__(name: str) -> Any:
        """Load an integration on first use (PEP 562)."""
        with needs("transformers", f"autoact.integrations.{name}"):
            return _load(name)

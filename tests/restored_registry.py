"""Registry of activations, as it was, after every test: what one registers changes no other. A plugin."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module", autouse=True)
def registry_outside_this_module() -> Iterator[None]:
    """Undo what fixtures of a module register for all its tests."""
    yield from _restored()


@pytest.fixture(autouse=True)
def registry_outside_this_test(registry_outside_this_module: None) -> Iterator[None]:
    """Undo what one test registers, a docstring's among them."""
    yield from _restored()


def _restored() -> Iterator[None]:
    from autoact.activations import _registry as registry  # here: tests/conftest.py sets threads before torch

    tables: tuple[dict[str, Any], ...] = (registry._registry, registry._aliases, registry._definitions)
    before = [dict(table) for table in tables]
    yield
    if all(len(table) == len(known) for table, known in zip(tables, before, strict=True)):
        return  # a name once taken is never given away: none was added
    for table, known in zip(tables, before, strict=True):
        table.clear()
        table.update(known)

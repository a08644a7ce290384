import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def brief(brief_searches: None) -> None:
    """Searches draw no figures; those of test_announcement.py do."""


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """Leave what the tests' process holds out of the collection after each training, as a search does."""
    gc.freeze()
    yield
    gc.unfreeze()

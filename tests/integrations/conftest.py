import pytest


@pytest.fixture(scope="module", autouse=True)
def brief(brief_searches: None) -> None:
    """Searches draw no figures."""

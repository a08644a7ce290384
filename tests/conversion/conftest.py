"""Choices of layers that tests move by hand, without a training that observes: derive may doubt them."""

import pytest


def pytest_itemcollected(item: pytest.Item) -> None:
    if "tests/conversion" in item.path.as_posix():
        item.add_marker(pytest.mark.filterwarnings("ignore::autoact.nn.DoubtfulChoiceWarning"))

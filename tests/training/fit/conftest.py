"""One training of a user's module."""

import pytest

from autoact.training import train
from tests.training.models import LENGTH


@pytest.fixture
def run(module, loaders):
    def call(make_module=module, data=loaders, **settings):
        defaults = {"seed": 1, "monitor": "val_loss", "trainer": LENGTH}
        return train(make_module, data, **{**defaults, **settings})

    return call

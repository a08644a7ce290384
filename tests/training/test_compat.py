import logging
import os
import random
import signal
import sys
import warnings

import numpy as np
import pytest
import torch

from autoact.training.compat import plain_interrupt, restored_randomness, silence


def test_levels_come_back_even_after_an_error():
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    with pytest.raises(KeyError), silence():
        assert logger.level == logging.ERROR
        raise KeyError
    assert logger.level == before


def test_warnings_of_the_users_code_still_show():
    with silence(), pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)


def drawn():
    """What the three generators draw next; they are put back by drawing in a copy of their state."""
    state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    values = random.random(), float(np.random.rand()), float(torch.rand(()))
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
    return values


def test_random_state_and_environment_come_back(monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    before = drawn()
    with restored_randomness():
        random.seed(12345), np.random.seed(12345), torch.manual_seed(12345)
        os.environ.update(PL_GLOBAL_SEED="1", PL_SEED_WORKERS="1")
        assert all(a != b for a, b in zip(drawn(), before, strict=True))
    assert drawn() == before
    assert os.environ["PL_GLOBAL_SEED"] == "5"
    assert "PL_SEED_WORKERS" not in os.environ


def test_an_interrupt_is_an_interrupt_again():
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), plain_interrupt():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:  # what Lightning's Trainer does
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            sys.exit(1)
    assert signal.getsignal(signal.SIGINT) is handler


def test_other_exits_stay_exits():
    with pytest.raises(SystemExit), plain_interrupt():
        sys.exit(3)

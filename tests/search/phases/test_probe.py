import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import autoact
from autoact.errors import DataError, SearchFailedError
from autoact.search.trainings import raised
from tests.search.models import SMALLEST, Curve, CurveData


def raised_in(file: Path) -> Exception:
    """Return what a function raises whose file is that."""
    namespace: dict[str, object] = {}
    exec(compile("\ndef step():\n    raise ValueError('no')\n", str(file), "exec"), namespace)
    try:
        namespace["step"]()  # type: ignore[operator]
    except ValueError as error:
        return error
    raise AssertionError("it raises")


HERE = Path(__file__)  # the frame that calls is a user's, too


@pytest.mark.parametrize(
    ("file", "named"),
    [
        (Path("/home/me/autoact/model.py"), True),
        (Path("/home/me/model.py"), True),
        (Path("/usr/lib/python3/site-packages/lightning/module.py"), False),
        (Path(autoact.__file__).parent / "nn" / "_auto.py", False),
    ],
    ids=["a folder called autoact", "any folder", "a library", "autoact itself"],
)
def test_the_place_that_is_told_is_in_the_users_code(file: Path, named: bool) -> None:
    told = raised("It fails", raised_in(file))
    assert told.startswith("It fails: ValueError: no (")
    assert (str(file) in told) is named
    assert (str(HERE) in told) is not named


class Leaving(Curve):
    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        if isinstance(self.net[1], nn.Tanh):
            sys.exit(0)
        return super().training_step(batch, batch_idx)


class NoData(CurveData):
    def setup(self, stage: str) -> None:
        sys.exit(0)


def test_an_exit_of_the_users_code_is_no_success(tmp_path: Path) -> None:
    """Its status would be that of a search that is done."""
    with pytest.raises(SearchFailedError, match=r"with searched activations it does not: SystemExit: 0 \("):
        autoact.run_search(Leaving, CurveData, out=tmp_path / "a", **{**SMALLEST, "space": ["tanh"]})
    with pytest.raises(DataError, match="The data cannot be loaded: SystemExit: 0"):
        autoact.run_search(Curve, NoData, out=tmp_path / "b", **SMALLEST)

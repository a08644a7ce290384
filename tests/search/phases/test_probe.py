from pathlib import Path

import pytest

import autoact
from autoact.search.trainings import raised


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

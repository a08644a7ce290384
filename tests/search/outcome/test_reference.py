"""A reference is named, and one that fails costs no verdict."""

from autoact.records import Reference
from autoact.search.outcome import measured


def test_what_is_measured_is_returned() -> None:
    assert measured(None, "val_loss") is None
    found = Reference(name="the mean", value=0.5)
    assert measured(lambda metric: found if metric == "val_loss" else None, "val_loss") is found  # type: ignore[arg-type,return-value]


def test_what_raises_or_is_no_reference_is_told() -> None:
    def raising(metric: str) -> Reference:
        raise OSError(f"no {metric}")

    found = measured(raising, "val_loss")
    assert found is not None
    assert found.why_not == "OSError: no val_loss"
    number = measured(lambda metric: 0.5, "val_loss")  # type: ignore[arg-type,return-value]
    assert number is not None
    assert number.why_not == "TypeError: expected an autoact.records.Reference, got 0.5"

"""What the columns of a table become."""

import numpy as np
import pytest

from autoact.errors import DataError
from autoact.tabular.columns._columns import Categories, Dates, Numbers
from autoact.tabular.columns._encoding import fit_encoding
from autoact.tabular.columns._scale import Scale
from autoact.tabular.columns._target import read_target
from autoact.tabular.files._cells import NUMBER_FORMS

ROWS = 40
NUMBER = [str(0.5 * i % 7) for i in range(ROWS)]


def kind_of(cells: list[str], name: str = "x") -> object:
    """Return the encoder of a column that stands beside a plain one, or why it was left out."""
    encoding = fit_encoding([name, "other"], [cells, NUMBER])
    left = [out.reason for out in encoding.left_out if out.name == name]
    return left[0] if left else encoding.encoders[0][1]


@pytest.mark.parametrize(
    "cells",
    [
        [f"{i / 3}" for i in range(ROWS)],
        [f"{i / 3}".replace(".", ",") for i in range(ROWS)],
        [f"{1000 * i + 0.5:,}" for i in range(ROWS)],
        [f"${i}.50" for i in range(ROWS)],
        [f"₹ {i},000" for i in range(1, ROWS)] * 2,
        [f"{i}.50 EUR" for i in range(ROWS)],
        [f"{i % 9} %" for i in range(ROWS)],
        [f"{i}e-3" for i in range(ROWS)],
        ["7" if i % 2 else "-inf" for i in range(ROWS)],
    ],
)
def test_numbers_in_many_forms(cells: list[str]) -> None:
    encoder = kind_of(cells)
    assert isinstance(encoder, Numbers)
    assert encoder.labels == ("x",)
    coded = encoder.encode(cells)
    assert np.isfinite(coded).all()
    assert coded.std() > 0.3


def test_missing_and_strange_cells_are_told_beside_the_number() -> None:
    cells = ["?", "n/a", "abc", *NUMBER[3:]]
    encoding = fit_encoding(["x"], [cells])
    assert encoding.labels == ("x", "x is missing")
    assert encoding.encode([cells])[:4, 1].tolist() == [1, 1, 1, 0]
    assert encoding.encode([cells])[:3, 0].tolist() == [0, 0, 0]
    assert encoding.notes == ("column 'x': 1 of 40 cells is no number ('abc') and counts as missing",)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%S", "%m/%d/%Y %H:%M", "%b %d, %Y"])
def test_dates(form: str) -> None:
    days = np.arange("2021-01-28", "2023-01-28", 18, dtype="datetime64[D]")[:ROWS].tolist()
    encoder = kind_of([day.strftime(form) for day in days])
    assert isinstance(encoder, Dates)
    assert encoder.cycles == ("year", "week")
    coded = encoder.encode([day.strftime(form) for day in days] + [""])
    assert (np.diff(coded[:-1, 0]) > 0).all()
    assert coded[-1].tolist() == [0] * 5
    assert np.allclose(coded[:-1, 1] ** 2 + coded[:-1, 2] ** 2, 1)


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("x", ["3"] * ROWS, "it is constant"),
        ("x", ["3.0", "3"] * (ROWS // 2), "it is constant"),
        ("x", ["a"] * ROWS, "it is constant"),
        ("x", ["", "NA"] * (ROWS // 2), "it is empty"),
        ("x", [f"note {i}" for i in range(ROWS)], "nearly every row has its own text"),
        ("x", [str(i) for i in range(ROWS)], "it numbers the rows"),
        ("x", [str(i + 1) for i in reversed(range(ROWS))], "it numbers the rows"),
        ("CustomerId", [str(7919 * i % 100003) for i in range(ROWS)], "it numbers the rows"),
        (
            "x",
            [f"{i}.5 kmpl" for i in range(ROWS)],
            "its numbers have a unit, as in '0.5 kmpl'; write them without it",
        ),
        ("customer_id", [str(7919 * i % 100003) for i in range(ROWS)], "it numbers the rows"),
        ("x", ["2024-01-01", "2024-01-01T00:00:00"] * (ROWS // 2), "it is constant"),
    ],
)
def test_columns_that_tell_nothing_are_left_out(name: str, cells: list[str], reason: str) -> None:
    assert kind_of(cells, name) == reason


def test_whole_numbers_that_repeat_or_leave_gaps_are_inputs() -> None:
    assert isinstance(kind_of([str(i % 30) for i in range(ROWS)]), Numbers)
    assert isinstance(kind_of([str(i * i) for i in range(ROWS)]), Numbers)
    assert isinstance(kind_of([str(1900 + i) for i in range(ROWS)], "year"), Numbers)


def test_a_counter_is_an_input_where_there_is_no_other() -> None:
    cells = [str(i) for i in range(ROWS)]
    assert fit_encoding(["x", "same"], [cells, ["1"] * ROWS]).labels == ("x",)


def test_categories_keep_frequent_levels_and_pool_the_rest() -> None:
    cells = ["red", "blue", "red", "green", "blue", ""] * 6 + ["rare 1", "rare 2", "red", "red"]
    encoder = kind_of(cells)
    assert isinstance(encoder, Categories)
    assert encoder.labels == ("x=red", "x=blue", "x=green", "x=(missing)", "x=(other)")
    assert encoder.encode(["red", "never seen", "?"]).tolist() == [
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 1, 0],
    ]
    closed = Categories("x", ("red", "blue"), others=False)
    assert closed.encode(["blue", "never seen"]).tolist() == [[0, 1], [0, 0]]


def test_huge_cardinality_stays_bounded() -> None:
    cells = [f"street {i % 400}" for i in range(1200)]
    encoding = fit_encoding(["x"], [cells])
    assert len(encoding.labels) == 33
    assert encoding.encode([cells]).shape == (1200, 33)


def test_nothing_of_use_is_refused_with_reasons() -> None:
    with pytest.raises(DataError, match=r"no column to learn from \('a': it is constant; 'b': it is empty\)"):
        fit_encoding(["a", "b"], [["1"] * 9, [""] * 9])


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e30, 1e300])
def test_scale_is_bounded_monotone_and_blind_to_outliers(unit: float) -> None:
    numbers = unit * np.linspace(-1, 1, 101)
    scaled = Scale.of(numbers)(np.array([-np.inf, *numbers, np.inf, np.nan]))
    assert np.isfinite(scaled).all()
    assert (np.diff(scaled[:-1]) > 0).all()
    assert np.abs(scaled).max() <= 3
    assert scaled[-1] == 0
    spoiled = Scale.of(np.array([*numbers, 1e5 * unit]))
    assert spoiled.unit == pytest.approx(Scale.of(numbers).unit, rel=0.05)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1,200", 1200),
        ("-1,234,567.5", -1234567.5),
        ("$1,200.50", 1200.5),
        ("12 %", 12),
        ("1e3", 1000),
        ("−3.5", -3.5),
        ("-$3", -3),
        ("(12.5)", -12.5),
        ("1'234.5", 1234.5),
        ("1\u202f234 567", 1234567),
        ("0,300", None),
        ("1 23", None),
        ("1,2", None),
        ("1,20", None),
        ("12,3456", None),
        ("1.5,200", None),
        ("1_000", None),
        ("$1_000", None),
        ("", None),
        ("$", None),
        ("1 2", None),
    ],
)
def test_a_cell_is_a_number_or_not(cell: str, number: float | None) -> None:
    assert NUMBER_FORMS["plain"](cell) == number


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1,5", 1.5),
        ("1.234,5", 1234.5),
        (",5", 0.5),
        ("-1,5e2", -150),
        ("12,50 €", 12.5),
        ("1\u00a0234,5", 1234.5),
        ("7", 7),
        ("a,5", None),
    ],
)
def test_a_cell_with_a_decimal_comma(cell: str, number: float | None) -> None:
    assert NUMBER_FORMS["decimal comma"](cell) == number


@pytest.mark.parametrize(("comma", "largest"), [(True, 3.141), (False, 3141)])
def test_where_semicolons_separate_a_comma_is_decimal(comma: bool, largest: float) -> None:
    """Three digits behind each comma are thousands otherwise, and predictions 1,000 times as large."""
    cells = [f"{i},141" for i in (1, 2, 3)]
    assert read_target("y", cells, comma=comma).y.max() == largest
    ((_, encoder),) = fit_encoding(["x"], [cells], comma=comma).encoders
    assert isinstance(encoder, Numbers)
    assert encoder.form == ("decimal comma" if comma else "plain")


def test_a_date_that_may_be_read_in_two_orders_is_told() -> None:
    cells = [f"{1 + i % 12:02d}/{1 + i % 7:02d}/2024" for i in range(ROWS)]
    note = "column 'x' is read as %d/%m/%Y; %m/%d/%Y would fit as well"
    assert fit_encoding(["x"], [cells]).notes == (note,)
    assert fit_encoding(["x"], [[*cells[1:], "31/01/2024"]]).notes == ()


@pytest.mark.parametrize(
    ("cells", "form", "cycles"),
    [
        (
            [f"20{20 + i % 3}{1 + i % 12:02d}{1 + i % 28:02d}" for i in range(ROWS)],
            "ISO 8601",
            ("year", "week"),
        ),
        ([f"20{20 + i % 3}-{1 + i % 12:02d}" for i in range(ROWS)], "%Y-%m", ("year", "week")),
        ([f"{i % 24:02d}:{i % 60:02d}" for i in range(ROWS)], "%H:%M", ("day",)),
    ],
)
def test_dates_without_separators_months_and_times_of_day(
    cells: list[str], form: str, cycles: object
) -> None:
    encoder = kind_of(cells)
    assert isinstance(encoder, Dates)
    assert (encoder.form, encoder.cycles) == (form, cycles)


def test_eight_digits_that_are_no_days_are_numbers() -> None:
    assert isinstance(kind_of([str(20191301 + 7 * i) for i in range(ROWS)]), Numbers)
    assert isinstance(kind_of([str(20190101 + 7 * i) for i in range(ROWS)]), Numbers)


def test_where_commas_are_decimal_dots_may_be_thousands() -> None:
    """12.345 inhabitants are not twelve; a density of 0.998 stays what it is."""
    encoding = fit_encoding(["x"], [["12.345", "987", "1.234.567"]], comma=True)
    ((_, encoder),) = encoding.encoders
    assert isinstance(encoder, Numbers)
    assert encoder.scale.center == 12345
    assert encoding.notes[0].startswith("column 'x': dots are thousands (12.345), because")
    ((_, kept),) = fit_encoding(["x"], [["12.345", "0.987", "1.234"]], comma=True).encoders
    assert isinstance(kept, Numbers)
    assert kept.scale.center == 1.234


def test_a_few_names_with_numbers_among_them_are_categories() -> None:
    """As 0, 1, 2 and 3+ children: read as numbers, 3+ would be missing."""
    encoder = kind_of(["0", "1", "2", "0", "1", "2", "0", "1", "0", "3+"] * 4)
    assert isinstance(encoder, Categories)
    assert set(encoder.levels) == {"0", "1", "2", "3+"}


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        ([*NUMBER[4:], *["-999"] * 4], "-999 stands in 4 of 40 cells, far from all others (0 to 6.5)"),
        ([*NUMBER[3:], *["99999"] * 3], "99999 stands in 3 of 40 cells, far from all others (0 to 6.5)"),
        ([*NUMBER[2:], "inf", "inf"], "2 of 40 numbers are infinite and count as the utmost"),
        (
            [*[str(i % 13 / 3) for i in range(26)], *["unknown"] * 14],
            "is read as categories: 35% of its cells are text ('unknown'), the others numbers",
        ),
        (
            [f"town {i % 36}" for i in range(80)],
            "its 32 most frequent texts are told apart, the 4 others are not",
        ),
    ],
)
def test_guesses_are_told(cells: list[str], note: str) -> None:
    (told,) = fit_encoding(["x"], [cells]).notes
    assert note in told


@pytest.mark.parametrize("wild", [["-999"], ["70", "71", "72"], ["700"] * 4])
def test_outliers_that_are_no_codes_are_not_told(wild: list[str]) -> None:
    assert fit_encoding(["x"], [[*NUMBER, *wild]]).notes == ()

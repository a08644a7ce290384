"""A file is read as people save it, or refused in one line that says where and why."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pytest

from autoact.errors import DataError
from autoact.tabular import read_table


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


@pytest.mark.parametrize(
    ("text", "names", "first"),
    [
        ("a,b\n1,2\n3,4\n", ("a", "b"), ("1", "3")),
        ("a;b\n1,5;2\n3,5;4\n", ("a", "b"), ("1,5", "3,5")),
        ("a;b;c\n1,5;2,5;x\n3,5;4,5;y\n", ("a", "b", "c"), ("1,5", "3,5")),
        ("a\tb\n1,5\t2,5\n", ("a", "b"), ("1,5",)),
        ("a|b\n1|2\n", ("a", "b"), ("1",)),
        ("a b\n1   2\n 3 4\n", ("a", "b"), ("1", "3")),
        ("1,2\n3,4\n", ("1", "2"), ("1", "3")),
        ("M,2\nF,4\n", ("1", "2"), ("M", "F")),
        ("sex,town\nM,Ulm\nF,Bonn\nM,Ulm\n", ("sex", "town"), ("M", "F", "M")),
        ("M,Ulm\nF,Bonn\nM,Ulm\n", ("1", "2"), ("M", "F", "M")),
        ('a,b\n"x, y",2\n"two\nlines",4\n', ("a", "b"), ("x, y", "two\nlines")),
        ("# made by hand\n\na,b\n1,2\n\n", ("a", "b"), ("1",)),
        ("sep=;\na;b\n1;2\n", ("a", "b"), ("1",)),
        ("a,b\r\n1,2\r\n", ("a", "b"), ("1",)),
        (" a , b \n 1 , 2 \n", ("a", "b"), ("1",)),
        ("a,a,,b\n1,2,3,4\n", ("a", "a.1", "column 3", "b"), ("1",)),
        (",b\n0,2\n1,3\n", ("column 1", "b"), ("0", "1")),
        ("a,b\n1,2,\n3,4,\n", ("a", "b"), ("1", "3")),
        ("% of a lab\n% in 2020\na,b\n1,2\n", ("a", "b"), ("1",)),
        ('8   130.0 \t"ford torino"\n4   90.5  \t"fiat 128"\n', ("1", "2", "3"), ("8", "4")),
        ("first name\tage\nJo Ann\t7\nAl Bo\t9\n", ("first name", "age"), ("Jo Ann", "Al Bo")),
        ("b\tc\nrow1\t2\t3\nrow2\t4\t5\n", ("column 1", "b", "c"), ("row1", "row2")),
    ],
)
def test_separators_headers_and_oddities(
    file: Path, text: str, names: tuple[str, ...], first: tuple[str, ...]
) -> None:
    file.write_bytes(text.encode())
    table = read_table(file)
    assert table.names == names
    assert tuple(table.columns[0]) == first


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_encodings(file: Path, encoding: str) -> None:
    file.write_bytes("größe,preis\n1,2\n".encode(encoding))
    table = read_table(file)
    assert table.names == ("größe", "preis")
    assert bool(table.notes) == (encoding == "cp1252")


def zipped(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, "a,b\n1,2\n")
    return packed.getvalue()


@pytest.mark.parametrize(
    "packed",
    [*(pack(b"a,b\n1,2\n") for pack in (gzip.compress, bz2.compress, lzma.compress)), zipped("table.csv")],
    ids=["gzip", "bzip2", "xz", "zip"],  # packed files hold the time
)
def test_packed_files(file: Path, packed: bytes) -> None:
    file.write_bytes(packed)
    assert read_table(file).names == ("a", "b")


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (zipped("train.csv", "test.csv"), "holds 2 files (train.csv, test.csv). Unpack it and name one"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "is an Excel file, not text"),
    ],
    ids=["two files", "Excel"],
)
def test_a_zip_file_that_is_no_single_table_is_refused(file: Path, packed: bytes, said: str) -> None:
    file.write_bytes(packed)
    with pytest.raises(DataError) as refused:
        read_table(file)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "comma"),
    [
        ("a;b\n1.200;1,5\n850;2,5\n", True),
        ("a;b\n1.200;1,5\n850;0.25\n", False),
        ("a;b\n1.200;3\n0.85;4\n", False),
        ("a,b\n1.200,3\n850,4\n", False),
    ],
)
def test_commas_are_decimal_where_numbers_say_so(file: Path, text: str, comma: bool) -> None:
    file.write_text(text)
    assert read_table(file).comma is comma


def test_the_name_of_the_target_settles_the_header(file: Path) -> None:
    file.write_text("2019,2020\n1,2\n4,5\n")
    assert read_table(file).header is False
    assert read_table(file, "2020").names == ("2019", "2020")


def test_a_text_above_numbers_is_a_name_whatever_stands_beside_it(file: Path) -> None:
    """The target may be given as -1, and the first line must not become a row."""
    file.write_text("id,2019,2020,price\na1,1,2,3\na2,4,5,6\n")
    assert read_table(file, "-1").names == ("id", "2019", "2020", "price")


def test_columns_of_one_name_are_told_and_no_target_by_it(file: Path) -> None:
    file.write_text("a,y,y\n1,2,3\n4,5,6\n")
    table = read_table(file, "y")
    assert table.names == ("a", "y", "y.1")
    assert table.notes == ("several columns are called 'y': told apart as y, y.1",)
    with pytest.raises(DataError, match=r"several columns 'y'. Name it by its number: 2, 3\."):
        table.place("y")
    assert table.place("3") == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"# only a comment\n", "holds no rows"),
        (b"a,b\n", "has a header line and no rows below it"),
        (b"a,b,c\n1,2,3\n4,5\n6,7,8\n", "line 3: 2 cells where the first line has 3 (separated by ',')"),
        (b"a\tb\n1\t2\n3\t4\t5\n", "line 3: 3 cells where the first line has 2 (separated by tabs)"),
        (b"PK\x03\x04 broken", "cannot be read"),
        (b"BZh broken", "cannot be read"),
        (b"<!DOCTYPE html>\n<html></html>\n", "is a web page, not a table"),
        (b'[{"a": 1, "y": 2}]\n', "is a JSON file, not a table"),
        (b"% flowers\n@RELATION iris\n", "is an ARFF file, not a table"),
        (b"PAR1....", "is a Parquet file"),
        (b"a,b\n1,\x00\x01\n", "holds zero bytes"),
        (b"\xff\xfea", "begins like utf-16 but is not"),
        (b"\x1f\x8bbroken", "cannot be read"),
        (b'a,b\n"' + b"x" * 200_000 + b"\n", "field larger than field limit"),
    ],
)
def test_what_is_no_table_is_refused(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError) as refused:
        read_table(file)
    assert said in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no file"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_table(tmp_path)

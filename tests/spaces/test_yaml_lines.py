import pytest

from autoact.errors import ConfigurationError
from autoact.spaces.files import Document, load, parse

TEXT = """\
model:
  init_args:
    lr: 1e-3
    rate: -2E+5
    name: 1e-3x
items:
  - a
  - {b: 2}
"""


def test_every_key_and_item_has_its_line():
    document = parse(TEXT, "run.yaml")
    assert document.line_of(()) == 1
    assert document.line_of(("model", "init_args", "rate")) == 4
    assert document.line_of(("items", 1)) == 8
    assert document.line_of(("items", 1, "b", "unknown")) == 8
    assert document.place(("items", 1, "b")) == "run.yaml, line 8, items[1].b"


def test_numbers_in_scientific_form_are_numbers():
    settings = parse(TEXT, "run.yaml").data["model"]["init_args"]
    assert settings == {"lr": 1e-3, "rate": -2e5, "name": "1e-3x"}


def test_data_without_a_file_have_a_place_without_a_line():
    assert Document(data={"a": 1}, source="argument").place(("a",)) == "argument, a"


@pytest.mark.parametrize("text", ["a: {b: 1}\na: 2\n", "a:\n  b: 1\n  b: 2\n", "&x a: [*x, {k: 1, k: 2}]\n"])
def test_a_key_given_twice_is_an_error(text):
    with pytest.raises(ConfigurationError, match="is given twice"):
        parse(text, "run.yaml")


def test_a_document_that_contains_itself_is_an_error():
    with pytest.raises(ConfigurationError, match="in itself"):
        parse("a: &x [*x]\n", "run.yaml")


def test_files_that_are_not_text(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load(tmp_path / "binary.yaml")
    with pytest.raises(ConfigurationError, match="Is a directory"):
        load(tmp_path)
    with pytest.raises(ConfigurationError, match="not valid YAML"):
        parse("a: \x00", "run.yaml")

"""YAML that is made to harm: it is refused at once, in one line that says where, and nothing of it runs."""

import time

import pytest

from autoact.errors import ConfigurationError
from autoact.records import RunDirectory
from autoact.spaces import Assignment, SearchSpace
from autoact.spaces.files import load, parse


def repeated(first: str, again: str) -> str:
    """Return seven lines in which every line repeats the one before nine times."""
    steps = [again.format(n=n, before=", ".join([f"*a{n - 1}"] * 9)) for n in range(1, 9)]
    return "\n".join([f"a0: &a0 {first}", *steps]) + "\n"


HOSTILE = {
    "aliases": (
        repeated("[x, x]", "a{n}: &a{n} [{before}]"),
        "line 6.*aliases repeat more than 100,000 values",
    ),
    "merges": (repeated("{k: 1}", "a{n}: &a{n} {{<<: [{before}]}}"), "line 6.*aliases repeat"),
    "keys": (repeated("[x]", "a{n}: &a{n} [{{? [{before}] : 1}}]"), "aliases repeat"),
    "brackets": ("[" * 5000 + "]" * 5000, "line 1.*nested too deeply, more than 100 times"),
    "braces": ("{a: " * 5000 + "1" + "}" * 5000, "line 1.*nested too deeply"),
    "dashes": ("- " * 5000 + "1", "line 1.*nested too deeply"),
    "indents": ("\n".join(" " * n + "a:" for n in range(500)), "line 100.*nested too deeply"),
    "itself": ("a: &a {b: [*a]}", "line 1.*a stands in itself"),
    "hours": ("a: " + ":".join(["59"] * 5000), "line 1.*whole number of more than 4,000 digits"),
    "digits": ("a: " + "9" * 100_000, "digits"),
    "hexadecimal": ("a: 0x" + "f" * 100_000, "line 1.*4,000 digits"),
    "object": ("!!python/object/apply:os.system ['touch ran']", "constructor for the tag"),
    "name": ("a: !!python/name:os.system", "constructor for the tag"),
    "module": ("a: !!python/module:antigravity", "constructor for the tag"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_yaml_is_refused_at_once(kind, tmp_path, monkeypatch):
    text, complaint = HOSTILE[kind]
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "config.yaml"
    file.write_text(f"{text}\n...\n")
    for read in (load, Assignment.load, SearchSpace.load, lambda path: RunDirectory.open(path.parent)):
        began = time.process_time()
        with pytest.raises((ConfigurationError, OSError), match=complaint) as refused:
            read(file)
        assert time.process_time() - began < 5
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 500
    assert [each.name for each in tmp_path.iterdir()] == ["config.yaml"]


def test_a_file_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr("autoact.spaces.files._yaml_lines.LONGEST", 1000)
    monkeypatch.setattr("autoact.spaces.files._yaml_loader.LONGEST", 1000)
    with pytest.raises(
        ConfigurationError, match=r"/dev/zero: not valid YAML: 1,001 characters; at most 1,000"
    ):
        load("/dev/zero")


def test_aliases_of_ordinary_files_are_read():
    assert parse("a: &a {lr: 0.1}\nb: {<<: *a, n: 2}\nc: [*a, *a]\n", "f.yaml").data == {
        "a": {"lr": 0.1},
        "b": {"lr": 0.1, "n": 2},
        "c": [{"lr": 0.1}] * 2,
    }

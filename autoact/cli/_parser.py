"""Parser that complains in one line, with what all commands share: how they answer."""

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any, NoReturn

from autoact.errors import ConfigurationError, did_you_mean

# options that several commands have
MODULE: dict[str, Any] = {"metavar": "FILE", "help": "Python file that registers activations of yours"}
TARGET: dict[str, Any] = {"metavar": "COLUMN", "help": "column to predict: name, or number (-1: the last)"}
PROBLEM: dict[str, Any] = {
    "metavar": "classification|regression",
    "help": "decided by the target's values if left out",
}


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` whose errors are those of autoact."""

    def error(self, message: str) -> NoReturn:
        """Raise what the command line shows as one line with exit status 2."""
        first, _, unknown = message.partition(": ")
        hint = ""
        if first == "unrecognized arguments":
            hint = did_you_mean(unknown.split(maxsplit=1)[0], self._option_string_actions)
        elif found := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)$", message):
            hint = did_you_mean(found[1], re.findall(r"[\w-]+", found[2]))
        raise ConfigurationError(f"{message}; `{self.prog} --help` tells what it takes.{hint}")


def add_answer_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that every command has."""
    answer = parser.add_argument_group("the answer")
    answer.add_argument("--json", action="store_true", help="print one JSON object, all else on stderr")
    answer.add_argument(
        "--quiet", action="store_true", help="print the answer, and warnings, but no progress"
    )


def json_text(content: Mapping[str, Any]) -> str:
    """Return the one JSON object of a command; what is not finite becomes null."""
    from autoact.records import plain

    return json.dumps({"schema": 1, **plain(content)}, indent=2, allow_nan=False)


def print_json(content: Mapping[str, Any]) -> None:
    """Print the one JSON object of a command."""
    print(json_text(content))


@contextmanager
def kept_for_json(wanted: bool) -> Iterator[None]:
    """Send to stderr what anybody here prints, of libraries and of worker processes, too."""
    if not wanted:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)

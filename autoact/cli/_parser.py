"""Parser that complains in one line, as everything else here does."""

import argparse
from typing import NoReturn

from autoact.errors import ConfigurationError, did_you_mean


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` whose errors are those of autoact."""

    def error(self, message: str) -> NoReturn:
        """Raise what the command line shows as one line with exit status 2."""
        first, _, unknown = message.partition(": ")
        option = unknown.split(maxsplit=1)[0] if first == "unrecognized arguments" else ""
        hint = did_you_mean(option, self._option_string_actions) if option else ""
        raise ConfigurationError(f"{message}; `{self.prog} --help` tells what it takes.{hint}")

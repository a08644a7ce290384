"""Parser that complains in one line, as everything else here does."""

import argparse
from typing import NoReturn

from autoact.errors import ConfigurationError


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` whose errors are those of autoact."""

    def error(self, message: str) -> NoReturn:
        """Raise what the command line shows as one line with exit status 2."""
        raise ConfigurationError(f"{message}; `{self.prog} --help` tells what it takes.")

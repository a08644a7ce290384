"""Locations of search spaces: the wheel, a checkout, or wherever the user says."""

from pathlib import Path

from autoact.activations import get
from autoact.errors import ConfigurationError, UnknownActivationError, did_you_mean

_PACKAGE = Path(__file__).resolve().parents[2]
_SUFFIXES = (".yaml", ".yml")


def shipped_spaces() -> dict[str, Path]:
    """Return the file of every shipped space by name.

    Example:
        >>> "default" in shipped_spaces()
        True
    """
    homes = (_PACKAGE / "search_spaces", _PACKAGE.parent / "search_spaces")
    files = [path for home in homes for path in sorted(home.glob("*.yaml"))]
    return {path.stem: path for path in reversed(files)}


def find_space(name_or_path: str | Path) -> Path:
    """Return the file of a space.

    Args:
        name_or_path: A shipped space's name, or a path (ends in .yaml or .yml, or has a folder in it).

    Raises:
        ConfigurationError: No such space or file; lists the shipped names.
    """
    path, shipped = Path(name_or_path), shipped_spaces()
    if path.suffix in _SUFFIXES or len(path.parts) > 1:
        if not path.is_file():
            raise ConfigurationError(f"No search space file {str(path)!r}.")
        return path
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    _check_no_activation(str(name_or_path))
    names = ", ".join(sorted(shipped))
    raise ConfigurationError(
        f"No search space named {str(name_or_path)!r}; shipped: {names}; "
        f"a file is given by its path, such as ./mine.yaml.{did_you_mean(name_or_path, shipped)}"
    )


def _check_no_activation(name: str) -> None:
    """Complain about an activation's name in place of a list of them."""
    try:
        found = get(name).name
    except UnknownActivationError:
        return
    other = "relu" if found == "tanh" else "tanh"
    raise ConfigurationError(
        f"{name!r} is an activation, not a search space. Candidates are a list, such as "
        f"[{found!r}, {other!r}]."
    )

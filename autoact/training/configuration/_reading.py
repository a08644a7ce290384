"""Run configurations: the YAML that LightningCLI users have, plus `space:` and `search:`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L

from autoact.errors import AutoActError, ConfigurationError
from autoact.spaces import SearchSpace, parse_list, parse_space
from autoact.spaces.files import Document, load
from autoact.training._compat import silence
from autoact.training.configuration._cli_model import is_given, read_model
from autoact.training.configuration._component import (
    Component,
    arguments_of,
    check_arguments,
    make,
    parse,
    read_component,
)
from autoact.training.data import require_loaders
from autoact.training.fit import trainer_arguments

_KEYS = ("model", "data", "trainer", "optimizer", "lr_scheduler", "space", "search")
# What LightningCLI writes besides: null means "not used", anything else would silently change the training.
_FOREIGN = {
    "ckpt_path": "every training of a search starts from scratch",
    "seed_everything": "set search.seed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A checked run configuration.

    Attributes:
        model: Makes a fresh LightningModule, with the file's optimizer if it has one.
        data: Makes the LightningDataModule; None where the model makes its own loaders.
        trainer: Arguments of `lightning.Trainer`.
        space: The search space.
        search: Settings of the search that the file gives.
        document: The file, for messages about what is in it.
        folders: Folders from which the classes are imported.
    """

    model: Component
    data: Component | None
    trainer: Mapping[str, Any]
    space: SearchSpace
    search: Mapping[str, Any]
    document: Document
    folders: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, from which `read_configuration` makes an equal one."""
        return {
            "file": self.document.source,
            "folders": list(self.folders),
            "configuration": dict(self.document.data),
        }


def load_configuration(path: str | Path, settings: Iterable[str] | None = None) -> Configuration:
    """Read and check a run configuration; nothing is made yet.

    Classes are looked for in the file's folder, the current folder and the installed packages.

    Args:
        path: A YAML file with `model:`, `data:` (unless the model makes its own loaders), `trainer:` and, if
            wanted, `space:` and `search:`.
        settings: Keys that `search:` may have; None does not look at them.

    Returns:
        The configuration.

    Raises:
        ConfigurationError: If something in it is wrong; names file, line, key, value and remedy.
    """
    folders = tuple(dict.fromkeys([str(Path(path).resolve().parent), str(Path.cwd())]))
    return read_configuration(load(path), folders, settings)


def read_stored(source: Mapping[str, Any], run: Path) -> Configuration:
    """Check the configuration that a run keeps of itself; see `load_configuration`.

    Args:
        source: What `Configuration.to_dict` returned.
        run: The run directory, which is data: nothing is imported from it.

    Raises:
        ConfigurationError: It is of another form, its classes are in the run directory, or something in it is
            wrong.
    """
    file, folders, content = (source.get(name) for name in ("file", "folders", "configuration"))
    if (
        not isinstance(file, str)
        or not isinstance(folders, list)
        or not folders
        or not all(map(_is_text, folders))
    ):
        raise ConfigurationError(
            f"{run / 'config.yaml'}, source: expected file, folders and configuration; got {source!r:.60}."
        )
    for folder in folders:
        if Path(folder).resolve().is_relative_to(run.resolve()):
            raise ConfigurationError(
                f"{run / 'config.yaml'}, source.folders: {folder} is in the run directory, from which "
                "nothing is imported. Keep modules elsewhere, and start a new run there."
            )
    return read_configuration(Document(data=content, source=file), tuple(folders))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def read_configuration(
    document: Document, folders: tuple[str, ...], settings: Iterable[str] | None = None
) -> Configuration:
    """Check a run configuration that has been read already; see `load_configuration`.

    Args:
        document: The content.
        folders: Folders to import classes from; a space's file is looked for in the first.
        settings: Keys that `search:` may have; None does not look at them.
    """
    if not isinstance(document.data, Mapping):
        raise document.error((), "expected the keys model, data and trainer; the file holds none.")
    data = _own_keys(document)
    for key in ("model", "trainer"):
        if not data.get(key):
            raise document.error((), f"the key {key!r} is missing; {_EXPECTED[key]}.")
    model = read_model(document, L.LightningModule, folders)
    return Configuration(
        model=model,
        data=_data(document, model, folders),
        trainer=_trainer(document),
        space=_space(document, Path(folders[0])),
        search=_search(document, settings) if data.get("search") else {},
        document=document,
        folders=folders,
    )


def _data(document: Document, model: Component, folders: tuple[str, ...]) -> Component | None:
    """Return what makes the data module; None where there is none and the model makes its own loaders."""
    if document.data.get("data"):
        return read_component(document, ("data",), L.LightningDataModule, folders)
    try:
        require_loaders(model.load())
    except AutoActError as error:
        raise document.error((), f"the key 'data' is missing; {_EXPECTED['data']}. {error}") from error
    return None


def _search(document: Document, settings: Iterable[str] | None) -> dict[str, Any]:
    found = document.at(("search",))
    known = found if settings is None and isinstance(found, Mapping) else settings
    return document.mapping(("search",), known or ())


_EXPECTED = {
    "model": "give class_path and init_args of a LightningModule",
    "data": "give class_path and init_args of a LightningDataModule",
    "trainer": "give arguments of lightning.Trainer, at least max_epochs",
}


def _own_keys(document: Document) -> dict[str, Any]:
    """Return the top level without what LightningCLI left empty."""
    for key, why in _FOREIGN.items():
        if is_given(document.data.get(key)):
            raise document.error((key,), f"{key} is not used here: {why}. Remove the key.")
    kept = {key: value for key, value in document.data.items() if key not in _FOREIGN}
    return Document(data=kept, source=document.source, lines=document.lines).mapping((), _KEYS)


def _trainer(document: Document) -> Mapping[str, Any]:
    """Return the Trainer's arguments, with classes among them (callbacks, plugins) made."""
    keys, given = ("trainer",), document.data["trainer"]
    if not isinstance(given, Mapping):
        raise document.error(keys, f"{_EXPECTED['trainer']}; got {given!r}.")
    check_arguments(document, keys, given, L.Trainer)
    parser = arguments_of(L.Trainer, instantiate=False)
    made = make(parser, parse(parser, given))
    found = {name: made[name] if _holds_class(value) else value for name, value in given.items()}
    try:
        arguments = trainer_arguments(found)
        with silence():
            L.Trainer(**{**arguments, "callbacks": None})  # one that notes its Trainer must not see this one
    except Exception as error:  # whatever Lightning says of a value
        raise document.error(keys, " ".join(str(error).split()) or type(error).__name__) from error
    return found


def _holds_class(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_holds_class, value))
    return isinstance(value, Mapping) and "class_path" in value


def _space(document: Document, folder: Path) -> SearchSpace:
    """Return the space: a name, a path (from the file's folder or the current one), a list or a mapping."""
    given = "default" if document.data.get("space") is None else document.data["space"]
    if isinstance(given, Mapping):
        return parse_space(document.part(("space",)))
    if isinstance(given, list):
        return parse_list(document.part(("space",)))
    try:
        return SearchSpace.of(folder / given if (folder / str(given)).is_file() else given)
    except ConfigurationError as error:
        raise document.error(("space",), str(error)) from error

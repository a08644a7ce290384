"""Passwords of storage URLs: none is kept or shown, however it is written."""

from typing import Any

import pytest

from autoact.errors import ConfigurationError
from autoact.search.setup import Settings, configuration, hide_password, resumed, without_password
from autoact.search.study import check_storage
from autoact.spaces import SearchSpace

SECRET = "S3/c:r@t"
URLS = {
    "postgresql://me:{}@host:5432/db": "postgresql://me@host:5432/db",
    "postgresql+psycopg2://me:{}@host/db?sslmode=require": "postgresql+psycopg2://me@host/db?sslmode=require",
    "mysql://:{}@host/db": "mysql://@host/db",
    "redis://:{}@host:6379/0": "redis://@host:6379/0",
    "postgresql://host/db?user=me&password={}&sslmode=require": "postgresql://host/db?user=me&sslmode=require",
    "postgresql://host/db?sslpassword={}": "postgresql://host/db",
    "postgresql://me:{}@": "postgresql://me@",
    "nosuch://me:{}@host:port/db": "nosuch://me@host:port/db",
}


@pytest.mark.parametrize("url", URLS)
def test_a_password_is_neither_kept_nor_shown(url: str) -> None:
    given, kept = url.format(SECRET), URLS[url]
    assert without_password(given) == kept
    assert hide_password(f"no {SECRET} in '{given}'", given) == f"no *** in '{kept}'"
    settings = Settings(storage=given)
    source: dict[str, Any] = {"file": "c.yaml", "configuration": {"search": {"storage": given}}}
    content = configuration(settings, SearchSpace.of(["relu"]), task="t", study="s", source=source)
    assert SECRET not in f"{settings!r}{content!r}"
    kept_source: Any = content["source"]
    assert kept_source["configuration"]["search"]["storage"] == content["search"]["storage"] == kept
    assert source["configuration"]["search"]["storage"] == given, "the caller's stays"


@pytest.mark.parametrize(
    "url",
    ["sqlite:////tmp/a:b@c.db", "sqlite:///study.db", "postgresql://me@host/db?application_name=x", "x"],
)
def test_a_url_without_a_password_stays(url: str) -> None:
    assert without_password(url) == url


@pytest.mark.parametrize("url", ["nosuch://me:{}@host/db", "postgresql://me:{}@host:port/db", "::me:{}@x"])
def test_what_optuna_says_of_a_url_is_told_without_its_password(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = url.format("hunter2")
    with pytest.raises(ConfigurationError, match=r"storage is .*; Optuna cannot use it") as refused:
        check_storage(given)
    assert check_storage(given, resumed=True) is None
    assert "give storage again" in caplog.text
    if "//" in url:
        assert "hunter2" not in f"{refused.value}{refused.value.__cause__}{caplog.text}"


def test_a_resume_keeps_the_storage_or_takes_another() -> None:
    stored = {"search": {"budget": 20, "seeds": 10, "storage": "postgresql://me@old/db"}}
    assert resumed(stored, {}, 0.0).storage == "postgresql://me@old/db"
    assert (
        resumed(stored, {"storage": "postgresql://me:pw@new/db"}, 0.0).storage == "postgresql://me:pw@new/db"
    )

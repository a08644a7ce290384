"""Making and keeping compiled kernels: damaged files, folders that fail, processes at once."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from autoact.kernels.cpu import _library as c_library

pytestmark = pytest.mark.skipif(c_library._compiler() is None, reason="no C compiler on the path")
SEVEN = "int seven(void) { return 7; }"
LOAD = f"from autoact.kernels.cpu._library import load; print(load({SEVEN!r}).seven())"


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(c_library, "_folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_library_cut_short_is_made_again(folder, kept):
    source = f"{SEVEN} int size = {int(10 * kept)};"
    assert c_library.load(source) is not None
    (file,) = folder.glob("*.so")
    whole = file.read_bytes()
    file.unlink()  # the loaded one stays mapped; what follows is a file of its own
    file.write_bytes(whole[: int(kept * len(whole))])
    again = c_library.load(source)
    assert again is not None
    assert again.seven() == 7
    assert file.read_bytes() == whole


def test_the_folder_may_be_deleted_at_any_time(folder):
    folder.rmdir()
    library = c_library.load(SEVEN)
    assert library is not None
    assert library.seven() == 7


@pytest.mark.slow
def test_processes_that_make_the_same_library_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    command = [sys.executable, "-c", LOAD]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in running] == ["7\n", "7\n"]
    assert len(list((tmp_path / "autoact" / "kernels").iterdir())) == 1


def test_threads_that_make_the_same_library_at_once(folder):
    barrier = threading.Barrier(4)

    def make(_: int) -> int:
        barrier.wait()
        library = c_library.load(SEVEN)
        assert library is not None
        return int(library.seven())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(make, range(4))) == [7] * 4


@pytest.mark.slow
@pytest.mark.parametrize("cache", ["relative", "a file"])
def test_without_a_cache_folder_a_process_keeps_one_of_its_own(monkeypatch, tmp_path, cache):
    (tmp_path / "file").write_text("")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", "here" if cache == "relative" else str(tmp_path / "file"))
    monkeypatch.setenv("HOME", "nowhere")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path)
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"
    assert not (tmp_path / "here").exists()
    assert not (tmp_path / "nowhere").exists()
    assert not list((tmp_path / "temporary").glob("autoact-*")), "removed at the end"


def test_without_any_folder_torch_computes(monkeypatch):
    def nowhere():
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(c_library, "_folder", nowhere)
    assert c_library.load(SEVEN) is None


def test_systems_without_users_keep_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delattr("os.getuid")
    assert c_library._folder.__wrapped__() == (tmp_path / "autoact" / "kernels").resolve()


FOREIGN = "int seven(void) { return 13; }"


@pytest.mark.parametrize("kind", ["changed", "of another source", "link", "open to others"])
def test_a_library_that_was_replaced_is_made_again(folder, kind):
    place, loaded = folder / "kernels", []
    for n, source in enumerate((SEVEN, FOREIGN)):
        place = folder / str(n)
        place.mkdir()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(c_library, "_folder", lambda place=place: place)
            loaded.append(c_library.load(source))
    (own,), (foreign,) = (list((folder / str(n)).glob("*.so")) for n in (0, 1))
    key, content = own.stem.partition("-")[0], foreign.read_bytes()
    own.unlink()
    put = folder / f"{key}-{c_library._digest(content)}.so"  # as its checksum says
    if kind == "changed":
        (folder / own.name).write_bytes(content)
        (folder / own.name).chmod(0o700)
    elif kind == "of another source":
        (folder / f"{key}-{c_library._digest(b'x')}.so").write_bytes(content)
    elif kind == "link":
        put.symlink_to(foreign)
    else:
        put.write_bytes(content)
        put.chmod(0o777)
    again = c_library.load(SEVEN)
    assert again is not None
    assert again.seven() == 7
    assert c_library._kept(folder, key) == folder / own.name


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_what_is_made_is_kept_whatever_the_umask(folder, umask):
    before = os.umask(umask)
    try:
        assert c_library.load(SEVEN) is not None
    finally:
        os.umask(before)
    (file,) = folder.glob("*.so")
    assert c_library._kept(folder, file.stem.partition("-")[0]) == file


@pytest.mark.parametrize("which", ["autoact/kernels", "autoact", "."])
def test_a_folder_that_others_may_write_to_is_refused_with_a_line(monkeypatch, tmp_path, caplog, which):
    folder = tmp_path / "autoact" / "kernels"
    folder.mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert c_library._folder.__wrapped__() == folder.resolve()
    (tmp_path / which).chmod(0o777)
    assert c_library._folder.__wrapped__() != folder.resolve()
    assert f"others may write to {(tmp_path / which).resolve()}, so" in caplog.text


def test_a_link_to_a_folder_that_others_may_write_to_is_refused(monkeypatch, tmp_path):
    (tmp_path / "open" / "kernels").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "autoact").symlink_to(tmp_path / "open")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not c_library._folder.__wrapped__().is_relative_to(tmp_path)


def test_a_folder_of_another_user_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("os.getuid", lambda: 12345)
    assert not c_library._folder.__wrapped__().is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("mode", "own", "refused"), [(0o1777, False, False), (0o775, True, False), (0o775, False, True)]
)
def test_folders_above_may_be_sticky_or_of_the_users_own_group(monkeypatch, tmp_path, mode, own, refused):
    monkeypatch.setattr(c_library, "_own_group", lambda: tmp_path.stat().st_gid if own else None)
    (tmp_path / "autoact").mkdir()
    (tmp_path / "autoact").chmod(mode)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert (c_library._folder.__wrapped__() != (tmp_path / "autoact" / "kernels").resolve()) is refused

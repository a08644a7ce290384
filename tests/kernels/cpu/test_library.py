"""Making and keeping compiled kernels: damaged files, folders that fail, processes at once."""

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
    assert c_library._folder.__wrapped__() == tmp_path / "autoact" / "kernels"


def test_a_folder_that_others_may_write_to_is_not_used(monkeypatch, tmp_path):
    folder = tmp_path / "autoact" / "kernels"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert c_library._folder.__wrapped__() != folder

"""Compiled code is kept where it is safe to, found again, and never that of other sources."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dlopt.engine import cache

ROOT = Path(__file__).parents[3]
USER = hasattr(os, "getuid")


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Three places in the order of preference, of which none is there yet."""
    made = [tmp_path / name for name in ("installed", "home", "temporary")]
    monkeypatch.setattr(cache, "_places", lambda: iter(made))
    return made


def test_the_first_place_that_can_be_written_to_is_taken_and_found_again(places):
    found = cache.folder()
    assert found.parent == places[0]
    assert found.stat().st_mode & 0o777 == 0o700
    assert cache.folder() == found
    assert not places[1].exists()


def test_a_place_that_is_a_file_is_passed_over(places):
    places[0].write_text("")
    places[1].write_text("")
    assert cache.folder().parent == places[2]


@pytest.mark.skipif(USER and os.getuid() == 0, reason="root may write anywhere")
def test_a_place_that_is_read_only_is_passed_over(places):
    places[0].mkdir(mode=0o500)
    places[1].parent.joinpath("home").mkdir(mode=0o500)
    assert cache.folder().parent == places[2]


def test_a_place_that_cannot_be_made_is_passed_over(places, monkeypatch):
    """Read-only for root too, who runs the tests in a container."""
    made = Path.mkdir

    def mkdir(self, *args, **more):
        if places[0] in (self, *self.parents):
            raise OSError(30, "Read-only file system")
        return made(self, *args, **more)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    assert cache.folder().parent == places[1]


def test_a_folder_that_is_there_and_cannot_be_written_to_is_passed_over(places, monkeypatch):
    first = cache.folder()
    writable = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != first and writable(path, mode))
    assert cache.folder().parent == places[1]


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o720])
def test_a_folder_that_others_may_write_to_is_not_used(places, mode):
    cache.folder().chmod(mode)
    assert cache.folder().parent == places[1]


@pytest.mark.skipif(not USER, reason="there are no users")
def test_a_folder_of_someone_else_is_not_used(places, monkeypatch):
    cache.folder()
    another = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: another)
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    assert cache.folder() not in [one / cache._sources() for one in places]


def test_where_nothing_can_be_kept_there_is_a_folder_all_the_same(places):
    for one in places:
        one.write_text("")
    first, second = cache.folder(), cache.folder()
    assert first != second
    assert first.is_dir()
    first.rmdir()
    second.rmdir()


def test_the_user_and_the_installation_say_which_places_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    first, second, last = cache._places()
    assert tmp_path / "prefix" in first.parents
    assert second == tmp_path / "me" / ".cache" / "dlopt"
    assert str(os.getuid() if USER else "cache") in last.name
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "kept"))
    assert list(cache._places())[1] == tmp_path / "kept" / "dlopt"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    assert len(list(cache._places())) == 2


def test_other_sources_or_registers_have_a_folder_of_their_own(tmp_path, monkeypatch):
    engine = tmp_path / "dlopt" / "engine"
    engine.mkdir(parents=True)
    for path in (ROOT / "dlopt" / "engine").glob("*.py"):
        (engine / path.name).write_bytes(path.read_bytes())
    activations = tmp_path / "dlopt" / "activations.py"
    activations.write_bytes((ROOT / "dlopt" / "activations.py").read_bytes())
    here = cache._sources()
    monkeypatch.setattr(cache, "HERE", engine)
    found = [cache._sources()]
    assert found == [here]
    for path in (*sorted(engine.glob("*.py")), activations):
        path.write_bytes(path.read_bytes() + b"\n")
        found.append(cache._sources())
    (engine / "new.py").write_text("more = 1\n")
    found.append(cache._sources())
    monkeypatch.setattr(cache, "LANES", 24 - cache.LANES)
    found.append(cache._sources())
    assert len(set(found)) == len(found)


def test_numbas_own_folder_is_as_it_was_afterwards():
    from numba import config

    before = config.CACHE_DIR
    with cache.kept():
        assert (before or str(cache.folder())) == config.CACHE_DIR
    assert before == config.CACHE_DIR


TRAINS = """
import sys
from pathlib import Path
from dlopt.engine import cache
cache._places = lambda: iter([Path(sys.argv[1])])
import numpy as np, dlopt
X, y = np.eye(8), np.arange(8.0)
run = dlopt.train(dlopt.MLP(3), dlopt.Split(X, y, X, y, X, y), dlopt.Adam(), batch_size=4, epochs=2,
                  progress=False, engine="compiled")
print(run.best_params.tobytes().hex(), run.test_losses.tobytes().hex())
"""


def begun(place):
    words = [sys.executable, "-W", "error", "-c", TRAINS, str(place)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process):
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return out


@pytest.mark.slow
def test_two_processes_that_start_cold_at_once_both_train_and_a_third_finds_their_code(tmp_path):
    first, second = begun(tmp_path / "kept"), begun(tmp_path / "kept")
    out = ended(first)
    assert ended(second) == out
    code = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.nbc")}
    assert len(code) >= 3
    assert ended(begun(tmp_path / "kept")) == out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.nbc")} == code


@pytest.mark.slow
def test_what_is_not_kept_anywhere_is_compiled_and_the_same(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert ended(begun(blocked)) == ended(begun(tmp_path / "kept"))

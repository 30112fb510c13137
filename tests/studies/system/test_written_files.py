"""Files are written whole or not at all, and what killed processes left is swept."""

import threading

from studies.cli.entry import main
from studies.system import files
from studies.system.files import sweep, write_atomically
from tests.support.folders import COMMANDS, PLACES
from tests.support.tiny import digests


def test_no_file_is_begun_once_a_thread_ends_the_process(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_begins", threading.RLock())
    files.abandon()
    writer = threading.Thread(target=files.write_atomically, args=(tmp_path / "table", b"whole"), daemon=True)
    writer.start()
    writer.join(0.2)
    assert writer.is_alive()
    assert not list(tmp_path.iterdir())


def test_no_temporary_file_of_a_killed_process_stays(finished, copy):
    left = [copy / name / f".{name or 'manifest'}.x.{4_000_000}-1.part" for name in ("", *PLACES)]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    assert main([*COMMANDS["run"], str(copy)]) == 0
    assert not [path for path in left if path.exists()]
    assert digests(copy) == digests(finished)


def test_files_of_others_are_not_swept(tmp_path):
    strange = [
        tmp_path / name for name in (".movie.mkv.part", ".x.part", ".a.12-x.part", ".b.4000000-1.part")
    ]
    ours = tmp_path / ".page.html.4000000-1.part"
    for path in (*strange, ours):
        path.write_text("half")
    sweep(tmp_path, of="page.html")
    assert [path.exists() for path in (*strange, ours)] == [True] * 4 + [False]
    sweep(tmp_path)
    assert [path.exists() for path in strange] == [True] * 3 + [False]


def test_a_long_name_is_written_like_any_other(tmp_path):
    path = tmp_path / ("é" * 120 + ".html")
    write_atomically(path, b"whole")
    assert (path.read_bytes(), len(list(tmp_path.iterdir()))) == (b"whole", 1)

"""Damaged tables and notes are named by whoever reads them, and made again."""

import fcntl
import shlex
import shutil

import numpy as np
import pytest

from studies import run
from studies.cli.entry import main
from studies.errors import UsageError
from studies.folder import run_folder
from studies.folder.read import Tables
from studies.system.files import write_atomically
from tests.support.folders import COMMANDS, DAMAGE, changed, flipped, refused
from tests.support.sealed import seal
from tests.support.tiny import digests, tiny


@pytest.mark.parametrize(("command", "table"), [("show", "ranking"), ("mirror", "rows")])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_table_is_named(copy, capsys, damage, command, table):
    DAMAGE[damage](copy / "tables" / f"{table}.parquet")
    refused(
        capsys, COMMANDS[command], copy, f"{table}.parquet is damaged: its content is not what was written."
    )


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_table_that_is_none_is_named_though_its_checksum_fits(copy, capsys, damage):
    DAMAGE[damage](copy / "tables" / "ranking.parquet")
    seal(copy)
    refused(capsys, COMMANDS["show"], copy, "ranking.parquet is damaged: it ")


def test_every_bit_of_a_table_is_read(copy):
    """What a reader takes is what was written: no flip of a bit passes, wherever it lies."""
    rng = np.random.default_rng(0)
    for name in ("ranking", "picks", "comparisons"):
        file = copy / "tables" / f"{name}.parquet"
        whole = file.read_bytes()
        for at in rng.integers(len(whole) * 8, size=100):
            content = bytearray(whole)
            content[at // 8] ^= 1 << at % 8
            file.write_bytes(content)
            with pytest.raises(UsageError, match="is damaged"):
                Tables(copy)[name]
        file.write_bytes(whole)


@pytest.mark.parametrize(
    ("command", "stops"),
    [
        ("show", (0, 12)),
        *(pytest.param(*one, marks=pytest.mark.slow) for one in [("mirror", (5,)), ("replay", (20,))]),
    ],
)
def test_tables_of_two_writings_are_never_taken_for_one(finished, copy, capsys, monkeypatch, command, stops):
    """An extension that is killed while its tables are written, after any of them."""
    words = [command, str(copy), *(["wine/0/adam/search/0"] if command == "replay" else [])]
    written = []

    def killed(path, content):
        if path.suffix == ".parquet" and path.parent.name == "tables":
            if len(written) == stop:
                raise KeyboardInterrupt
            written.append(path)
        write_atomically(path, content)

    for stop in stops:
        shutil.rmtree(copy)
        shutil.copytree(finished, copy)
        written.clear()
        monkeypatch.setattr(run_folder, "write_atomically", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tiny(optimizers=("sgd", "adam", "momentum")), out=copy, jobs=1)
        monkeypatch.undo()
        assert len(written) == stop
        assert main(words) == 2
        assert "tables are unfinished: writing them was interrupted." in capsys.readouterr().err
    assert main([*COMMANDS["run"], str(copy)]) == 0
    assert main(words) == 0


def test_tables_that_are_being_written_are_waited_for(copy, capsys):
    (copy / "tables" / "made.json").unlink()
    with (copy / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["show", str(copy)]) == 2
    assert capsys.readouterr().err == f"{copy}'s tables are being written.\nWait until that run has ended.\n"


def test_a_manifest_other_than_that_of_the_tables_is_named(copy, capsys):
    path = copy / "manifest.json"
    path.write_text(changed("asked", "blocks", to=5)(path.read_text()))
    refused(capsys, ["show"], copy, "manifest.json is damaged: it is not what its tables were written with.")


NOTES = {
    "empty": b"",
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "of words": b'{"of": 1}',
    "no text": b"\xff\xfe",
}


@pytest.mark.slow
@pytest.mark.parametrize("case", NOTES)
def test_a_note_that_is_none_is_named_and_made_again(finished, copy, capsys, case):
    (copy / "tables" / "made.json").write_bytes(NOTES[case])
    remedy = refused(capsys, ["show"], copy, "made.json is damaged: ")
    words = shlex.split(remedy.partition("Make it again: ")[2])
    assert main([*words[3:], "--jobs", "1", "--quiet"]) == 0
    assert digests(copy) == digests(finished)


def test_the_remedy_for_a_damaged_table_helps(finished, copy, capsys):
    flipped(copy / "tables" / "ranking.parquet")
    DAMAGE["empty"](copy / "tables" / "rows.parquet")
    remedy = refused(capsys, COMMANDS["mirror"], copy, "rows.parquet is damaged: ")
    words = shlex.split(remedy.partition("Make it again: ")[2])
    assert words[:3] == ["python", "-m", "studies"]
    assert main([*words[3:], "--jobs", "1", "--quiet"]) == 0
    assert digests(copy) == digests(finished)


def test_a_folder_in_a_table_s_place_is_named(copy, capsys):
    table = copy / "tables" / "ranking.parquet"
    table.unlink()
    table.mkdir()
    assert "Remove it" in refused(capsys, COMMANDS["show"], copy, "is damaged: it is a folder.")
    assert main([*COMMANDS["run"], str(copy)]) == 2
    assert "ranking.parquet could not be written or read: Is a directory." in capsys.readouterr().err


TIMES = [
    b'\xff\xfe\nPNG\n[1]\n3\n{}\n{"dataset": "wi',
    b'{"dataset": "wine", "block": "x", "batch_size": 64, "rows": 1, "steps": 3, "seconds": 1.0}\n',
    b'{"dataset": "wine", "block": 0, "batch_size": 64, "rows": 1, "steps": 3, "seconds": NaN}\n',
    b'{"dataset": 3, "block": 0, "batch_size": 64, "rows": null, "steps": 3, "seconds": 1.0}\n',
    b"[" * 100_000,
]


@pytest.mark.parametrize(
    "lines", [TIMES[0], *(pytest.param(one, marks=pytest.mark.slow) for one in TIMES[1:])]
)
def test_lost_times_are_left_out_and_nothing_else(finished, copy, lines):
    for name in ("timings.jsonl", "machine.json"):
        (copy / name).write_bytes(lines)
    assert main([*COMMANDS["run"], str(copy)]) == 0
    assert digests(copy) == digests(finished)

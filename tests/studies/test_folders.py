"""A run folder with a file that is truncated, empty, foreign or newer: named, with a remedy that helps."""

import hashlib
import json
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest
from tiny import digests

from studies.__main__ import main

COMMANDS = {
    "run": ["run", "--jobs", "1", "--quiet", "--out"],
    "dry run": ["run", "--dry-run", "--out"],
    "show": ["show"],
    "mirror": ["mirror"],
}


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of a finished run, to be damaged."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(capsys, words, folder, holds):
    """A command that ends with code 2, a sentence and a remedy, and changes nothing; gives the remedy."""
    before = content(folder)
    assert main([*words, str(folder)]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 2), err
    assert holds in err
    assert content(folder) == before
    return err.splitlines()[1]


def changed(*path, to):
    """A manifest's text with one value changed."""

    def change(text):
        manifest = json.loads(text)
        inner = manifest
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = to
        return json.dumps(manifest)

    return change


FOREIGN = "manifest.json is no manifest of this suite.\nChoose another folder."
MANIFESTS = {
    "truncated": (lambda text: text[:200], FOREIGN),
    "empty": (lambda text: "", FOREIGN),
    "of something else": (lambda text: '{"name": "a web page"}', FOREIGN),
    "a list": (lambda text: "[]", FOREIGN),
    "with a word for the format": (changed("format", to="1"), FOREIGN),
    "with a word for the blocks": (changed("asked", "blocks", to="x"), FOREIGN),
    "with blocks < 0": (changed("asked", "blocks", to=-3), FOREIGN),
    "with a list of optimizers": (changed("asked", "optimizers", to=["sgd"]), FOREIGN),
    "with a number of datasets": (changed("asked", "datasets", to=2), FOREIGN),
    "without a question": (changed("question", to={}), FOREIGN),
    "newer": (changed("format", to=99), "was written by a newer version (format 99; this one reads 1)."),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", MANIFESTS)
def test_a_manifest_that_cannot_be_read_is_refused(copy, capsys, case, command):
    change, holds = MANIFESTS[case]
    (copy / "manifest.json").write_text(change((copy / "manifest.json").read_text()))
    refused(capsys, COMMANDS[command], copy, holds)


@pytest.mark.parametrize("command", ["run", "dry run"])
@pytest.mark.parametrize(
    ("arm", "holds"),
    [
        ({"optimizer": "gone"}, "The manifest describes 'sgd' as {'optimizer': 'gone'}."),
        (
            {"optimizer": "gone", "decay": "none", "batch_sizes": [], "fixed": {}, "search": {}}
            | {"sampler": "random"},
            "There is no optimizer 'gone'.",
        ),
    ],
)
def test_an_arm_that_is_none_is_refused(copy, capsys, command, arm, holds):
    path = copy / "manifest.json"
    path.write_text(changed("asked", "optimizers", "sgd", to=arm)(path.read_text()))
    refused(capsys, COMMANDS[command], copy, holds)


@pytest.mark.parametrize("command", ["run", "dry run"])
@pytest.mark.parametrize(
    ("flags", "holds"),
    [
        (
            "--seed 1",
            "was made with seed = 0, and this run has 1.\nGive the old value, or another folder: --out",
        ),
        ("--trials 5", "was made with draws = 4, and this run has 5."),
        ("--set adam.lr=0.1", "was made with adam: no fixed.lr, and this run has 0.1."),
        ("--model mlp:5", "was made with widths = 'rule', and this run has [5]."),
        ("--metric loss", "was made with metric = 'error', and this run has 'loss'."),
    ],
)
def test_another_question_is_refused_before_anything_is_trained(copy, capsys, command, flags, holds):
    refused(capsys, ["run", *flags.split(), *COMMANDS[command][1:]], copy, holds)


def other_columns(path):
    return pd.read_parquet(path).drop(columns="optimizer").to_parquet()


def resealed(record, content):
    """A record with other content under the name that fits it."""
    record.unlink()
    name = f"{record.stem.partition('-')[0]}-{hashlib.sha256(content).hexdigest()[:16]}.parquet"
    record.with_name(name).write_bytes(content)


def flipped(path):
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:300]),
    "empty": lambda path: path.write_bytes(b""),
    "foreign": lambda path: path.write_bytes(b"PNG"),
    "newer": lambda path: path.write_bytes(other_columns(path)),
}
RECORDS = DAMAGE | {
    "flipped": flipped,
    "newer and sealed": lambda path: resealed(path, other_columns(path)),
    "foreign and sealed": lambda path: resealed(path, b"PNG"),
}


@pytest.mark.parametrize("command", ["run", "dry run"])
@pytest.mark.parametrize("damage", RECORDS)
def test_a_damaged_record_is_named(copy, capsys, damage, command):
    RECORDS[damage](sorted((copy / "records").glob("*.parquet"))[0])
    refused(capsys, COMMANDS[command], copy, "is damaged or no record of this version: ")


def test_the_remedy_for_a_damaged_record_helps(finished, copy, capsys):
    flipped(sorted((copy / "records").glob("*.parquet"))[3])
    remedy = refused(capsys, COMMANDS["run"], copy, "its content is not what its name says.")
    (lost,) = shlex.split(remedy.partition("(rm ")[2].partition(")")[0])
    Path(lost).unlink()
    assert main([*COMMANDS["run"], str(copy)]) == 0
    assert digests(copy) == digests(finished)


@pytest.mark.parametrize(("command", "table"), [("show", "ranking"), ("mirror", "rows")])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_table_is_named(copy, capsys, damage, command, table):
    DAMAGE[damage](copy / "tables" / f"{table}.parquet")
    refused(capsys, COMMANDS[command], copy, f"{table}.parquet is damaged: it ")


def test_the_remedy_for_a_damaged_table_helps(finished, copy, capsys):
    flipped(copy / "tables" / "ranking.parquet")
    DAMAGE["empty"](copy / "tables" / "rows.parquet")
    remedy = refused(capsys, COMMANDS["mirror"], copy, "rows.parquet is damaged: it is no Parquet file")
    words = shlex.split(remedy.partition("Make it again: ")[2])
    assert words[:3] == ["python", "-m", "studies"]
    assert main([*words[3:], "--jobs", "1", "--quiet"]) == 0
    assert digests(copy) == digests(finished)


def test_a_folder_in_a_table_s_place_is_named(copy, capsys):
    table = copy / "tables" / "ranking.parquet"
    table.unlink()
    table.mkdir()
    assert "Remove it" in refused(capsys, COMMANDS["show"], copy, "is damaged: it is a folder.")
    refused(capsys, COMMANDS["run"], copy, "ranking.parquet could not be written or read: Is a directory.")


def test_lost_times_are_left_out_and_nothing_else(finished, copy):
    for name in ("timings.jsonl", "machine.json"):
        (copy / name).write_bytes(b'\xff\xfe\nPNG\n[1]\n3\n{}\n{"dataset": "wi')
    assert main([*COMMANDS["run"], str(copy)]) == 0
    assert digests(copy) == digests(finished)

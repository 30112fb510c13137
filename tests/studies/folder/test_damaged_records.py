"""Damaged records, and those of another question or machine, never mix in."""

import dataclasses
import hashlib
import itertools
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studies import run
from studies.cli.entry import main
from studies.folder.manifest import NAMES_NO_QUESTION, read_manifest
from studies.folder.records import Records
from studies.question import engine
from studies.question.plan import planned
from tests.support.folders import COMMANDS, DAMAGE, content, other_columns, refused
from tests.support.tiny import digests, tiny


def resealed(record, content):
    """A record with other content under the checksum that fits it."""
    record.unlink()
    name = f"{record.stem.partition('-')[0]}-{hashlib.sha256(content).hexdigest()[:16]}.parquet"
    record.with_name(name).write_bytes(content)


def altered(column, value, *, sealed=True):
    """A record in which one value is another one, under the checksum that fits it or the old one."""

    def alter(record):
        table = pq.read_table(record)
        at = table.schema.get_field_index(column)
        values = table[column].to_pylist()
        values[0] = value(values[0]) if callable(value) else value
        kind = table.schema.field(at).type
        sink = pa.BufferOutputStream()
        pq.write_table(table.set_column(at, column, pa.array(values, kind)), sink)
        content = bytes(sink.getvalue())
        resealed(record, content) if sealed else record.write_bytes(content)

    return alter


RECORDS = DAMAGE | {
    "newer and sealed": lambda path: resealed(path, other_columns(path)),
    "foreign and sealed": lambda path: resealed(path, b"PNG"),
    "renamed": lambda path: path.rename(path.with_name(f"zzz-{path.name.partition('-')[2]}")),
    "with another error under its old name": altered("test_error", 0.125, sealed=False),
    "with a batch size of 0": altered("batch_size", 0),
    "with a huge negative batch size": altered("batch_size", -(2**63)),
    "with markup for a status": altered("status", "<script>"),
    "with an error that no float32 holds": altered("test_error", 1e308),
    "with a negative loss": altered("best_validation_loss", -1.0),
    "with no error": altered("test_error", None),
    "with an early error that is no number": altered("quarter_test_error", float("nan")),
    "with other settings": altered("settings", '{"lr": 1.0}'),
    "with settings that are none": altered("settings", "[" * 10_000),
    "with another learning rate": altered("lr", lambda lr: lr * 2),
    "with an unknown dataset": altered("dataset", "gone"),
    "with an unknown decay": altered("decay", "a" * 10_000),
    "with another decay": altered("decay", lambda decay: "exponential" if decay == "none" else "none"),
    "with an empty curve": altered("curve_examples", []),
    "with a curve below 0": altered("curve_validation_loss", lambda curve: [-1.0] * len(curve)),
}


QUICK = (
    "truncated",
    "flipped",
    "renamed",
    "with another error under its old name",
    "with markup for a status",
    "with another decay",
)
CASES = [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in RECORDS]


def searched(folder, least=1):
    """The first record of a search, of so many rows: by name another may come first on another machine."""
    for path in sorted((folder / "records").glob("*.parquet")):
        rows = pd.read_parquet(path)
        if len(rows) >= least and "search" in set(rows.kind):
            return path
    raise LookupError(folder)


@pytest.mark.parametrize("damage", CASES)
def test_a_damaged_record_is_set_aside_and_its_rows_train_again(finished, copy, capsys, damage):
    RECORDS[damage](searched(copy))
    before = content(copy)
    assert main([*COMMANDS["dry run"], str(copy)]) == 0
    out, err = capsys.readouterr()
    assert (" would be left out: " in err, "trainings in" in out) == (True, True)
    assert content(copy) == before
    assert main([*COMMANDS["run"], str(copy)]) == 0
    assert " is left out: " in capsys.readouterr().err
    assert len(list((copy / "damaged").iterdir())) == 1
    assert digests(copy) == digests(finished)
    assert sorted(p.name for p in (copy / "records").iterdir()) == sorted(
        p.name for p in (finished / "records").iterdir()
    )


def test_all_damaged_records_are_set_aside_at_once(finished, copy, capsys):
    records = sorted((copy / "records").glob("*.parquet"))
    for record, damage in zip(records, itertools.cycle(DAMAGE.values()), strict=False):
        damage(record)
    assert main([*COMMANDS["run"], str(copy)]) == 0
    assert capsys.readouterr().err.count(" is left out: ") == len(records)
    assert digests(copy) == digests(finished)


NORMED = """
import numpy as np
from dlopt import Optimizer, rate


class Normed(Optimizer):
    lr: float = rate(1e-2, search=(1e-3, 1e-1))

    def update(self, grad, state, lr):
        return lr * grad / (1 + np.sqrt(np.sum(grad**2, axis=-1, keepdims=True)))
"""
OTHER = [{"epochs": 4}, {"seed": 1}, {"metric": "loss"}, {"widths": (5,)}, {"draws": 5}]


@pytest.mark.parametrize(
    "change", [*OTHER[:2], *(pytest.param(one, marks=pytest.mark.slow) for one in OTHER[2:])]
)
def test_records_of_another_question_never_mix_in(finished, copy, tmp_path, capsys, change):
    run(tiny(**change), out=tmp_path / "other", jobs=1)
    others = list((tmp_path / "other" / "records").iterdir())
    for record in others:
        shutil.copy(record, copy / "records")
    assert main([*COMMANDS["run"], str(copy)]) == 0
    assert capsys.readouterr().err.count("its rows answer another question") == len(others)
    assert digests(copy) == digests(finished)


def test_a_row_s_identity_covers_all_of_its_question(finished):
    study = tiny()
    plain = planned(study).identities
    for change in (*OTHER, {"activation": "tanh"}, {"init": "glorot"}, {"weight_decay": 0.1}):
        other = planned(dataclasses.replace(study, **change)).identities
        assert not set(plain.values()) & set(other.values()), change
    assert planned(dataclasses.replace(study, name="another", blocks=9)).identities == plain


def test_another_arithmetic_is_another_identity_where_numpy_trains(monkeypatch, tmp_path):
    (tmp_path / "mine.py").write_text(NORMED)
    mixed = tiny(optimizers=("sgd", str(tmp_path / "mine.py"))).found()

    def found():
        numpy = planned(dataclasses.replace(mixed, engine="numpy")).identities
        assert not set(numpy.values()) & set(planned(mixed).identities.values())
        return planned(mixed).identities, numpy

    here, numpy = found()
    there = engine.arithmetic() | {"blas": "openblas Nehalem"}
    monkeypatch.setattr(engine, "arithmetic", lambda: there)
    again, others = found()
    assert {name for name in here if here[name] == again[name]} == {n for n in here if n[1] == "sgd"}
    assert not set(numpy.values()) & set(others.values())


@pytest.mark.slow
def test_rows_that_two_machines_trained_are_one(finished, tmp_path):
    """Each cut its stacks in its own way: one trained all optimizers at once, the other one by one."""
    for name in ("sgd", "adam"):
        run(tiny(optimizers=(name,)), out=tmp_path / "there", jobs=1)
    merged = tmp_path / "here"
    shutil.copytree(finished, merged)
    ours = {p.name for p in (merged / "records").iterdir()}
    theirs = [p for p in (tmp_path / "there" / "records").iterdir() if p.name not in ours]
    assert theirs
    for record in theirs:
        shutil.copy(record, merged / "records")
    assert run(tiny(), out=merged, jobs=1).trained == 0
    assert digests(merged) == digests(finished)


@pytest.mark.slow
def test_rows_of_two_machines_that_differ_are_named(finished, tmp_path, capsys):
    run(tiny(optimizers=("sgd",)), out=tmp_path / "there", jobs=1)
    shutil.copytree(finished, tmp_path / "here")
    record = searched(tmp_path / "there", least=2)
    altered("test_error", 0.125)(record)
    for one in (tmp_path / "there" / "records").iterdir():
        shutil.copy(one, tmp_path / "here" / "records")
    remedy = refused(capsys, COMMANDS["run"], tmp_path / "here", "with another test_error.")
    assert remedy.startswith("Remove the one that you do not believe, or both")


def test_rows_of_several_blocks_in_one_file_all_count(finished, copy):
    folder = copy / "records"
    first, *others = sorted(folder.iterdir())
    question = {k: v for k, v in read_manifest(copy)["question"].items() if k not in NAMES_NO_QUESTION}
    here = pd.read_parquet(first)
    same = [p for p in others if pd.read_parquet(p).dataset[0] == here.dataset[0]]
    frames = [here, *map(pd.read_parquet, same)]
    records = Records(folder, question)
    rows = [one for frame in frames for one in frame.to_dict("records")]
    for row in rows:
        row["curve"] = {k.removeprefix("curve_"): v for k, v in row.items() if k.startswith("curve_")}
    for path in (first, *same):
        path.unlink()
    records.write(rows[::-1], [row["identity"] for row in rows[::-1]])
    assert len({row["block"] for row in rows}) > 1
    (copy / "timings.jsonl").write_text("")
    assert run(tiny(), out=copy, jobs=1).trained == 0
    assert digests(copy) == digests(finished)

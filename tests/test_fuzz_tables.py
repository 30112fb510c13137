"""Whatever is given as a table, by Python or in a file, ends in a sound dataset or in words."""

import bz2
import contextlib
import datetime
import gzip
import io
import lzma
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import datasets
from tests.support.hostile import TEXTS, X, Y, changed, hostile, mutated, scalar, sweep

NOT_MADE = (TypeError, ValueError, OverflowError, NotImplementedError, Warning, pa.ArrowException)


def frame(rng):
    """A table with some columns of any kind."""
    n = rng.choice([0, 3, *[60] * 10])
    made = pd.DataFrame({"a": np.arange(n) % 7, "b": np.arange(n) / 3, "y": np.arange(n) % 2})
    kinds = (
        lambda: [hostile(rng) for _ in range(n)],
        lambda: [rng.choice([1, "x", None, 2.5, b"y", (1,)]) for _ in range(n)],
        lambda: [scalar(rng)] * n,
        lambda: pd.date_range("2026", periods=n, tz=rng.choice([None, "Europe/Berlin"])),
        lambda: pd.period_range("2026-01", periods=n, freq="M"),
        lambda: pd.interval_range(0, n) if n else [],
        lambda: pd.arrays.SparseArray(np.arange(n) % 2),
        lambda: pd.Categorical([rng.choice([1, "x", None]) for _ in range(n)]),
        lambda: pd.array([rng.choice([1, None]) for _ in range(n)], dtype="Int64"),
        lambda: np.arange(n) * rng.choice([1j, 1e306, np.timedelta64(1, "s"), np.float16(1)]),
        lambda: [rng.choice(["1,5", "2,25", "€ 3", "2026-01-01", "31.12.2025", "no"]) for _ in range(n)],
        lambda: [datetime.datetime(rng.choice([1, 2026, 9999]), 1, 1) for _ in range(n)],
        lambda: pd.array(["1.5"] * n, dtype="string"),
        lambda: ["x" * rng.choice([1, 5_000]) + rng.choice(TEXTS) for _ in range(n)],
    )
    for _ in range(rng.randrange(1, 3)):
        odd = [3, "a\nb", " y", ("p", "q"), "", None, 10**5000]
        name = rng.choice(odd if rng.random() < 0.1 else ["a", "y", "c", "d", "id"])
        with contextlib.suppress(*NOT_MADE):
            made[name] = rng.choice(kinds)()
    return made


def frames(rng, _):
    if rng.random() < 0.1:
        rng.choice([datasets.add, datasets.load])(hostile(rng))
        return
    if rng.random() < 0.25:
        usual = {"X": np.repeat(X, 5, axis=0), "y": np.repeat(Y, 5), "name": "mine", "task": None}
        cells = np.empty(60, object)
        cells[:] = [scalar(rng) for _ in cells]
        odd = {"X": [frame(rng)[["a", "b"]], cells[:, None]], "y": [cells], "name": [], "task": []}
        name = rng.choice(list(usual))
        sound([datasets.from_arrays(**(usual | {name: rng.choice([*odd[name], hostile(rng)])}))])
        return
    usual = {"frame": frame(rng), "target": "y"}
    for name in rng.sample(["group", "time"], rng.choice([0, 0, 1, 1, 1, 2])):
        usual[name] = rng.choice(["a", "b", "c", "d", "a\nb"])
    usual["task"] = rng.choice([None, None, "regression", "classification"])
    sound([datasets.from_frame(**(changed(rng, usual) if rng.random() < 0.2 else usual))])


def sound(tables):
    """What was accepted has finite blocks and notes of one line."""
    for one in tables:
        block = one.block(0)
        assert np.isfinite(block.X_train).all()
        assert all(note.isprintable() for note in one.notes), one.notes


def base(rng, ending):
    """The bytes of a sound table, or of one that is nearly so."""
    sound = pd.DataFrame({"a": np.arange(60) / 7, "y": np.arange(60) % 2})
    sound["w"] = [rng.choice(["ü", "v,v", 'a"b', "c\nd", "2026-01-01", "NA"]) for _ in range(len(sound))]
    if rng.random() < 0.2:
        with contextlib.suppress(*NOT_MADE):  # pandas writes not all that it holds
            return written(rng, frame(rng), ending)
    return written(rng, sound, ending)


def written(rng, made, ending):
    if ending == "parquet":
        buffer = io.BytesIO()
        made.to_parquet(buffer, compression=rng.choice([None, "snappy", "gzip", "zstd"]))
        return buffer.getvalue()
    made.columns = [str(name) for name in made.columns]
    text = made.to_csv(
        index=rng.random() < 0.1, sep=rng.choice(",;\t|"), lineterminator=rng.choice(["\n", "\r\n"])
    )
    return text.encode(rng.choice(["utf-8", "utf-8", "utf-8-sig", "cp1252", "utf-16"]), "replace")


def packed(data, how):
    buffer = io.BytesIO()
    if how == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("inside.csv"), data, zipfile.ZIP_DEFLATED)  # dated 1980
        return buffer.getvalue()
    return {
        "gz": lambda data: gzip.compress(data, mtime=0),
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "": bytes,
    }[how](data)


def files(rng, folder):
    kind, how = rng.choice(["csv", "csv", "tsv", "parquet"]), rng.choice(["", "", "gz", "bz2", "xz", "zip"])
    inner = base(rng, kind)
    deep = not how or rng.random() < 0.5
    data = packed(mutated(rng, inner), how) if deep else mutated(rng, packed(inner, how))
    stem = rng.choice(["x", "x", "x", "a\nb", "é", "x" * 200, "a'b$", ".hid", "\udcff"])
    if rng.random() < 0.2:
        kind = rng.choice(["csv", "parquet", "txt", "pq", "docx", "xlsx"])
    if rng.random() < 0.1:
        how = rng.choice(["", "gz", "bz2", "xz", "zip"])
    path = folder / ".".join([stem, kind, *([how] if how else [])])
    path.write_bytes(data)
    options = {name: rng.choice(["a", "w", "zz"]) for name in ("group", "time") if rng.random() < 0.2}
    try:
        if rng.random() < 0.1:
            sound(datasets.read_folder(rng.choice([folder, hostile(rng)]), "y"))
        else:
            sound(
                [
                    datasets.read(
                        rng.choice([path, path, path, str(path), hostile(rng)][: rng.choice([3, 5])]),
                        "y",
                        **options,
                    )
                ]
            )
    finally:
        path.unlink()


INPUTS = {frames: 350, files: 400}  # how many of each kind


@pytest.mark.slow
@pytest.mark.parametrize("kind", INPUTS, ids=lambda kind: kind.__name__)
def test_whatever_is_given_ends_in_an_answer_or_in_words(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = sweep(kind, range(INPUTS[kind]), tmp_path)
    assert not found, "\n".join(f"{kind.__name__} {number}: {said}" for number, said in found.items())

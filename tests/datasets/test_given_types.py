"""The data room believes no type and no bytes: what is no table is refused in a sentence and a remedy."""

import bz2
import gzip
import io
import lzma
import os
import zipfile

import numpy as np
import pandas as pd
import pytest

import datasets

HUGE = 10**5_000  # an integer that Python writes out for nobody
TEXT = ("a,w,y\n" + "1,u,0\n3,v,1\n" * 30).encode()
FRAME = pd.read_csv(io.BytesIO(TEXT))
X, Y = np.arange(120.0).reshape(60, 2), np.arange(60) % 2


def refused(make, words):
    with pytest.raises(ValueError, match=words) as caught:
        make()
    sentence, remedy = str(caught.value).split("\n")
    assert sentence
    assert remedy
    assert str(caught.value).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: datasets.from_frame(X, "y"), "from_frame needs a data frame, not ndarray"),
        (lambda: datasets.from_frame(None, "y"), "from_frame needs a data frame, not NoneType"),
        (lambda: datasets.from_frame(FRAME, HUGE), "table has no column 'a value of int"),
        (lambda: datasets.from_frame(FRAME, ["y"]), "table has no column"),
        (lambda: datasets.from_frame(FRAME, "y", name=3), "The name of a table must be text, not 3"),
        (
            lambda: datasets.from_frame(FRAME, "y", task=["regression"]),
            r"The task cannot be \['regression'\]",
        ),
        (lambda: datasets.from_frame(FRAME, "y", task=FRAME), "The task cannot be"),
        (lambda: datasets.from_arrays([[1], [2, 3]], [0, 1]), "X is no array"),
        (lambda: datasets.from_arrays(X, [[0], [1, 2]]), "y is no array"),
        (lambda: datasets.from_arrays(None, None), r"the shapes \(\) and \(\)"),
        (lambda: datasets.from_arrays(X, Y, name=None), "The name of a table must be text, not None"),
        (lambda: datasets.add("wine"), "A str is no table"),
        (lambda: datasets.add(FRAME), "A DataFrame is no table"),
        (lambda: datasets.load(3), "A dataset has a name, not a int"),
        (lambda: datasets.load(["wine"]), "A dataset has a name, not a list"),
        (lambda: datasets.read(None, "y"), "A path must be text, not None"),
        (lambda: datasets.read_folder(3.5, "y"), "A path must be text, not 3.5"),
        (lambda: datasets.read("x" * 300 + ".csv", "y"), "There is no file 'xxx"),
        (lambda: datasets.read("a\0b.csv", "y"), r"There is no file 'a\\x00b.csv'"),
        (lambda: datasets.read_folder("x" * 300, "y"), "There is no folder 'xxx"),
        (lambda: datasets.read_folder("a\nb", "y"), r"There is no folder 'a\\nb'"),
    ],
)
def test_a_value_of_another_type_is_refused(make, words):
    refused(make, words)


@pytest.mark.parametrize(
    "cells", [[HUGE] * 60, [np.void(b"x")] * 60, [[1, HUGE]] * 60, [object()] * 30 + [HUGE] * 30]
)
def test_a_column_of_what_is_no_text_is_left_out_and_said(cells):
    odd = pd.Series([*cells], dtype=object)
    made = datasets.from_frame(FRAME.assign(odd=odd), "y")
    assert [one.label for one in made.columns] == ["a", "w"]
    assert any("compound values: 'odd'" in note for note in made.notes)
    refused(lambda: datasets.from_frame(FRAME.assign(y=odd), "y"), "The column 'y' holds lists or the like")


def test_labels_that_hold_line_breaks_stay_in_one_line():
    words = FRAME.w.replace({"u": "first\nsecond", "v": "x" * 5_000})
    made = datasets.from_frame(FRAME.assign(y=words), "y")
    assert all(note.isprintable() and len(note) < 1_000 for note in made.notes)
    refused(lambda: datasets.from_frame(FRAME.assign(y=words), "y", task="regression"), r"first\\nsecond")


def zipped(data, **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", data)
    return buffer.getvalue()


def changed(data, at, value):
    at %= len(data)
    return data[:at] + value + data[at + len(value) :]


END = zipped(TEXT).rindex(b"PK\x05\x06")  # of a zip file: where its list of files lies
LISTED = zipped(TEXT).rindex(b"PK\x01\x02")  # and the list
BROKEN = {
    "bad stream.csv.bz2": (changed(bz2.compress(TEXT), 20, b"\xff" * 9), "cannot be unpacked"),
    "no stream.csv.bz2": (b"BZh9" + b"\0" * 40, r"cannot be unpacked \(Invalid data stream\)"),
    "offset.csv.zip": (changed(zipped(TEXT), END + 16, b"\xff\xff\xff\x7f"), "cannot be unpacked"),
    "method.csv.zip": (changed(zipped(TEXT), LISTED + 10, b"\x63"), "cannot be unpacked"),
    "locked.csv.zip": (changed(zipped(TEXT), LISTED + 8, b"\x01"), "cannot be unpacked"),
    "content.csv.zip": (changed(zipped(TEXT), 50, b"\0\0\0\0"), "cannot be unpacked"),
    "sum.csv.gz": (changed(gzip.compress(TEXT), -6, b"\0\1"), "cannot be unpacked"),
    "late.csv.gz": (gzip.compress(os.urandom(300_000).hex().encode())[:-9_000], "cannot be unpacked"),
    "cut.csv.xz": (lzma.compress(TEXT)[:-9], "cannot be unpacked"),
    "half a mark.csv": (b"\xef\xbb", "is empty"),
    "mark.csv": (b"\xef\xbb\xbf", "is empty"),
    "mark.csv.gz": (gzip.compress(b"\xef\xbb\xbf\n\n"), "is empty"),
    "name.csv": (b"a," + b"x" * 200_000 + b",y\n" + b"1,2,3\n" * 60, r"do not fit .*field larger"),
    "line\nbreak.csv": (b"", r"line\\nbreak.csv is empty"),
    "line\nbreak.docx": (b"x", r"line\\nbreak.docx has no ending"),
    "line\nbreak.parquet": (b"x", r"line\\nbreak.parquet is no Parquet"),
    "line\nbreak.csv.zip": (b"x", r"line\\nbreak.csv.zip cannot be unpacked"),
    "lines.csv": (b'"1\n2",3\n' + b"1,2\n" * 60, r"has no column 'y'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_bytes_are_answered_with_the_file_s_name_and_a_remedy(tmp_path, name):
    content, words = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    refused(lambda: datasets.read(tmp_path / name, "y"), words)


@pytest.mark.parametrize("kind", [None, "category"])
def test_parquet_whose_text_is_no_utf_8_is_refused_when_it_is_read(tmp_path, kind):
    path = tmp_path / "text.parquet"
    FRAME.assign(w=FRAME.w.map({"u": "longer", "v": "w"}).astype(kind or "str")).to_parquet(
        path, compression=None
    )
    assert datasets.read(path, "y").n_features == 3
    path.write_bytes(path.read_bytes().replace(b"longer", b"l\xffnger"))
    refused(lambda: datasets.read(path, "y"), r"text.parquet is no Parquet file \(")


def test_a_pipe_is_no_table(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    refused(lambda: datasets.read(tmp_path / "pipe.csv", "y"), "is a device or a pipe")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    refused(lambda: datasets.read(tmp_path / "zero.csv", "y"), "is a device or a pipe")

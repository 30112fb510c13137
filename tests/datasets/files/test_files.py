import bz2
import gzip
import lzma
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest

import datasets
from datasets.tables import making as table


def small(n=60, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.choice(list("uvw"), n)})
    return frame.assign(y=np.where(frame.a > 0, "up", "down"))


def csv(frame=None, **options):
    return (small() if frame is None else frame).to_csv(index=False, **options).encode()


def packed(path, data):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(path.stem, data)
    else:
        pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
        path.write_bytes(pack.get(path.suffix, bytes)(data))
    return path


@pytest.mark.parametrize("ending", ["csv", "tsv", "txt", "CSV", "csv.gz", "csv.bz2", "csv.xz", "csv.zip"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_format_gives_the_same_table(tmp_path, ending, separator):
    path = packed(tmp_path / f"some.{ending}", csv(sep=separator))
    found = table.read(path, "y")
    assert found.digest == table.from_frame(small(), "y").digest
    assert found.name == "some"


def test_parquet_gives_the_same_table(tmp_path):
    small().to_parquet(tmp_path / "plain.parquet")
    packed(tmp_path / "packed.pq.gz", (tmp_path / "plain.parquet").read_bytes())
    wanted = table.from_frame(small(), "y").digest
    assert {table.read(one, "y").digest for one in tmp_path.iterdir()} == {wanted}


def test_quotes_hold_separators_and_line_breaks(tmp_path):
    frame = small().rename(columns={"a": "a;\nlong;;; name", "b": 'said "b"'})
    frame['said "b"'] = frame['said "b"'] + ",\n;"
    (tmp_path / "quoted.csv").write_bytes(csv(frame))
    assert table.read(tmp_path / "quoted.csv", "y").digest == table.from_frame(frame, "y").digest


def test_other_encodings_are_read_and_said(tmp_path):
    frame = small().replace({"b": {"u": "naïve €"}})
    wanted = table.from_frame(frame, "y")
    for encoding in ("utf-8", "utf-8-sig", "cp1252"):
        (tmp_path / "x.csv").write_bytes(csv(frame).decode().encode(encoding))
        found = table.read(tmp_path / "x.csv", "y")
        assert found.digest == wanted.digest
        assert ("Windows-1252" in found.notes[0]) == (encoding == "cp1252")


def test_rows_that_are_too_short_are_counted(tmp_path):
    rows = [f"{i},{i % 7},{i % 2}" for i in range(60)]
    (tmp_path / "whole.csv").write_text("a,y,c\n" + "\n".join([*rows, "1,2,"]) + "\n\n")
    assert not [note for note in table.read(tmp_path / "whole.csv", "y").notes if "fewer values" in note]
    (tmp_path / "cut.csv").write_text("a,y,c\n" + "\n".join([*rows, "7,1", '"5', '6",3']))
    (note,) = [note for note in table.read(tmp_path / "cut.csv", "y").notes if "fewer values" in note]
    assert note.startswith("Rows with fewer values than columns: 2;")


def test_blanks_around_names_and_values_do_not_count(tmp_path):
    text = csv().decode().replace(",", " , ").replace("\n", " \n")
    (tmp_path / "blanks.csv").write_text("\n" + text)
    assert table.read(tmp_path / "blanks.csv", " y ").digest == table.from_frame(small(), "y").digest


def test_an_index_that_pandas_wrote_is_left_out(tmp_path):
    small().to_csv(tmp_path / "indexed.csv")
    found = table.read(tmp_path / "indexed.csv", "y")
    assert found.digest == table.from_frame(small(), "y").digest
    assert any("an index" in note for note in found.notes)


def test_a_column_that_is_number_in_one_piece_and_word_in_another_is_words(tmp_path):
    n = 300_000  # pandas reads a file of this size in pieces
    codes = np.where(np.arange(n) < n // 2, "07", "x7")
    frame = pd.DataFrame({"code": codes, "wide": "w" * 20, "a": np.arange(n) % 11, "y": np.arange(n) % 2})
    (tmp_path / "pieces.csv").write_bytes(csv(frame))
    found = table.read(tmp_path / "pieces.csv", "y")
    assert found.columns[0].labels == ("07", "x7")
    assert found.digest == table.from_frame(frame, "y").digest


def rows(*lines, n=60):
    return ("a,b,y\n" + "1,2,0\n3,5,1\n" * (n // 2) + "\n".join(lines)).encode()


BAD = {
    "empty.csv": (b"", "empty.csv is empty"),
    "blank.csv": (b" \n\n ", "blank.csv is empty"),
    "names.csv": (b"a,b,y\n", "names has no rows"),
    "few.csv": (rows(n=20), "few has 20 rows .* needs 50"),
    "twice.csv": (b"a,a,y\n" + b"1,2,3\n" * 60, "two columns named 'a'"),
    "target-twice.csv": (b"y,a,y \n" + b"1,2,3\n" * 60, "two columns named 'y'"),
    "unnamed.csv": (b"a,,y\n" + b"1,2,3\n" * 60, "Column 2 of unnamed has no name"),
    "headless.csv": (b"1.5,2,3\n" + b"1,2,3\n" * 60, "first line of headless.csv holds numbers"),
    "missing.csv": (rows().replace(b"y", b"yy"), r"no column 'y'\.\nDid you mean 'yy'"),
    "other.csv": (rows().replace(b"y", b"label"), r"no column 'y'\.\nThere are: a, b, label"),
    "long-row.csv": (rows("1,2,0,4"), "do not fit its line of names .*line 62"),
    "long-rows.csv": (b"a,b,y\n" + b"1,2,3,4\n" * 60, "do not fit its line of names"),
    "quote.csv": (rows('1,"2,0', "1,2,1"), "a quote is left open"),
    "binary.csv": (bytes(range(256)) * 9, "bytes that are not text"),
    "undefined.csv": (rows("\x811,2,0").replace(b"\xc2", b""), r"bytes that are not text \(0x81\)"),
    "book.csv": (b"PK\x03\x04" + b"x" * 99, "workbook or an archive"),
    "book.xlsx": (b"PK\x03\x04" + b"x" * 99, "is a workbook"),
    "table.docx": (b"PK", r"no ending of a table\.\nKnown are \.csv"),
    "not.parquet": (rows(), "no Parquet file"),
    "not.csv.gz": (rows(), "cannot be unpacked"),
    "cut.csv.gz": (gzip.compress(rows())[:-12], "cannot be unpacked"),
    "cut.csv.bz2": (bz2.compress(rows())[:-9], "cannot be unpacked"),
    "not.csv.xz": (rows(), "cannot be unpacked"),
    "not.csv.zip": (rows(), "cannot be unpacked|no zip"),
    "wide.csv": (",".join(f"c{i}" for i in range(100_000)).encode(), "100,000 columns, and at most 20,000"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_answered_with_a_sentence_and_a_remedy(tmp_path, name):
    content, sentence = BAD[name]
    (tmp_path / name).write_bytes(content)
    warnings.simplefilter("ignore")  # as outside of tests: a warning of pandas must not pass for an answer
    with pytest.raises(ValueError, match=rf"(?s)\A[^\n]*(?:{sentence})") as caught:
        table.read(tmp_path / name, "y")
    said = str(caught.value).split("\n")
    assert len(said) == 2
    assert all(line.strip() for line in said)


def test_an_archive_of_two_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.csv.zip", "w") as archive:
        archive.writestr("a.csv", csv())
        archive.writestr("b.csv", csv())
    with pytest.raises(ValueError, match=r"holds 2 files.*\nUnpack it"):
        table.read(tmp_path / "two.csv.zip", "y")


def test_a_path_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"There is no file .*\nCheck the path"):
        table.read(tmp_path / "none.csv", "y")
    with pytest.raises(ValueError, match=r"is a folder\.\nRead all"):
        table.read(str(tmp_path), "y")


def test_a_folder_gives_its_tables_in_order(tmp_path):
    for seed, name in enumerate(["b.csv", "a.tsv", ".hidden.csv"]):
        (tmp_path / name).write_bytes(csv(small(seed=seed)))
    small(seed=3).to_parquet(tmp_path / "c.parquet")
    (tmp_path / "README.md").write_text("nothing")
    found = table.read_folder(tmp_path, "y", task="classification")
    assert [one.name for one in found] == ["a", "b", "c"]
    assert found[0].digest == table.from_frame(small(seed=1), "y").digest


def test_a_folder_that_cannot_be_a_study_says_why(tmp_path):
    with pytest.raises(ValueError, match=r"holds no table\.\n"):
        table.read_folder(tmp_path, "y")
    (tmp_path / "good.csv").write_bytes(csv())
    (tmp_path / "odd.csv").write_bytes(csv(small().rename(columns={"y": "z"})))
    with pytest.raises(ValueError, match=r"odd has no column 'y'\.\n"):
        table.read_folder(tmp_path, "y")
    (tmp_path / "odd.csv").unlink()
    (tmp_path / "good.tsv").write_bytes(csv())
    with pytest.raises(ValueError, match=r"named 'good'\.\nRename good.tsv"):
        table.read_folder(tmp_path, "y")
    with pytest.raises(ValueError, match=r"There is no folder .*\nCheck"):
        table.read_folder(tmp_path / "none", "y")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n", "Git LFS"),
        ("\n<!DOCTYPE html>\n<html>\n</html>", "web page"),
        ('{"x": 1, "y": 2}\n' * 60, "JSON"),
        ('[{"x": 1, "y": 2}]', "JSON"),
        ("@RELATION iris\n@ATTRIBUTE x NUMERIC\n", "ARFF"),
    ],
)
def test_text_of_another_form_is_named(tmp_path, content, words):
    path = tmp_path / "x.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=words):
        datasets.read(path, "y")


@pytest.mark.parametrize("sign", ["12 €", "5 £", "7 µm", "20 °C", "Müller"])
def test_signs_and_accents_are_western(tmp_path, sign):
    path = tmp_path / "x.csv"
    path.write_bytes(
        (
            "w,x,y\n" + "".join(f"{sign} a,{i % 7},{i % 2}\n{sign} b,{i % 5},{i % 2}\n" for i in range(60))
        ).encode("cp1252")
    )
    found = datasets.read_frame(path)
    assert found.w[0] == f"{sign} a"


@pytest.mark.parametrize("names", [["Unnamed: 0.1", "Unnamed: 0", "x", "y"], ["x", "Unnamed: 0", "y"]])
def test_an_index_that_was_saved_is_left_out(names):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({one: range(80) if "U" in one else rng.normal(size=80) for one in names})
    found = datasets.from_frame(frame, "y")
    assert [one.column for one in found.readings] == ["x", "y"]
    assert "Dropped, an index" in " ".join(found.notes)


def test_two_columns_of_one_name_in_parquet_are_named(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table([[1.0] * 60, [2.0] * 60, [3.0] * 60], names=["x", "x", "y"]), tmp_path / "x.parquet"
    )
    with pytest.raises(ValueError, match="two columns named 'x'"):
        datasets.read(tmp_path / "x.parquet", "y")

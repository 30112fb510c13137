"""One table, written in every way that people and programs write it, is read as the same table."""

import codecs
import io

import numpy as np
import pandas as pd
import pytest

import datasets

N = 80
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "a": RNG.normal(size=N).round(3),
        "b": RNG.normal(size=N).round(3),
        "w": RNG.choice(["u", "v"], N),
        "y": RNG.choice([0, 1], N),
    }
)
WORDS = FRAME.assign(w=FRAME.w.map({"u": "u u", "v": "v v"}))
HOLED = FRAME.assign(a=FRAME.a.mask(FRAME.index % 7 == 0))
NAMED = FRAME.set_axis([f"row {i}" for i in range(N)])
LINES = FRAME.to_csv(index=False).splitlines()
NAMES, ROWS = LINES[0], LINES[1:]


def text(lines):
    return "\n".join(lines)


ALIKE = {  # the file's text, and what is said
    "plain": (text(LINES), ""),
    "sep= and semicolons": ("sep=;\n" + FRAME.to_csv(index=False, sep=";"), ""),
    "sep= in quotes": ('"sep=,"\n' + text(LINES), ""),
    "sep= and tabs": ("sep=\t\n" + FRAME.to_csv(index=False, sep="\t"), ""),
    "row names without a name": (FRAME.to_csv(index_label=False), "left out as the row's name"),
    "row names that are words": (NAMED.to_csv(index_label=False), "left out as the row's name"),
    "row names below an empty name": (NAMED.to_csv(), "Dropped, an index: 'column 1'"),
    "row names among blanks": (NAMED.to_csv(index_label=False, sep=" ", quoting=2), "the row's name"),
    "a separator at each row's end": (text([NAMES, *(row + "," for row in ROWS)]), ""),
    "two of them": (text([NAMES, *(row + ",," for row in ROWS)]), ""),
    "a separator at each line's end": (text(line + "," for line in LINES), "without a name and a value"),
    "a separator behind the names": (text([NAMES + ",", *ROWS]), "without a name and a value: 'column 5'"),
    "a separator at some rows' ends": (
        text([NAMES, *(r + "," * (i % 3 > 0) for i, r in enumerate(ROWS))]),
        "",
    ),
    "a separator at late rows' ends": (text([NAMES, *ROWS[:60], *(row + "," for row in ROWS[60:])]), ""),
    "the names again": (text([*LINES[:40], NAMES, *LINES[40:]]), "Line 41 repeats the names"),
    "the names in quotes again": (text([*LINES[:40], '"a","b","w","y"', *LINES[40:]]), "Line 41 repeats"),
    "the names twice again": (
        text([*LINES[:9], NAMES, *LINES[9:], NAMES]),
        "2 lines repeat .* (line 10, 83)",
    ),
    "units": (text([NAMES, "cm,kg,-,s", *ROWS]), "Line 2 holds no values (cm, kg, -, s)"),
    "units in brackets": (text([NAMES, "(m),(s),,(1)", *ROWS]), "Line 2 holds no values"),
    "types": (text([NAMES, "float,float,str,int", *ROWS]), "Line 2 holds no values"),
    "comments": (text(["# a file", "# of b, and c", *LINES]), ""),
    "names behind a #": (text(["# " + NAMES, *ROWS]), ""),
    "a title": (text(["Report of 2020", "", *LINES]), "from line 1 to 2 is before the names"),
    "facts": (text(["Station,Berlin", "Unit,metric", *LINES]), "from line 1 to 2 is before the names"),
    "facts from a spreadsheet": (text(["Station,Berlin,,", ",,,", *LINES]), "from line 1 to 2 is before"),
    "a sentence": (
        text(["Made on May 5, has, well, many, commas.", *LINES]),
        "Line 1 stands before the names",
    ),
    "carriage returns": ("\r".join(LINES), ""),
    "both ends of lines": ("\r\n".join(LINES), ""),
    "empty lines": ("\n\n".join(LINES), ""),
    "blanks": (text(line.replace(",", " ") for line in LINES), ""),
    "many blanks": (text("  " + line.replace(",", "   ") for line in LINES), ""),
    "a tab or two": (text(line.replace(",", "\t\t") for line in LINES), "without a name and a value"),
    "aligned columns": (FRAME.to_string(index=False), ""),
    "aligned columns and row numbers": (FRAME.to_string(), "left out as the row's name"),
    "everything in quotes": (FRAME.to_csv(index=False, quoting=1), ""),
    "a sum below": (text([*LINES, "", "Total rows: 80"]), "1 row without a target was left out"),
}


def read(tmp_path, content, ending="csv"):
    path = tmp_path / f"x.{ending}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return datasets.read(path, "y")


@pytest.mark.parametrize("way", ALIKE)
def test_a_table_is_read_however_it_is_laid_out(tmp_path, way):
    content, said = ALIKE[way]
    found = read(tmp_path, content)
    assert found.digest == datasets.from_frame(FRAME, "y").digest
    notes = " ".join(found.notes)
    for words in said.split(" .* "):
        assert words in notes


@pytest.mark.parametrize(
    ("frame", "written"),
    [
        (WORDS, WORDS.to_csv(index=False, sep=" ", quoting=1)),
        (WORDS, WORDS.to_string(index=False)),
        (HOLED, HOLED.to_string(index=False)),
        (HOLED, HOLED.to_string(index=False, na_rep="")),
    ],
    ids=["words in quotes", "aligned words", "aligned NaN", "aligned holes"],
)
def test_words_with_blanks_and_holes_are_read_where_columns_are_aligned(tmp_path, frame, written):
    assert read(tmp_path, written, "txt").digest == datasets.from_frame(frame, "y").digest


PEOPLE = ["Anna Smith", "Bo", "Carl von Linne", "Dee Day", "Eve"]


@pytest.mark.parametrize("words", [PEOPLE, ["Bo Li", "Al Wu"], ["A", "B C D E"]])
@pytest.mark.parametrize("align", ["<", ">"])
def test_words_with_blanks_stay_in_their_column_on_either_side(tmp_path, words, align):
    frame = FRAME.assign(name=[words[i % len(words)] for i in range(len(FRAME))])[["name", *FRAME.columns]]
    widths = {name: max(frame[name].astype(str).str.len().max(), len(name)) + 3 for name in frame}
    rows = [list(frame.columns), *frame.astype(str).to_numpy().tolist()]
    lines = ["".join(f"{v:{align}{w}}" for v, w in zip(row, widths.values(), strict=True)) for row in rows]
    assert read(tmp_path, text(lines), "txt").digest == datasets.from_frame(frame, "y").digest


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", "\t"])
def test_unicode_is_read_with_a_mark_and_without(tmp_path, encoding, separator):
    frame = FRAME.assign(w=FRAME.w.map({"u": "naïve", "v": "Łódź"}))
    found = read(tmp_path, frame.to_csv(index=False, sep=separator).encode(encoding))
    assert found.digest == datasets.from_frame(frame, "y").digest


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1251", ["Москва", "Казань"]),
        ("gb18030", ["北京", "上海"]),
        ("shift_jis", ["東京", "大阪"]),
        ("euc_kr", ["서울", "부산"]),
        ("cp1253", ["Αθήνα", "Πάτρα"]),
        ("latin-1", ["café", "über"]),
    ],
)
def test_scripts_in_other_encodings_are_read_and_said(tmp_path, encoding, words):
    frame = FRAME.assign(w=FRAME.w.map(dict(zip("uv", words, strict=True))))
    found = read(tmp_path, frame.to_csv(index=False).encode(encoding))
    assert found.digest == datasets.from_frame(frame, "y").digest
    assert "is not UTF-8 and was read as" in found.notes[0]


def test_a_mark_of_utf_16_without_text_is_empty(tmp_path):
    with pytest.raises(ValueError, match=r"is empty\.\n"):
        read(tmp_path, codecs.BOM_UTF16_LE)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([*LINES[:30], "1,2,u,0,9", *LINES[30:]], r"\(line 31 has 5 values, not 4\)\.\n.*separated by ','"),
        ([*LINES, "1,2,u,0,9"], r"\(line 82 has 5 values, not 4\)"),
        ([NAMES + ",", *(f"{row},{i}" for i, row in enumerate(ROWS))], r"Column 5 of x has no name\.\n"),
        ([NAMES, *(f"{i % 9},{row}" for i, row in enumerate(ROWS))], r"\(line 2 has 5 values, not 4\)"),
        (ROWS, r"no column 'y'|holds numbers"),
    ],
    ids=["a long row", "a long row at the end", "a column without a name", "a value too many", "no names"],
)
def test_what_cannot_be_read_is_said_with_its_line(tmp_path, lines, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        read(tmp_path, text(lines))
    assert "C error" not in str(caught.value)
    assert str(caught.value).count("\n") == 1


@pytest.mark.parametrize("names", [["a"], ["a", "w"], [None]])
def test_a_named_index_of_parquet_is_a_column(tmp_path, names):
    frame = NAMED if names == [None] else FRAME.set_index(names)
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    found = read(tmp_path, buffer.getvalue(), "parquet")
    assert {one.column for one in found.readings} == set(FRAME.columns)
    assert any("index of x.parquet" in note for note in found.notes) == (names != [None])
    block, wanted = found.block(0), datasets.from_frame(FRAME, "y", name="x").block(0)
    np.testing.assert_array_equal(np.sort(block.X_test, axis=1), np.sort(wanted.X_test, axis=1))

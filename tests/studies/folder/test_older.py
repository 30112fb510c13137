"""A run of the format before: shown and reported with what it knows, and never gone on with."""

import json

import pandas as pd
import pytest

import reports
from studies.cli.entry import main
from studies.folder.older import FORMATS
from studies.folder.read import Tables
from studies.folder.schema.tables import TABLES
from tests.support.folders import refused
from tests.support.sealed import seal

CALLS = {"as good": "tied", "not decided": "tied"}
NEW = {  # tables that they have not
    2: (
        "candidates",
        "choices",
        "alternatives",
        "budgets",
        "size_effects",
        "columns",
        "classes",
        "step_times",
    ),
    3: ("columns", "classes", "step_times"),
    4: ("step_times",),
    5: ("step_times",),
}
FIVE = {"comparisons": "family"}
FOUR = FIVE | {"optimizers": "in_numpy"}
LACKS = {3: FOUR | {"datasets": "left_out"}, 4: FOUR, 5: FIVE}  # columns


def as_before(format_, name, frame, read):
    """A table as an older format wrote it."""
    if name in (lacks := LACKS[max(format_, 3)]):
        frame = frame.drop(columns=lacks[name])
    if format_ > 2:
        return frame
    if name == "rows":
        return frame.drop(columns=[column for column in frame if column.startswith(("quarter", "half"))])
    if name in ("comparisons", "decay", "literature"):
        gone = frame.columns.intersection(["verdict", "again", *(["margin"] if name == "decay" else [])])
        return frame.assign(call=frame.verdict.replace(CALLS)).drop(columns=gone)
    if name == "ranking":
        return frame.drop(columns="stable").rename(columns={"unbeaten": "tied_for_best"})
    if name == "picks":
        return frame.assign(tied_with="sgd").drop(columns=["as_good", "not_decided", "what", "recommended"])
    if name == "confirmations":
        return frame[frame.what == "pick"].drop(columns=["what", "draw"])
    if name == "baselines":
        beside = read("alternatives").query("model not in ('pick', 'defaults')")
        return beside[["dataset", "model", "estimate", "low", "high", "level", "blocks"]]
    if name == "learning_rates":
        return frame.rename(columns={"band": "safe"})
    return frame


def older(copy, format_):
    """A finished run, written back to an older format."""
    tables = Tables(copy)
    written = {name: as_before(format_, name, tables[name], tables.__getitem__) for name in TABLES}
    for name, frame in written.items():
        path = copy / "tables" / f"{name}.parquet"
        if name in NEW[format_]:
            path.unlink()
        else:
            frame.to_parquet(path, index=False)
    manifest = json.loads((copy / "manifest.json").read_text()) | {"format": format_}
    if format_ == 2:
        manifest["question"]["results_version"] = 1
        del manifest["question"]["fresh"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return seal(copy)


@pytest.fixture
def old(copy):
    """A run of the oldest format that is read."""
    return older(copy, FORMATS[0])


@pytest.mark.parametrize("format_", FORMATS[1:])
def test_a_run_of_a_late_format_is_read_whole_and_not_gone_on_with(copy, finished, capsys, format_):
    before, path = Tables(finished), older(copy, format_)
    now = Tables(path)
    for name in set(TABLES) - set(LACKS[format_]) - {"step_times"}:
        pd.testing.assert_frame_equal(now[name], before[name])
    assert now["step_times"].empty
    for name, column in LACKS[format_].items():
        assert set(now[name][column]) == {"all" if column == "family" else ""}
    assert main(["show", str(path)]) == 0
    capsys.readouterr()
    refused(capsys, ["run", "--jobs", "1", "--quiet", "--out"], path, f"(format {format_}), and is read only")


def test_an_old_run_is_shown_and_reported_and_says_which_version_it_is_from(old, capsys):
    assert main(["show", str(old)]) == 0
    shown = capsys.readouterr().out
    assert "This run is of results version 1, and this suite makes 4." in shown
    assert "looks at no feature" not in shown  # nothing was compared with its picks
    page = reports.write([old]).read_text()
    assert "results version 1" in page
    assert "When this run was made, nothing was compared with the picks." in page
    assert "come within 1.1 times the best validation error" in page
    assert "The pick is the median of the winning draws" in page
    assert "0 fresh blocks" not in page


def test_what_is_known_of_an_old_run_is_kept_and_what_is_not_is_empty(old, finished):
    before, now = Tables(finished), Tables(old)
    assert set(now.all()) == set(TABLES)
    for name in ("curves", "readings", "ratios", "tuning", "optimizers", "takehome"):
        pd.testing.assert_frame_equal(now[name], before[name])
    calls = now["comparisons"]
    verdicts = before["comparisons"].verdict
    assert calls.verdict.tolist() == verdicts.tolist()
    assert calls.again.isna().all()
    assert now["ranking"].unbeaten.tolist() == before["ranking"].unbeaten.tolist()
    assert set(now["picks"].recommended) == {"pick"}
    assert set(now["picks"].not_decided) == {"sgd"}
    assert now["rows"].quarter_test_error.isna().all()
    assert now["learning_rates"].band.tolist() == before["learning_rates"].band.tolist()
    for name in ("choices", "budgets", "baselines", "size_effects"):
        assert now[name].empty
    models = before["alternatives"].query("model != 'defaults'")
    assert set(zip(now["alternatives"].dataset, now["alternatives"].model, strict=True)) == set(
        zip(models.dataset, models.model, strict=True)
    )


@pytest.mark.parametrize("words", [["run", "--jobs", "1", "--quiet", "--out"], ["run", "--dry-run", "--out"]])
def test_an_old_run_is_not_gone_on_with(old, capsys, words):
    remedy = refused(capsys, words, old, "was written by an older version (format 2), and is read only")
    assert "--out" in remedy


def test_a_damaged_table_of_an_old_run_is_named(old, capsys):
    path = old / "tables" / "comparisons.parquet"
    frame = pd.read_parquet(path)
    frame.drop(columns="call").to_parquet(path, index=False)
    seal(old)
    refused(capsys, ["show"], old, "comparisons.parquet is damaged: it is none of format 2")
    frame.assign(call="perhaps").to_parquet(path, index=False)
    seal(old)
    refused(capsys, ["show"], old, "comparisons.parquet is damaged: ")
    path.write_bytes(path.read_bytes()[:-1])
    refused(capsys, ["show"], old, "its content is not what was written")

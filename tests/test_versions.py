"""What readers rely on changes with FORMAT alone, and no number moves without RESULTS_VERSION."""

import json

import numpy as np

from studies.folder.schema.columns import Column, Schema
from studies.folder.schema.tables import FORMAT, TABLES
from studies.question.identity import RESULTS_VERSION
from tests.record.record_versions import RECORD, bytes_of, quick, results, schema

KEPT = json.loads(RECORD.read_text())
AGAIN = "raise it, then: .venv/bin/python -m tests.record.record_versions"


def test_a_table_a_column_or_a_note_changes_with_the_format():
    assert KEPT["format"] == FORMAT, f"FORMAT is {FORMAT}: record it"
    assert schema() == KEPT["schema"], f"readers rely on FORMAT; {AGAIN}"


def test_a_new_table_and_a_changed_column_are_seen_and_prose_is_not(monkeypatch):
    usual = schema()
    monkeypatch.setitem(TABLES, "new", Schema(("dataset",), {"dataset": Column("string", "its name")}))
    assert schema() != usual
    monkeypatch.undo()
    rows = TABLES["rows"]
    for column, same in ((Column("float", "other words", least=0), True), (Column("float", "x"), False)):
        monkeypatch.setitem(TABLES, "rows", rows._replace(columns=rows.columns | {"lr": column}))
        assert (schema() == usual) is same
        monkeypatch.undo()


def test_no_number_of_a_tiny_study_moves_without_the_version(tmp_path):
    found = results(tmp_path / "tiny")
    assert KEPT["results_version"] == RESULTS_VERSION, f"RESULTS_VERSION is {RESULTS_VERSION}: record it"
    assert list(found) == list(KEPT["results"])
    for name, numbers in KEPT["results"].items():
        np.testing.assert_allclose(found[name], numbers, rtol=1e-3, atol=1e-9, err_msg=f"{name}; {AGAIN}")
    assert bytes_of(tmp_path / "tiny") == KEPT["tiny"], "the first digits are right, the last are not"


def test_quick_has_the_same_bytes_on_every_machine(tmp_path):
    assert quick(tmp_path / "quick") == KEPT["quick"]

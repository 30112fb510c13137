"""runs/index.html: all runs of a folder, whatever state they are in, and no surprise elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pandas as pd
import pytest

import reports.page
from reports.exports import index
from reports.exports.beside import beside
from studies.folder.manifest import read_manifest
from studies.folder.read import Tables
from studies.folder.run_folder import RunFolder
from tests.reports.test_report_page import check
from tests.support.bending import HOSTILE, Bend, hostile_names

PARTS = ("manifest.json", "machine.json", "timings.jsonl", "tables", "lock")


@pytest.fixture(autouse=True)
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is made at once, and no CSVs."""
    monkeypatch.setattr(reports.page, "make", lambda *_: SimpleNamespace(page=b"page", pictures=[[]]))
    monkeypatch.setattr("reports.files._csvs", lambda *_: None)


@pytest.fixture
def runs(real: Path, tmp_path: Path) -> Path:
    """A folder of two runs that nobody reported yet."""
    folder = tmp_path / "runs"
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        for part in PARTS:
            where = shutil.copytree if (real / part).is_dir() else shutil.copy
            where(real / part, folder / name / part)
    return folder


class Rows(HTMLParser):
    """The cells of each row of the index, by folder, and its links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self.inside = self.inside or tag == "td" or tag == "th"
        self.links += [str(value) for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def made(folder: Path) -> Rows:
    page = (folder / index.NAME).read_text()
    check(page)
    assert "<script" not in page
    assert "default-src 'none'; style-src 'unsafe-inline'\"" in page
    return Rows(page)


def line(folder: Path, name: str) -> list[str]:
    (found,) = (row for row in made(folder).rows[1:] if row[0].startswith(name))
    return found


def test_every_report_lists_all_runs_with_verdict_size_checks_and_page(runs: Path) -> None:
    reports.write([runs / "one"])
    found = line(runs, "one")
    run = reports.read(runs / "one")
    assert found[1] == reports.verdict(run)[0]
    assert found[2] == "2 datasets × 3 optimizers × 8 blocks"
    audit = run["audit"]
    checks = audit.status.isin(["ok", "look"]).sum()
    assert found[3] == f"{(audit.status == 'look').sum()} of {checks}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found[4])
    size = sum(path.lstat().st_size for path in (runs / "one").rglob("*") if not path.is_dir())
    assert found[5] == f"{size / 1e6:.1f} MB"
    assert found[0] == "onestudy “small”report.html"
    assert line(runs, "two") == ["twostudy “small”", *found[1:5], line(runs, "two")[5]]
    assert made(runs).links == ["one/report.html"]


def test_a_line_is_the_same_by_tables_and_by_what_stands_beside_a_page(runs: Path) -> None:
    reports.write([runs / "one"])
    (by_results,) = list(index._made(runs / "one"))
    assert index._of_results(by_results.results) == index._of_tables(Tables(runs / "one"))


def test_pages_above_are_found_by_what_they_were_made_of(runs: Path) -> None:
    reports.write([runs / "one"], runs / "report.html")
    reports.write([runs / "two"], runs / "a page.html")
    frame = pd.read_parquet(runs / "two" / "tables" / "audit.parquet")
    RunFolder(runs / "two", read_manifest(runs / "two")).add_tables({"audit": frame.assign(status="info")})
    reports.write([runs / "two"])
    assert line(runs, "two")[0] == "twostudy “small”report.html"
    assert line(runs, "two")[3] == "0 of 0"
    assert {unquote(link) for link in made(runs).links} == {"report.html", "a page.html", "two/report.html"}
    assert "a page.html" in line(runs, "one")[0]  # whose tables are those of which it was made


def test_a_page_that_is_older_than_its_run_says_so(runs: Path) -> None:
    reports.write([runs / "two"])
    frame = pd.read_parquet(runs / "two" / "tables" / "audit.parquet")
    RunFolder(runs / "two", read_manifest(runs / "two")).add_tables({"audit": frame.assign(status="look")})
    reports.write([runs / "one"])
    found = line(runs, "two")
    assert found[0].endswith("report.html, older than its tables")
    assert found[3] == f"{len(frame)} of {len(frame)}"


def cut(run: Path) -> None:
    (run / "tables" / "ranking.parquet").unlink()


def flip(run: Path) -> None:
    path = run / "tables" / "audit.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def unfinished(run: Path) -> None:
    shutil.rmtree(run / "tables")


def old(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"format": 1}))


def no_json(run: Path) -> None:
    (run / "manifest.json").write_text("{")


def pipe(run: Path) -> None:
    (run / "manifest.json").unlink()
    os.mkfifo(run / "manifest.json")


DAMAGE: dict[Callable[[Path], None], str] = {
    cut: "two/tables/ranking.parquet is damaged: it is gone.",
    flip: "two/tables/audit.parquet is damaged",
    unfinished: "two has no tables yet: its study is unfinished.",
    old: "two was written by an older version",
    no_json: "two/manifest.json is no manifest of this suite",
    pipe: "no regular file",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda one: one.__name__)
@pytest.mark.parametrize("reported", [True, False])
def test_a_run_that_cannot_be_read_is_listed_with_its_reason(
    runs: Path, damage: Callable[[Path], None], reported: bool
) -> None:
    if reported:
        reports.write([runs / "two"])
    damage(runs / "two")
    reports.write([runs / "one"])
    assert DAMAGE[damage] in line(runs, "two")[1]
    assert str(runs) not in (runs / index.NAME).read_text()


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"schema_version": 3, "tables": []}', '{"schema_version": 3, "tables": {"audit": 3}}', "{}"],
)
def test_a_forged_results_file_harms_nothing(runs: Path, content: str) -> None:
    (runs / "two" / "results.json").write_text(content)
    (runs / "results.json").write_text(content)
    reports.write([runs / "one"])
    assert line(runs, "two")[2] == "2 datasets × 3 optimizers × 8 blocks"


def test_a_forged_sentence_stays_text(runs: Path) -> None:
    reports.write([runs / "two"])
    path = runs / "two" / "results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"verdict": ["<script>alert(1)</script>"]}))
    reports.write([runs / "one"])
    assert line(runs, "two")[1] == "<script>alert(1)</script>"


def test_a_fault_of_our_own_in_one_line_fails_no_report(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(index, "verdict", broken)
    page = reports.write([runs / "one"])
    assert page.is_file()
    assert "it cannot be shown (RuntimeError)" in line(runs, "two")[1]


def test_hostile_names_stay_text(bend: Bend, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    name = "<b> & 'x' #1 %41"
    shutil.move(bend(hostile_names), folder / name)
    reports.write([folder / name])
    found = line(folder, name)
    assert HOSTILE[0] in found[0]
    (link,) = made(folder).links
    assert (folder / unquote(link)).is_file()
    assert "\u202e" not in (folder / index.NAME).read_text()


def test_no_index_where_none_is_expected(real: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "thesis" / "run"
    shutil.copytree(real, elsewhere)
    reports.write([elsewhere])
    assert not (tmp_path / "thesis" / index.NAME).exists()


@pytest.mark.parametrize("own", ["<h1>My runs</h1>", ""])
def test_an_index_of_somebody_elses_stays(runs: Path, own: str) -> None:
    (runs / index.NAME).write_text(own)
    reports.write([runs / "one"])
    assert (runs / index.NAME).read_text() == own


def test_a_link_and_a_folder_in_its_place_stay(runs: Path, tmp_path: Path) -> None:
    (runs / index.NAME).symlink_to(tmp_path / "away.html")
    reports.write([runs / "one"])
    assert not (tmp_path / "away.html").exists()
    (runs / index.NAME).unlink()
    (runs / index.NAME).mkdir()
    reports.write([runs / "one"])
    assert (runs / index.NAME).is_dir()


def test_a_folder_that_cannot_be_written_to_gets_no_index_and_no_error(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != runs and access(path, mode))
    assert reports.write([runs / "one"]).is_file()
    assert not (runs / index.NAME).exists()


def test_the_last_trained_comes_first_and_one_without_times_last(runs: Path) -> None:
    os.utime(runs / "one" / "timings.jsonl", (1e9, 1e9))
    os.utime(runs / "two" / "timings.jsonl", (2e9, 2e9))
    shutil.copytree(runs / "one", runs / "a third")
    (runs / "a third" / "timings.jsonl").unlink()
    (runs / "no run").mkdir()
    reports.write([runs / "one"])
    found = [row[0][:3] for row in made(runs).rows[1:]]
    assert found == ["two", "one", "a t"]
    assert line(runs, "a third")[4] == ""
    assert line(runs, "one")[4].startswith("2001-09-0")


def test_what_stands_beside_pages_is_what_the_index_looks_for(real: Path) -> None:
    run = reports.read(real)
    for page in (real / "report.html", real / "both.html"):
        (name,) = (one for one in beside(run, page) if one.endswith("results.json"))
        assert name in ("results.json", "both-results.json")

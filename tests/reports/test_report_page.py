"""The page: one file, safe, readable by machines, the same bytes for the same tables."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import reports
from reports.entry import main
from tests.support.bending import (
    HOSTILE,
    Bend,
    Frames,
    Manifest,
    all_diverged,
    hostile_names,
    one_dataset,
    one_optimizer,
    too_few,
    unchanged,
)
from tests.support.sealed import seal

BESIDE = ("summary.md", "results.json", "table.tex", "citation.bib", "methods.txt")
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Checker(HTMLParser):
    """Balanced tags, all attributes, the text outside of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def check(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    ids = [attrs["id"] for _, attrs in checker.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    return checker


@pytest.fixture(scope="module")
def made(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run with its report."""
    folder = tmp_path_factory.mktemp("made") / "small"
    shutil.copytree(real, folder)
    reports.write([folder])
    return folder


def outputs(folder: Path) -> dict[str, bytes]:
    names = ["report.html", *sorted(str(p.relative_to(folder)) for p in folder.glob("*/*.[pc][ns][gv]"))]
    return {name: (folder / name).read_bytes() for name in names}


def test_same_bytes_again_and_in_another_process(made: Path, tmp_path: Path) -> None:
    first = outputs(made)
    assert len(first) > 20
    shutil.copytree(made, tmp_path / "elsewhere" / "under another name")
    other = tmp_path / "elsewhere" / "under another name"
    for path in [other / "figures", other / "csv"]:
        shutil.rmtree(path)
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "reports", str(other)],
        env={**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"},
        check=True,
        capture_output=True,
    )
    assert outputs(other) == first
    reports.write([made])
    assert outputs(made) == first


@pytest.mark.slow
def test_only_the_machine_section_differs_on_another_machine(bend: Bend) -> None:
    def slower(frames: Frames, manifest: Manifest) -> None:
        frames["timings"] = frames["timings"].assign(seconds=frames["timings"].seconds * 7).iloc[:-1]

    one, two = bend(unchanged), bend(slower)
    (two / "machine.json").write_text(json.dumps({"processor": "another <one>", "cores": 96}))
    pages = [reports.write([folder]).read_text() for folder in (one, two)]
    cut = re.compile(r'<section id="this-machine".*?</section>', re.S)
    parts = [cut.findall(page) for page in pages]
    assert [len(found) for found in parts] == [1, 1]
    assert parts[0] != parts[1]
    assert cut.sub("", pages[0]) == cut.sub("", pages[1])


def test_page_is_balanced_and_needs_nothing_from_outside(made: Path) -> None:
    page = (made / "report.html").read_text()
    checker = check(page)
    for tag, attrs in checker.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form"), tag
        for name, value in attrs.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href"):
                assert value is not None
                assert value.startswith(("#", "data:image/png", "csv/", "figures/", *BESIDE)), (
                    tag,
                    name,
                    value,
                )
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert len(page.encode()) < 2_000_000


def test_content_security_policy_admits_the_one_script(made: Path) -> None:
    page = (made / "report.html").read_text()
    policies = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert len(policies) == len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policies[0] == (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    )


def test_every_figure_has_a_title_a_description_data_and_a_png(made: Path) -> None:
    page = (made / "report.html").read_text()
    figures = re.findall(r"<figure.*?</figure>", page, re.S)
    pictures = sorted((made / "figures").glob("*.png"))
    assert len(figures) == len(pictures) >= 8
    for figure in figures:
        assert figure.count("<svg") == figure.count("<figcaption>") == 1
        svg = figure[figure.index("<svg") :]
        assert 'role="img"' in svg.split(">")[0]
        name = re.search(r'aria-labelledby="(\S+)-title', svg)
        assert name is not None
        for tag in ("title", "desc"):
            text = re.search(rf'<{tag} id="{name[1]}-{tag}">([^<]+)</{tag}>', svg)
            assert text is not None
            assert len(text[1]) > 10
        assert (made / "figures" / f"{name[1]}.png").read_bytes().startswith(b"\x89PNG")
        article = page[page.index(f'id="{name[1]}-title"') :].split("</article>")[0]
        assert "<details><summary>Data of this figure</summary>" in article
        assert f'href="figures/{name[1]}.png"' in article


def test_every_question_is_answered_in_one_paragraph(made: Path) -> None:
    page = (made / "report.html").read_text()
    for article in re.findall(r"<article.*?</article>", page, re.S):
        assert re.search(r"<h3 [^>]*>[^<]+\?</h3>(</summary>)?\n<p class=\"says\">[^<]{16,}</p>", article), (
            article[:300]
        )


def test_every_table_has_a_csv_that_comes_back_as_it_was(made: Path) -> None:
    for path in sorted((made / "tables").glob("*.parquet")):
        raw = (made / "csv" / f"{path.stem}.csv").read_bytes()
        assert b"\r" not in raw
        table = pd.read_parquet(path)
        back = pd.read_csv(made / "csv" / f"{path.stem}.csv", keep_default_na=False, na_values=[""])
        for column in table.select_dtypes("number"):
            np.testing.assert_array_equal(back[column].to_numpy(float), table[column].to_numpy(float))


def test_headings_descend_and_scroll_boxes_have_names(made: Path) -> None:
    checker = check((made / "report.html").read_text())
    levels = [int(tag[1]) for tag, _ in checker.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    boxes = [attrs for _, attrs in checker.tags if "scroll" in (attrs.get("class") or "").split()]
    assert boxes
    assert all(box.get("role") == "region" and box.get("aria-label") for box in boxes)
    assert not any("tabindex" in box for box in boxes)  # the script gives it to those that scroll


@pytest.mark.slow
def test_hostile_names_stay_text(bend: Bend) -> None:
    folder = bend(hostile_names)
    page = reports.write([folder]).read_text()
    checker = check(page)
    scripts = [attrs for tag, attrs in checker.tags if tag == "script"]
    assert len(scripts) == 1
    assert "b" not in [tag for tag, attrs in checker.tags if "onload" in attrs]
    text = "".join(checker.text)
    assert HOSTILE[0] in text
    assert "$x_1$ and $\\frac" in text
    assert "🙂" in text
    assert "\u202e" not in page
    assert "\x07" not in page


@pytest.mark.parametrize(
    "edit",
    [too_few, all_diverged, *(pytest.param(e, marks=pytest.mark.slow) for e in (one_optimizer, one_dataset))],
)
def test_hard_cases_come_out_whole(bend: Bend, edit: Any) -> None:
    folder = bend(edit)
    page = reports.write([folder]).read_text()
    check(page)
    text = " ".join(check(re.sub(r'<pre class="data".*?</pre>', "", page, flags=re.S)).text)  # CSV has inf
    assert "What should I use?" in text
    assert "cannot be told apart" not in text
    assert not re.search(r"\bnan\b|\binf\b|None\b", text)
    if edit is too_few:
        assert "run with --blocks 4" in text
        assert "nothing beats" not in text.replace("Tied for best: nothing beats them", "")
    if edit is one_optimizer:
        assert "nothing is compared" in text
    if edit is all_diverged:
        assert "infinite" in text


@pytest.mark.slow
def test_changes_stand_in_line_two(bend: Bend, made: Path) -> None:
    def edit(frames: Frames, manifest: Manifest) -> None:
        manifest["changes"] = ["blocks: 8 (named study: 20)"]

    page = reports.write([bend(edit)]).read_text()
    assert "Changed from the named study: blocks: 8 (named study: 20)" in page
    assert "python -m studies run small --optimizers sgd,momentum,adam" in page
    plain = (made / "report.html").read_text()
    assert "Changed from the named study" not in plain
    assert "make study NAME=small" in plain


def test_bad_input_is_one_sentence_and_a_remedy(
    bend: Bend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = dict.fromkeys(["damaged", "newer", "unfinished", "no column", "no manifest"])
    folders = {case: bend(unchanged) for case in cases}
    (folders["damaged"] / "tables" / "rows.parquet").write_bytes(b"PAR1 no more")
    manifest = json.loads((folders["newer"] / "manifest.json").read_text())
    (folders["newer"] / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    shutil.rmtree(folders["unfinished"] / "tables")
    picks = pd.read_parquet(folders["no column"] / "tables" / "picks.parquet").drop(columns="confirmed")
    picks.to_parquet(folders["no column"] / "tables" / "picks.parquet")
    seal(folders["no column"])
    (folders["no manifest"] / "manifest.json").write_text("{}")
    said = {
        "damaged": ("rows.parquet is damaged", "python -m studies run --out "),
        "newer": ("by a newer version (format 99;", "Update"),
        "unfinished": (
            "has no tables yet: its study is unfinished.",
            "Finish it: python -m studies run --out ",
        ),
        "no column": (
            "picks.parquet is damaged: it has no column 'confirmed'",
            "python -m studies run --out ",
        ),
        "no manifest": ("is no manifest of this suite", "Choose another folder"),
    }
    arguments = {case: [str(folder)] for case, folder in folders.items()}
    arguments |= {"missing": [str(tmp_path / "nowhere")], "two": [str(bend(unchanged))] * 2}
    said |= {
        "missing": ("is no run folder", "make study"),
        "two": ("is named twice", "Name each run folder once"),
    }
    for case, (sentence, remedy) in said.items():
        assert main(arguments[case]) == 2
        out, err = capsys.readouterr()
        lines = err.splitlines()
        assert out == ""
        assert len(lines) == 2, case
        assert sentence in lines[0], case
        assert remedy in lines[1], case


@pytest.mark.slow
def test_command_says_verdict_path_and_what_to_look_at(
    bend: Bend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = bend(unchanged)
    page = tmp_path / "page.html"
    assert main([str(folder), "-o", str(page)]) == 0
    lines = capsys.readouterr().out.splitlines()
    run = reports.read(folder)
    assert lines[:2] == reports.verdict(run)
    assert lines[2] == str(page)
    assert len(lines) == 3 + int((run["audit"].status == "look").sum())
    assert 'href="csv/' not in page.read_text()


def test_room_imports_nothing_that_computes() -> None:
    code = (
        "import sys, reports.page\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'dlopt', 'datasets', 'optuna', 'sklearn'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""A study with its page by one command: what is written, what is said, and what an error leaves."""

import contextlib
import json
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from studies.cli import run as reported
from studies.cli.entry import main
from studies.cli.overrides import Asked
from studies.errors import FailedError, UsageError
from tests.support.tiny import tiny


@pytest.fixture
def home(finished, tmp_path, monkeypatch):
    """A folder with finished tiny runs where `make study` would have them."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished, "runs/default")
    shutil.copytree(finished, "runs/claims")
    monkeypatch.setattr(reported, "asked", lambda name, flags: Asked(tiny(), Path(f"runs/{name}"), 1))
    return tmp_path


def first(out="runs/default", **changes):
    return Asked(tiny(**changes), Path(out), 1)


def everything(one, *, as_json=False):
    return list(reported.reported(one, quiet=True, as_json=as_json))


@pytest.fixture
def pages(monkeypatch):
    """The pages that would be drawn: runs, place, and whether in silence."""
    drawn = []

    def write(folders, page, *, silent):
        drawn.append(([str(one) for one in folders], str(page), silent))
        return 0

    monkeypatch.setattr(reported, "_write", write)
    return drawn


def test_after_the_default_study_come_the_claims_and_one_page_of_both(home, pages):
    texts = everything(first())
    assert [text.split(" ")[0] for text in texts] == ["runs/default", "runs/claims"]
    assert pages == [(["runs/default", "runs/claims"], "runs/report.html", False)]


def test_any_other_study_has_its_page_in_its_folder(home, pages):
    shutil.copytree("runs/default", "runs/other")
    assert len(everything(first("runs/other"))) == 1
    assert pages == [(["runs/other"], "runs/other/report.html", False)]


def test_as_json_all_is_one_document(home, pages):
    (document,) = everything(first(), as_json=True)
    assert (document["run"], document["report"]) == ("runs/default", "runs/report.html")
    assert pages[0][2]


def test_a_dry_run_tells_both_and_draws_nothing(home, pages):
    told = list(reported.planned(first(), as_json=False))
    assert [text.split(" ")[0] for text in told] == ["runs/default", "runs/claims"]
    assert len(list(reported.planned(first(), as_json=True))) == 1
    assert pages == []


def fails(name, error):
    """`run_study`, which fails with an error in one folder."""

    def run(study, out, jobs, *, quiet, as_json):
        if out.name == name:
            raise error
        return {"run": str(out)} if as_json else f"{out} done"

    return run


def test_what_failed_keeps_the_page_and_is_said_at_the_end(home, pages, monkeypatch):
    monkeypatch.setattr(reported, "run_study", fails("default", FailedError("It failed.", "Mend it.")))
    told = reported.reported(first(), quiet=True, as_json=False)
    assert next(told) == "runs/claims done"
    assert pages == []
    with pytest.raises(FailedError, match=r"It failed\."):
        next(told)
    assert pages[0][0] == ["runs/default", "runs/claims"]


@pytest.mark.parametrize("error", [UsageError("No.", "Do."), OSError("No."), RuntimeError("No.")])
def test_claims_that_cannot_be_asked_keep_the_page_of_the_study(home, pages, monkeypatch, error):
    monkeypatch.setattr(reported, "run_study", fails("claims", error))
    with pytest.raises(type(error), match=r"No\."):
        everything(first())
    assert pages == [(["runs/default"], "runs/report.html", False)]


def test_of_two_errors_both_are_said_and_the_larger_code_is_given(home, pages, monkeypatch, capsys):
    errors = {"default": FailedError("It failed.", "Mend it."), "claims": UsageError("No.", "Do.")}

    def run(study, out, *_, **__):
        raise errors[out.name]

    monkeypatch.setattr(reported, "run_study", run)
    monkeypatch.setattr("studies.cli.overrides.asked", lambda name, flags: first())
    assert main(["run", "--report", "--quiet"]) == 2
    assert capsys.readouterr().err == "It failed.\nMend it.\nNo.\nDo.\n"
    assert pages == [(["runs/default"], "runs/report.html", False)]


def test_bad_input_ends_before_anything_is_drawn(home, pages, monkeypatch):
    monkeypatch.setattr(reported, "run_study", fails("default", UsageError("No.", "Do.")))
    with pytest.raises(UsageError, match=r"No\."):
        everything(first())
    assert pages == []


def test_a_run_without_tables_has_no_page(home, pages, monkeypatch):
    shutil.rmtree("runs/default/tables")  # those of the claims stay
    error = FailedError("All failed.", "Mend it.")
    monkeypatch.setattr(reported, "run_study", fails("default", error))
    with pytest.raises(FailedError, match=r"All failed\."):
        everything(first())
    assert pages == []


@pytest.mark.parametrize(
    ("code", "failed", "expected"), [(2, None, 2), (130, "yes", 130), (2, "yes", 1), (0, None, 0)]
)
def test_the_exit_code_is_that_of_the_page_or_of_what_failed(
    home, monkeypatch, capsys, code, failed, expected
):
    if code == 130:
        monkeypatch.setattr(reported.interrupts, "child", ended(130))
    else:
        monkeypatch.setattr(reported, "_write", lambda *_, **__: code)
    if failed:
        monkeypatch.setattr(reported, "run_study", fails("default", FailedError("It failed.", "Mend it.")))
    monkeypatch.setattr("studies.cli.overrides.asked", lambda name, flags: first())
    assert main(["run", "--report", "--quiet"]) == expected
    assert ("It failed." in capsys.readouterr().err) == (expected == 1)


@pytest.mark.slow
def test_the_page_is_drawn_by_another_process(home, capfd):
    assert reported._write([Path("runs/nothing")], Path("page.html"), silent=False) == 2
    assert "runs/nothing is no run folder" in capfd.readouterr().err
    handler = signal.getsignal(signal.SIGINT)
    assert reported._write([Path("runs/default")], Path("page.html"), silent=True) == 0
    assert signal.getsignal(signal.SIGINT) is handler
    assert capfd.readouterr().out == ""
    assert (home / "page.html").read_text().startswith("<!doctype html>")


def ended(code):
    """In place of a child that ends with a code."""

    @contextlib.contextmanager
    def child(*_, **__):
        yield SimpleNamespace(wait=lambda: code)

    return child


def test_a_page_whose_process_was_killed_is_said(home, monkeypatch):
    monkeypatch.setattr(reported.interrupts, "child", ended(-9))
    with pytest.raises(
        FailedError, match=r"ended by signal 9\.\nWrite the page again: python -m reports runs/x "
    ):
        reported._write([Path("runs/x")], Path("page.html"), silent=False)


def test_an_interrupted_page_is_an_interrupted_study(home, monkeypatch):
    monkeypatch.setattr(reported.interrupts, "child", ended(130))
    with pytest.raises(KeyboardInterrupt):
        reported._write([Path("runs/x")], Path("page.html"), silent=False)


@pytest.mark.slow
def test_the_document_on_standard_output_is_all_there_is(home, monkeypatch, capfd):
    monkeypatch.setattr("studies.cli.overrides.asked", lambda name, flags: first())
    assert main(["run", "--report", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["report"] == "runs/report.html"

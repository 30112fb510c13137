"""A run in a shared database: what is replaced and what never, and that no password is ever shown."""

import json
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pandas as pd
import pytest
from sqlalchemy.exc import OperationalError

from studies.cli.entry import main
from studies.errors import masked
from studies.folder.manifest import read_manifest
from studies.folder.run_folder import RunFolder
from studies.takehome import database

ROOT = Path(__file__).parents[3]
PASSWORD = "s3cret-Word"
NO_NAME = "--storage names no file, no variable and no URL."
TOO_EARLY = ("--storage is no URL",)  # it holds a password, as far as one can tell
EXPOSED = "Others can read the password in the list of processes: put the URL in a variable, env:NAME."


@pytest.fixture
def mine(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "mine")


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/shared {{x}}.db"


class Database:
    """The same database, seen with Optuna alone."""

    def __init__(self, url):
        self.storage = optuna.storages.RDBStorage(url.replace("{", "{{").replace("}", "}}"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.storage.remove_session()
        self.storage.engine.dispose()

    def load(self, name):
        return optuna.load_study(study_name=name, storage=self.storage)

    def ids(self):
        return {s.study_name: s._study_id for s in self.storage.get_all_studies()}


def spoil(run, dataset, optimizer):
    """Another value in one search row of a run, as if it had been trained otherwise."""
    path = run / "tables" / "rows.parquet"
    rows = pd.read_parquet(path)
    here = (rows.dataset == dataset) & (rows.optimizer == optimizer) & (rows.kind == "search")
    rows.loc[rows.index[here][0], "best_validation_loss"] = 7.5
    RunFolder(run, read_manifest(run)).add_tables({"rows": rows})


def test_a_run_joins_a_database_under_its_own_name(mine, url, tmp_path, capsys):
    (tmp_path / "url").write_text(url + "\n")
    assert main(["mirror", str(mine), "--storage", str(tmp_path / "url"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    names = {f"mine: {d} · {o}" for d in ("wine", "diabetes") for o in ("sgd", "adam")}
    assert set(document["studies"]) == names
    rows = pd.read_parquet(mine / "tables" / "rows.parquet")
    rows = rows[(rows.dataset == "wine") & (rows.optimizer == "adam") & (rows.kind == "search")]
    with Database(url) as shared:
        assert set(shared.ids()) == names
        study = shared.load("mine: wine · adam")
        assert [t.value for t in study.trials] == rows.best_validation_loss.tolist()
        assert study.user_attrs["run"] == f"{socket.gethostname()}:{mine}"
    assert not (mine / "optuna.journal").exists()


def test_made_again_only_its_own_changed_studies_are_replaced(mine, url, monkeypatch, capsys):
    monkeypatch.setenv("SHARED", url)
    command = ["mirror", str(mine), "--storage", "env:SHARED"]
    with Database(url) as shared:
        foreign = optuna.create_study(study_name="wine · adam", storage=shared.storage)
        foreign.add_trial(optuna.create_trial(value=1.0))
        assert main(command) == 0
        first = shared.ids()
        assert main(command) == 0
        assert shared.ids() == first
        shared.load("mine: wine · adam").add_trial(optuna.create_trial(value=2.0))
        assert main(command) == 0
        assert len(shared.load("mine: wine · adam").trials) == 16
        spoil(mine, "diabetes", "adam")
        capsys.readouterr()
        assert main(command) == 0
        assert capsys.readouterr().err == "mine: diabetes · adam: 16 trials\n"
        last = shared.ids()
        assert {name for name in last if last[name] != first[name]} == {
            "mine: diabetes · adam",
            "mine: wine · adam",
        }
        assert 7.5 in [t.value for t in shared.load("mine: diabetes · adam").trials]
        assert [t.value for t in foreign.trials] == [1.0]


def test_a_mirror_that_was_killed_is_made_whole(mine, url, monkeypatch):
    command = ["mirror", str(mine), "--storage", url]
    add = optuna.Study.add_trials

    def half(study, trials):
        add(study, trials[:5])
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna.Study, "add_trials", half)
    assert main(command) == 130
    monkeypatch.undo()
    with Database(url) as shared:
        mark, name = sorted(shared.ids(), key=lambda name: "(unfinished)" not in name)
        assert mark.startswith("mine (unfinished, ")
        assert len(shared.load(name).trials) == 5
        optuna.create_study(study_name="mine: wine · sgd", storage=shared.storage)  # killed at its creation
        assert main(command) == 0
        assert {len(shared.load(n).trials) for n in shared.ids()} == {16}


@pytest.mark.parametrize("whose", ["of nobody", "of a run elsewhere"])
def test_a_name_that_is_taken_is_refused_and_nothing_is_written(mine, url, tmp_path, capsys, whose):
    with Database(url) as shared:
        if whose == "of nobody":
            optuna.create_study(study_name="mine: wine · sgd", storage=shared.storage)
        else:
            other = shutil.copytree(mine, tmp_path / "elsewhere" / "mine")
            assert main(["mirror", str(other), "--storage", url]) == 0
            for dataset, optimizer in (("wine", "sgd"), ("diabetes", "adam")):
                spoil(mine, dataset, optimizer)
        before = shared.ids()
        capsys.readouterr()
        assert main(["mirror", str(mine), "--storage", url]) == 2
        sentence, remedy = capsys.readouterr().err.splitlines()
        assert "The database has another 'mine: " in sentence
        assert ("from an unknown place" if whose == "of nobody" else str(other)) in sentence
        assert "cp -r" in remedy
        assert shared.ids() == before


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("env:NO_SUCH_NAME", "--storage names an environment variable that is not set."),
        ("SHARED", "Did you mean env:SHARED?"),
        ("no-such-file", NO_NAME),
        (PASSWORD, NO_NAME),
        (f"env:{PASSWORD}", "--storage names an environment variable that is not set."),
        (PASSWORD * 40, NO_NAME),  # too long for a file's name
        (f"host=127.0.0.1 user=me password={PASSWORD}", NO_NAME),
        (f"me:{PASSWORD}@127.0.0.1/mine", NO_NAME),
        ("env:SHARED", "env:SHARED holds no URL"),
        (f"postgresql://me:{PASSWORD}/mine", "--storage is no URL"),
        (f"postgresql://me:a@{PASSWORD}@127.0.0.1/mine", "--storage is no URL"),
        (f"oracel://me:{PASSWORD}@127.0.0.1/mine", "--storage is no URL"),
        (f"mysql://me:{PASSWORD}@127.0.0.1/mine", "--storage is no URL"),
        (f"postgresql://me:{PASSWORD}@127.0.0.1:1/mine", "Connection refused"),
        (f"postgres://127.0.0.1:1/mine?user=me&password={PASSWORD}", "Connection refused"),
        (f"postgresql://me:{PASSWORD}@127.0.0.1:1/mine?colour=red", "invalid connection option"),
        ("sqlite:////no/such/folder/x.db", "unable to open database file"),
    ],
)
@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_a_storage_that_will_not_do_is_told_without_its_password(
    mine, monkeypatch, capsys, storage, words, debug
):
    monkeypatch.setattr(database, "PAUSES", ())
    monkeypatch.setenv("SHARED", PASSWORD)
    assert main([*debug, "mirror", str(mine), "--storage", storage]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert PASSWORD not in err
    assert ("Traceback" in err) == bool(debug)
    told = [line for line in err.splitlines() if line != EXPOSED]
    assert debug or len(told) == 2, err
    assert (EXPOSED in err) == (PASSWORD in storage and words not in TOO_EARLY and "://" in storage)


def test_a_server_that_ends_a_writing_finds_it_begun_anew(mine, url, monkeypatch, capsys):
    monkeypatch.setattr(database, "PAUSES", (0.0, 0.0))
    add, ended = optuna.Study.add_trials, []

    def half(study, trials):
        add(study, trials[:5])
        if len(ended) < 2:
            ended.append(study.study_name)
            raise OperationalError("INSERT", {}, Exception("terminating connection"))
        add(study, trials[5:])

    monkeypatch.setattr(optuna.Study, "add_trials", half)
    assert main(["mirror", str(mine), "--storage", url]) == 0
    assert ended[0] == ended[1]
    assert len(capsys.readouterr().err.splitlines()) == 4
    with Database(url) as shared:
        assert {len(shared.load(name).trials) for name in shared.ids()} == {16}


def test_a_server_that_never_comes_back_is_named(mine, url, monkeypatch, capsys):
    monkeypatch.setattr(database, "PAUSES", (0.0, 0.0))
    asked = []

    def gone(*_):
        asked.append(1)
        raise OperationalError("INSERT", {}, Exception("the connection is lost"))

    monkeypatch.setattr(optuna.Study, "add_trials", gone)
    assert main(["mirror", str(mine), "--storage", url]) == 2
    assert " cannot be used: the connection is lost." in capsys.readouterr().err
    assert len(asked) == 3


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["creates", "deletes"])
def test_two_who_write_at_once_are_told(mine, url, monkeypatch, capsys, moment):
    command = ["mirror", str(mine), "--storage", url]
    assert main(command) == 0
    capsys.readouterr()
    if moment == "creates":  # another one has done so since the studies were listed
        monkeypatch.setattr(optuna, "get_all_study_summaries", lambda *_, **__: [])
    else:
        spoil(mine, "wine", "adam")
        delete = optuna.delete_study
        monkeypatch.setattr(optuna, "delete_study", lambda **what: [delete(**what), delete(**what)])
    assert main(command) == 2
    sentence, remedy = capsys.readouterr().err.splitlines()
    assert sentence.startswith("Another process is writing 'mine: ")
    assert " into sqlite:///" in sentence
    assert remedy == "Wait until it has ended, and run again."
    monkeypatch.undo()
    assert main(command) == 0


PATIENT = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run behind a shell
from studies.takehome import database
from studies.cli.entry import main
database.PATIENCE = float(sys.argv[1])
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("patience", [1, pytest.param(60, marks=pytest.mark.slow)])
def test_a_server_that_never_answers_is_left(mine, patience):
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
        url = f"postgresql://me:{PASSWORD}@{host}/d?connect_timeout=60"
        words = [sys.executable, "-c", PATIENT, str(patience), "mirror", str(mine), "--storage", url]
        process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        server.settimeout(60)  # for an accept
        try:
            asks, _ = server.accept()
            began = time.monotonic()
            if patience > 1:
                process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
            asks.close()
        finally:
            process.kill()
    assert time.monotonic() - began < 3
    if patience > 1:
        assert process.returncode == 130
        assert err.endswith(f"--storage {shlex.quote(masked(url))}\n"), err
    else:
        assert process.returncode == 2
        assert err.splitlines()[1:] == [
            f"{masked(url).replace(':', '+psycopg:', 1)} has not answered for 1 s.",
            "See that the server runs, and run again: what is written is kept.",
        ]


@pytest.mark.parametrize("form", ["me:{}@h/d", "me:{}@/d?host=/run", "h/d?password={}&user=me"])
def test_the_shown_url_has_no_password(form):
    text = database.shown(database.read("postgresql://" + form.format(PASSWORD)))
    assert text == "postgresql+psycopg://" + form.format("***").replace("/run", "%2Frun")


def test_a_url_in_a_wrong_place_keeps_its_password(mine, capsys):
    assert main(["mirror", str(mine), f"postgresql://me:{PASSWORD}@127.0.0.1/mine"]) == 2
    assert "me:***@127.0.0.1" in capsys.readouterr().err


def test_the_command_that_goes_on_keeps_the_password(mine, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("studies.takehome.database.read", interrupt)
    assert main(["mirror", str(mine), "--storage", f"postgresql://me:{PASSWORD}@127.0.0.1/mine"]) == 130
    err = capsys.readouterr().err
    assert "--storage 'postgresql://me:***@127.0.0.1/mine'" in err


@pytest.mark.slow
def test_a_missing_psycopg_is_named_with_the_command_that_brings_it(mine):
    script = (
        "import sys; sys.modules['psycopg'] = None; from studies.cli.entry import main; main(sys.argv[1:])"
    )
    command = [
        sys.executable,
        "-c",
        script,
        "mirror",
        str(mine),
        "--storage",
        f"postgresql://me:{PASSWORD}@h/x",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        EXPOSED,
        "postgresql+psycopg://me:***@h/x needs the package psycopg, which is not installed.",
        'Install it: .venv/bin/python -m pip install "psycopg[binary]"',
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"x postgresql://me:{PASSWORD}@h:5432/d said: no",
        f"x postgresql://me:{PASSWORD} with a space@h/d",
        f"x postgresql://me:a:/?#@{PASSWORD}@h/d",
        f"x postgresql://h/d?user=me&password={PASSWORD}&sslmode=require",
        f"host=h password={PASSWORD} user=me",
        f"host=h password = '{PASSWORD} \\' {PASSWORD}' user=me",
        f"{{'host': 'h', 'password': '{PASSWORD}'}}",
    ],
)
def test_a_password_is_masked_wherever_it_stands(text):
    assert PASSWORD not in masked(text)
    assert "***" in masked(text)
    assert "h" in masked(text)
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize("text", ["postgresql://me@h/d", "sqlite:///a.db", "no: a mail to me@home", "10:30"])
def test_what_is_no_password_stays(text):
    assert masked(text) == text

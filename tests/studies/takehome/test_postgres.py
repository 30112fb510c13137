"""A run in a real PostgreSQL server, started for these tests, with a password that needs care."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import optuna
import pandas as pd
import psycopg
import pytest
from psycopg import sql

from studies.cli.entry import main

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
PASSWORD = "s3cret: @/%{x} Word"
SECRETS = ("s3cret", "Word", "Wort")


def _programs():
    """Where initdb and pg_ctl are: on the PATH, or where Debian puts them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not (found or on_path):
        pytest.fail("These tests need PostgreSQL's server. Install it (Debian: apt-get install postgresql).")
    return Path(on_path or found[-1]).parent


@pytest.fixture(scope="module")
def server():
    """Host and port of a throw-away server whose user postgres has PASSWORD."""
    programs = _programs()
    with ExitStack() as end, socket.socket() as probe:
        folder = Path(tempfile.mkdtemp(prefix="dlopt-postgres-"))
        end.callback(shutil.rmtree, folder)
        (folder / "password").write_text(PASSWORD)
        user = []
        if os.getuid() == 0:  # as whom PostgreSQL refuses to run
            user = ["runuser", "-u", "postgres", "--"]
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres")
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()

        def call(program, *words):
            command = [*user, str(programs / program), "-D", str(folder / "data"), *words]
            with (folder / "said").open("w+") as said:  # a pipe would stay open with the server
                code = subprocess.run(command, stdout=said, stderr=said, cwd="/", timeout=120).returncode
                said.seek(0)
                assert code == 0, said.read()

        call("initdb", "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync",
             f"--pwfile={folder / 'password'}")  # fmt: skip
        settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", settings, "start")
        end.callback(call, "pg_ctl", "-m", "immediate", "stop")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host="127.0.0.1", port=port, user="postgres", password="wrong")
        yield SimpleNamespace(
            address=f"127.0.0.1:{port}",
            first=f"$(head -n 1 {folder / 'data' / 'postmaster.pid'})",
            restart=[*user, str(programs / "pg_ctl"), "-D", str(folder / "data"), "-w",
                     "-l", str(folder / "log"), "-o", settings, "-m", "fast", "restart"],
        )  # fmt: skip


@pytest.fixture
def database(server):
    """An empty database: its URL."""
    url = f"postgresql://postgres:{quote(PASSWORD, safe='')}@{server.address}"
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS shared WITH (FORCE)")
        connection.execute("CREATE DATABASE shared")
    return f"{url}/shared"


def mirror(run, url, *python):
    """The command, given the URL in the environment; no password may come out."""
    command = [sys.executable, *(python or ("-m", "studies")), "mirror", str(run), "--storage", "env:SHARED"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, env={**os.environ, "SHARED": url}
    )
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)
    return done


def rows(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_a_run_joins_the_database_and_optuna_reads_it(finished, database):
    done = mirror(finished, database)
    assert done.returncode == 0, done.stderr
    assert "postgres:***@127.0.0.1" in done.stdout
    table = pd.read_parquet(finished / "tables" / "rows.parquet")
    table = table[(table.dataset == "diabetes") & (table.optimizer == "adam") & (table.kind == "search")]
    storage = optuna.storages.RDBStorage(database.replace("postgresql:", "postgresql+psycopg:"))
    study = optuna.load_study(study_name="finished: diabetes · adam", storage=storage)
    assert [t.value for t in study.trials] == table.best_validation_loss.tolist()
    assert [t.user_attrs["block"] for t in study.trials] == table.block.tolist()
    storage.remove_session()
    storage.engine.dispose()


def test_a_second_time_changes_nothing_and_strangers_stay(finished, database):
    assert mirror(finished, database).returncode == 0
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO studies (study_name) VALUES ('theirs')")
        connection.execute(
            "DELETE FROM study_user_attributes WHERE key = 'digest' AND study_id = "
            "(SELECT min(study_id) FROM study_user_attributes)"
        )
    ids = "SELECT study_name, study_id FROM studies"
    before = dict(rows(database, ids))
    keys = f"?user=postgres&password={quote(PASSWORD, safe='')}"
    done = mirror(finished, "postgres://" + database.split("@")[1] + keys)
    assert done.returncode == 0, done.stderr
    assert "password=***" in done.stdout
    assert len(done.stderr.splitlines()) == 1  # the study that lost its digest
    after = dict(rows(database, ids))
    assert after["theirs"] == before["theirs"]
    assert len(after) == len(before) == 5
    assert len([name for name in after if after[name] != before[name]]) == 1
    assert rows(database, "SELECT count(*) FROM trials") == [(4 * 16,)]


def test_a_name_that_is_taken_is_refused(finished, database):
    assert mirror(finished, database).returncode == 0
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE study_user_attributes SET value_json = '\"bob:/runs\"' WHERE key = 'run'")
        connection.execute("DELETE FROM study_user_attributes WHERE key = 'digest'")
    done = mirror(finished, database)
    assert done.returncode == 2
    assert "The database has another 'finished: " in done.stderr
    assert "from bob:/runs." in done.stderr


@pytest.mark.parametrize("debug", [[], ["--debug"]])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("Word@", "Wort@"), "password authentication failed"),
        (("/shared", "/nowhere"), 'database "nowhere" does not exist'),
        (("postgres:", "nobody:"), "password authentication failed"),
        (("postgres:", "guest:"), "permission denied for schema public"),
    ],
)
def test_what_the_server_refuses_is_one_sentence_and_a_remedy(
    finished, database, monkeypatch, capsys, change, words, debug
):
    with psycopg.connect(database) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute(sql.SQL("CREATE ROLE guest LOGIN PASSWORD {}").format(PASSWORD))
    monkeypatch.setenv("SHARED", database.replace(*change))
    assert main([*debug, "mirror", str(finished), "--storage", "env:SHARED"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "See that the server runs" in err
    assert len(err.splitlines()) == 2 or debug
    assert not any(secret in err for secret in SECRETS)


# The command, which does something to the server when Optuna's storage is about to do a thing, for the third
# time if it is a frequent one.
PLANTED = """
import subprocess, sys
from optuna.storages import RDBStorage
from studies.takehome import database
from studies.cli.entry import main

method, happens, patience = sys.argv[1:4]
usual, calls = getattr(RDBStorage, method), []

def planted(*given, **named):
    calls.append(method)
    if len(calls) == (3 if "new" in method else 1):
        subprocess.run(["sh", "-c", happens], check=True, cwd="/", stdout=subprocess.DEVNULL)
    return usual(*given, **named)

setattr(RDBStorage, method, planted)
database.PATIENCE = float(patience)
sys.exit(main(sys.argv[4:]))
"""
# what Optuna calls of its storage
STEPS = ["__init__", "get_all_studies", "create_new_study", "_create_new_trial", "delete_study"]


def spoiled(url):
    """Let the studies that are there be made anew."""
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM study_user_attributes WHERE key = 'digest'")


@pytest.mark.parametrize("step", STEPS)
def test_a_frozen_server_is_left_and_a_later_call_goes_on(finished, server, database, step):
    if step == "delete_study":
        assert mirror(finished, database).returncode == 0
        spoiled(database)
    processes = f"{server.first} $(pgrep -P {server.first})"  # as a shell finds them
    began = time.monotonic()
    done = mirror(finished, database, "-c", PLANTED, step, f"kill -STOP {processes}", "3")
    seconds = time.monotonic() - began
    subprocess.run(["sh", "-c", f"kill -CONT {server.first}"], check=True)
    subprocess.run(["sh", "-c", f"kill -CONT {processes}"])  # one may have ended since it was found
    assert done.returncode == 2
    sentence, remedy = done.stderr.splitlines()[-2:]
    assert sentence.endswith("/shared has not answered for 3 s.")
    assert remedy == "See that the server runs, and run again: what is written is kept."
    assert seconds < 30  # most of it imports; it would hang for ever
    assert mirror(finished, database).returncode == 0
    assert rows(database, "SELECT count(*) FROM trials") == [(4 * 16,)]
    assert rows(database, "SELECT count(*) FROM studies") == [(4,)]


@pytest.mark.parametrize("step", STEPS[2:])
def test_a_server_that_is_restarted_meanwhile_holds_all_in_the_end(finished, server, database, step):
    if step == "delete_study":
        assert mirror(finished, database).returncode == 0
        spoiled(database)
    done = mirror(finished, database, "-c", PLANTED, step, shlex.join(server.restart), "30")
    assert done.returncode == 0, done.stderr
    assert rows(database, "SELECT count(*) FROM trials") == [(4 * 16,)]
    assert rows(database, "SELECT count(*) FROM studies") == [(4,)]


def test_of_two_at_once_one_ends_or_is_told_and_none_is_torn(finished, database):
    command = [sys.executable, "-m", "studies", "mirror", str(finished), "--storage", "env:SHARED"]
    how = {"cwd": ROOT, "text": True, "stderr": subprocess.PIPE, "env": {**os.environ, "SHARED": database}}
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, **how) for _ in range(2)]
    told = [one.communicate(timeout=120)[1] for one in both]
    for one, err in zip(both, told, strict=True):
        assert one.returncode == 0 or "Another process is writing" in err, err
    assert mirror(finished, database).returncode == 0
    assert rows(database, "SELECT count(*) FROM trials") == [(4 * 16,)]
    assert rows(database, "SELECT count(*) FROM studies") == [(4,)]

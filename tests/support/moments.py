"""A program that stops at a planted moment, in the first of its processes that gets there."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SITE = """
import functools, importlib.machinery, os, sys, time

module, name, place, reached = os.environ["MOMENT"].split("|")


class Planted:
    def find_spec(self, fullname, path, target=None):
        if fullname != module:
            return None
        if not name:
            stop()
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        execute = spec.loader.exec_module

        def exec_module(made):
            execute(made)
            plant(made)

        spec.loader.exec_module = exec_module
        return spec


def plant(thing):
    *owners, last = name.split(".")
    for owner in owners:
        thing = getattr(thing, owner)
    usual = getattr(thing, last)

    @functools.wraps(usual)
    def stops(*all, **named):
        if place in str(sys._getframe(1).f_locals.get("path", "")):
            stop()
        return usual(*all, **named)

    setattr(thing, last, stops)


def stop():
    try:
        handle = os.open(reached, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    os.write(handle, str(os.getpid()).encode())
    os.close(handle)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        time.sleep(0.01)


if module in sys.modules:
    plant(sys.modules[module])
else:
    sys.meta_path.insert(0, Planted())
"""


class Stopped:
    """A command, in a process group of its own, that has come to a moment.

    moment: "module:function", or "module" for its import; then "@text" where the caller's `path` must
    hold a text. pid: of the process that came there.
    """

    def __init__(self, folder, moment, *words, **how):
        self.reached = folder / "reached"
        site = folder / "site"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(SITE)
        moment, _, place = moment.partition("@")
        module, _, name = moment.partition(":")
        environment = {**os.environ, "MOMENT": f"{module}|{name}|{place}|{self.reached}"}
        environment["PYTHONPATH"] = os.pathsep.join([str(site), str(ROOT)])
        self.process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment,
            text=True,
            process_group=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # or nothing would hear Ctrl-C where this test is itself run in the background
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            **how,
        )
        until = time.monotonic() + 300
        while not (self.reached.exists() and self.reached.read_text()):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < until, "the moment never came"
            time.sleep(0.01)
        self.pid = int(self.reached.read_text())

    def end(self, signals, *, whole_group):
        """Send signals, .1 s apart, to the group or to its first process; gives code, stdout and stderr.

        Fails where the first process takes more than two seconds, or another one more than five.
        """
        began = time.monotonic()
        for i, number in enumerate(signals):
            time.sleep(0.1 * min(i, 1))
            send = os.killpg if whole_group else os.kill
            try:
                send(self.process.pid, number)
            except ProcessLookupError:
                break
        self.process.wait(20)
        seconds = time.monotonic() - began
        out, err = self.process.communicate(timeout=20)
        while alive(self.process.pid):
            assert time.monotonic() - began < 5, f"left: {alive(self.process.pid)}"
            time.sleep(0.05)
        if signal.SIGKILL not in signals:
            assert seconds < 2, (seconds, err)
        return self.process.returncode, out, err


def alive(group):
    """The processes of a group that have not ended, by their commands."""
    told = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True)
    lines = (line.split(None, 2) for line in told.stdout.splitlines())
    return [
        args
        for pgid, state, args in (line for line in lines if len(line) == 3)
        if int(pgid) == group and state[0] != "Z"
    ]


def left_behind(folder):
    """Temporary files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*") if path.is_file())


def before_us(err):
    """Was Python itself interrupted, before the first line of ours that could answer? It shows that."""
    files = set(re.findall(r'File "(.*?)"', err))
    ours = {file for file in files if file.startswith((f"{ROOT}/", "<string>"))}
    return err.rstrip().endswith("KeyboardInterrupt") and ours <= {f"{ROOT}/studies/__init__.py"}

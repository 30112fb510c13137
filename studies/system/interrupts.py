"""Ctrl-C and SIGTERM at any moment: every process ends within two seconds, and one says how to go on.

The first signal raises KeyboardInterrupt where the program is. What takes longer than PATIENCE, such as a
library that swallows it, is left by a thread. No process outlives the one that started it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from studies.system import files

PATIENCE = 1.0  # seconds that a signal gives to an orderly end
GRACE = 0.5  # of them: what a child gets
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SHOW_CURSOR = "\x1b[?25h"  # a live progress line hides it
_children: set[subprocess.Popen[Any]] = set()
_heard: list[int] = []
_said = threading.RLock()  # taken for good by the thread that says it
_listens: list[signal.Signals] = []
_watches: list[int] = []


def listen(said: str) -> None:
    """From now on leave at once at a signal, saying this: so long as there is nothing to lose.

    A signal that whoever started this process wants to be ignored, as nohup does, stays ignored.
    """

    me = os.getpid()

    def end(*_: Any) -> NoReturn:
        if os.getpid() != me:
            os._exit(130)  # just forked: it has nothing yet, and no word
        leave(said)

    for number in SIGNALS:
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            _listens.append(number)
            signal.signal(number, end)
    _watch(end)


def obey() -> None:
    """In a forked helper: leave at a signal without a word, which the process that forked it has."""
    _listens[:] = _listens or SIGNALS
    for number in _listens:
        signal.signal(number, lambda *_: leave(""))
    _watch(lambda: leave(""))


def orderly(said: str) -> None:
    """From now on end in order: the first signal raises KeyboardInterrupt, further ones change nothing.

    `leave` is due at the end of it; a thread does so when PATIENCE is over: the signal is written to its
    pipe even while a long computation keeps Python from its handlers.
    """

    def hear(number: int, _: Any) -> None:
        if not _heard:
            _heard.append(number)
            threading.excepthook = lambda _: None  # a library's thread may find its workers gone
            raise KeyboardInterrupt

    def end() -> NoReturn:
        time.sleep(PATIENCE)
        leave(said)

    _watch(end)
    for number in _listens:
        signal.signal(number, hear)


def meant() -> bool:
    """Is a KeyboardInterrupt somebody's wish that this process ends? Else whoever raised it is to blame.

    A process that hears signals by this module knows; a worker is never told; all others cannot know.
    """
    return bool(_heard) or not (_listens or _watches)


def _watch(end: Callable[[], NoReturn]) -> None:
    """Let a thread end the process at a signal, too: it hears what Python's handlers do not.

    A long computation keeps Python from them; and while the main thread forks or starts another one, the
    system gives a signal to any other thread, which wakes nobody.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def watch() -> None:
        while os.read(reader, 1)[0] not in _listens:
            pass
        end()

    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))  # what it hears is its own
    _begin(watch)


def _begin(watch: Callable[[], None]) -> None:
    """Begin a thread that no signal is given to: what the main thread waits in would not end for it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    threading.Thread(target=watch, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM stop what is inside like Ctrl-C, where nothing else hears it: no record is lost."""
    unheard = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not unheard or threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """Processes that start inside never hear Ctrl-C, which is their coordinator's; it hears it afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def done(code: int) -> None:
    """All is said and written: a signal while Python takes its modules down only hastens the end."""
    signal.set_wakeup_fd(-1)
    for number in _listens:
        signal.signal(number, lambda *_: os._exit(code))


def claim() -> None:
    """From now on this thread has the word: no other one says how to go on."""
    if not _said.acquire(blocking=False):
        time.sleep(10)  # another one is leaving


def leave(said: str) -> NoReturn:
    """End this process and its children at once, with code 130, and leave no part of a file.

    A second signal may come in the midst of it: the same is done once more then, in full.
    """
    claim()
    for number in _listens:
        with contextlib.suppress(ValueError):  # only the main thread may
            signal.signal(number, signal.SIG_IGN)
    for child in list(_children):
        with contextlib.suppress(OSError):
            child.terminate()
    _end(multiprocessing.active_children())
    files.abandon()
    if said:
        with contextlib.suppress(OSError):
            cursor = SHOW_CURSOR if os.isatty(2) else ""
            os.write(2, f"{cursor}\n{said}\n".encode(errors="backslashreplace"))
    os._exit(130)


def _end(processes: list[Any]) -> None:
    """Tell processes to end, and kill those that do not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + GRACE
        for process in processes:
            with contextlib.suppress(OSError):  # it is gone
                if process.is_alive():
                    os.kill(process.pid, number)
        for process in processes:
            process.join(max(0.0, until - time.monotonic()))


@contextlib.contextmanager
def child(words: list[str], **how: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process that ends when this one does: it is told to, and killed if it does not."""
    with subprocess.Popen(words, **how) as process:
        _children.add(process)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(GRACE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            _children.discard(process)


def watch_parent(parent: int, leaving: Callable[[], None] = files.abandon) -> None:
    """See to it that this process ends when its parent is gone: SIGKILL would leave an orphan.

    To be called as early as can be. leaving: done first.
    """

    _watches.append(parent)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.3)
        leaving()
        os._exit(1)

    _begin(watch)

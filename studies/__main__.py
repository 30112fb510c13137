"""The command line's door: what a run answers to Ctrl-C, to errors and to a closed pipe."""

from __future__ import annotations

import atexit
import contextlib
import errno
import importlib
import io
import json
import os
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from studies.errors import EndedError, UsageError, masked

PATIENCE = 1.0  # seconds that Ctrl-C gives to an orderly end
SHOW_CURSOR = "\x1b[?25h"  # a live progress line hides it


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    debug = "--debug" in arguments
    try:
        from studies import cli  # here, for Ctrl-C is answered while all is imported

        options = cli.parse(arguments)
        found = cli.COMMANDS[options.command](options)
        for result in found if isinstance(found, Iterator) else (found,):
            _print(json.dumps(result, indent=2, allow_nan=False) if options.json else result)
        return 0
    except KeyboardInterrupt:
        return _failed(_interrupted(arguments), 130, debug)
    except EndedError as error:
        return error.code
    except UsageError as error:
        return _failed(str(error), error.code, debug)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "Free some space" if full else "Mend that"
        sentence = f"{error.filename or 'A file'} could not be written or read: {error.strerror}."
        return _failed(f"{sentence}\n{remedy} and run again: finished rows are kept.", 2, debug)
    except MemoryError as error:
        sentence = f"Memory is short: {str(error) or 'no more could be had'}."
        return _failed(f"{sentence}\nGive a smaller --model or fewer --trials, or --jobs 1.", 2, debug)
    except Exception as error:
        sentence = f"This should not have happened ({type(error).__name__}: {error})."
        return _failed(f"{sentence}\nRun again with --debug to see where; finished rows are kept.", 1, debug)


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError as error:
        # at its end Python would try once more, and leave with 120
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # stdout was closed, as by `| head`
            raise


def _failed(message: str, code: int, debug: bool) -> int:
    if debug:
        print(masked(traceback.format_exc()), end="", file=sys.stderr)
    with contextlib.suppress(BrokenPipeError):
        print(masked(message), file=sys.stderr, flush=True)
    return code


def _interrupted(arguments: Sequence[str]) -> str:
    words = [masked(word) for word in arguments if word != "--where"]
    command = shlex.join(["python", "-m", "studies", *words])
    kept = "; all finished blocks are kept" if "run" in arguments else ""
    return f"\nInterrupted{kept}.\nGo on with: {command}"


def _answer_ctrl_c(arguments: Sequence[str]) -> None:
    """Let no library that swallows Ctrl-C, or works on for long, keep a person waiting.

    While modules are imported there is nothing to lose: leave at once. Later a KeyboardInterrupt ends all
    in order, and if that takes longer than PATIENCE, a thread leaves: the signal is written to its pipe
    even while a long computation keeps Python from its handlers. Workers end with their coordinator.
    """

    def leave(*_: Any) -> NoReturn:
        with contextlib.suppress(OSError):
            os.write(2, f"{SHOW_CURSOR if os.isatty(2) else ''}{_interrupted(arguments)}\n".encode())
        os._exit(130)

    def watch() -> None:
        while os.read(reader, 1)[0] != signal.SIGINT:
            pass
        time.sleep(PATIENCE)
        leave()

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return  # whoever started this wants it to be left alone, as nohup does
    signal.signal(signal.SIGINT, leave)
    with contextlib.suppress(Exception):  # which `main` meets again, and words
        importlib.import_module("studies.cli")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=watch, daemon=True).start()
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a sign gets its number
        sys.stdout.reconfigure(errors="backslashreplace")
    _answer_ctrl_c(sys.argv[1:])
    code = main(sys.argv[1:])
    if code == 130:
        threading.excepthook = lambda _: None  # joblib's thread may find its workers gone; all is said
        atexit._run_exitfuncs()
        os._exit(130)  # at once: Python takes up to a second to take all modules down
    sys.exit(code)

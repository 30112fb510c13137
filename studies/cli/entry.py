"""The command line, entered: what a run answers to Ctrl-C, to errors and to a closed pipe."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shlex
import traceback
from collections.abc import Iterator, Sequence

from studies.errors import EndedError, UsageError, masked
from studies.system import files, interrupts, standard_streams

HIDDEN = ("--where", "--parent", "--typed")  # options that make gives


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    debug = "--debug" in arguments
    try:
        from studies.cli import parser  # here, for Ctrl-C is answered while all is imported

        options = parser.parse(arguments)
        found = parser.COMMANDS[options.command](options)
        for result in found if isinstance(found, Iterator) else (found,):
            standard_streams.say(json.dumps(result, indent=2, allow_nan=False) if options.json else result)
        return 0
    except KeyboardInterrupt:
        interrupts.claim()
        return _failed(f"\n{interrupted(arguments)}", 130, debug)
    except EndedError as error:
        return error.code
    except UsageError as error:
        return _failed(str(error), error.code, debug)
    except OSError as error:
        full = error.errno in files.FULL
        remedy = "Free some space" if full else "Mend that"
        sentence = f"{error.filename or 'A file'} could not be written or read: {error.strerror}."
        return _failed(f"{sentence}\n{remedy} and run again: finished rows are kept.", 2, debug)
    except MemoryError as error:
        sentence = f"Memory is short: {str(error) or 'no more could be had'}."
        return _failed(f"{sentence}\nGive a smaller --model or fewer --trials, or --jobs 1.", 2, debug)
    except Exception as error:
        sentence = f"This should not have happened ({type(error).__name__}: {error})."
        return _failed(f"{sentence}\nRun again with --debug to see where; finished rows are kept.", 1, debug)


def _failed(message: str, code: int, debug: bool) -> int:
    if debug:
        standard_streams.tell(masked(traceback.format_exc()).rstrip())
    standard_streams.tell(masked(message))
    return code


def interrupted(arguments: Sequence[str]) -> str:
    """What there is to say when a command was interrupted."""
    told = {name: value for name, _, value in (word.partition("=") for word in arguments) if name in HIDDEN}
    words = [masked(word) for word in arguments if word.partition("=")[0] not in HIDDEN]
    kept = "; all finished blocks are kept" if "run" in arguments else ""
    said = f"Interrupted{kept}.\nGo on with: {shlex.join(['python', '-m', 'studies', *words])}"
    if (typed := told.get("--typed")) is None:
        return said
    given = [masked(f"{name}={os.environ.get(name, '')}") for name in typed.split()]
    return f"{said}\nOr with: {shlex.join(['make', 'study', *given])}"


def enter(words: Sequence[str]) -> int:
    """The process's one command, from its first moment to its last; returns the exit code."""
    standard_streams.prepare()
    interrupts.listen(interrupted(words))
    with contextlib.suppress(Exception):  # which `main` meets again, and words
        importlib.import_module("studies.cli.parser").prepare(words)
    try:
        interrupts.orderly(interrupted(words))
        parents = (word.removeprefix("--parent=") for word in words if word.startswith("--parent="))
        for parent in filter(str.isdecimal, parents):  # `main` refuses any other
            interrupts.watch_parent(int(parent), lambda: interrupts.leave(interrupted(words)))
        code = main(words)
        if code == 130:
            interrupts.leave("")  # all is said
        interrupts.done(code)
    except KeyboardInterrupt:  # before or after all that `main` does
        interrupts.leave(interrupted(words))
    return code

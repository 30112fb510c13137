"""Whatever a user may give: seeded values and bytes of every kind, and whether all ended in words."""

import contextlib
import datetime
import decimal
import fractions
import io
import linecache
import random
import signal
import traceback
from pathlib import Path

import numpy as np
import pandas as pd

import datasets
import dlopt
from studies import Arm
from studies.errors import UsageError

ROOT = Path(__file__).parents[2]
LIMIT = 10  # seconds of one input
EDGES = (0, 1, -1, 2, 7, 8, 64, 2**31, 2**63, 2**64, 10**30, 10**400, 10**5000, -(10**5000))
FLOATS = (0.0, -0.0, 0.1, 0.5, 1.0, 3.5, -1.0, 1e-320, 1e300, np.nan, np.inf, -np.inf)
TEXTS = (
    "",
    " ",
    "x",
    "adam",
    "wine",
    "3",
    "a. b",
    "a\nb",
    "a\0b",
    "\ud800",
    "ééé",
    "x" * 9_000,
    "٣",
    "{}",
    "%s",
)
THINGS = (
    *(None, True, False, ..., object(), type, print, datasets, 1j, b"", b"\xff", bytearray(b"x")),
    *(decimal.Decimal("0.1"), fractions.Fraction(1, 3), fractions.Fraction(10**400)),
    *(datetime.date(2026, 1, 1), datetime.timedelta(1), Path("x"), pd.NA, pd.NaT),
    *(np.True_, np.str_("adam"), np.bytes_(b"x"), np.longdouble("1e4000"), np.void(b"x"), np.complex64(1)),
    *(
        np.datetime64("2026"),
        np.timedelta64(3, "s"),
        np.int8(8),
        np.uint64(64),
        np.float32(0.1),
        np.float16(0.5),
    ),
    *(Arm, Arm("sgd"), dlopt.Adam, dlopt.Adam(), dlopt.Cosine(), dlopt.Exponential, dlopt.MLP(3)),
)
ARRAYS = (
    *([], 3, [8], [64, 64], [[1, 2], [3, 4]], [[0.1], [0.2]], ["a", "b"], [0.1, np.nan], [True, False]),
    *(np.zeros((2, 3, 1)), np.array([None, 1]), np.array([(1, 2.0)], dtype=[("a", int), ("b", float)])),
)
X, Y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 2
INSERTED = (
    b"\0",
    b'"',
    b"\xef\xbb\xbf",
    b"\xef\xbb",
    b"\xff",
    b"\r",
    b"\n\n",
    b",,,",
    b"9" * 400,
    b"PK\x03\x04",
    b"\x81",
)


def scalar(rng):
    return rng.choice([rng.choice(EDGES), rng.choice(FLOATS), rng.choice(TEXTS), rng.choice(THINGS)])


def hostile(rng, deep=2):
    """Anything: a number, a word, a thing; or a list, an array, a dictionary, a frame."""
    if not deep or rng.random() < 0.5:
        return scalar(rng)
    some = [hostile(rng, deep - 1) for _ in range(rng.randrange(4))]
    made = (
        lambda: some,
        lambda: tuple(some),
        lambda: {rng.choice(["lr", "beta1", "eps", "x", 3, None]): one for one in some},
        lambda: [(rng.choice(["lr", "beta1", 3]), one) for one in some],
        lambda: iter(some),
        lambda: np.array(rng.choice(ARRAYS)),
        lambda: pd.Series(rng.choice([[1, 2], ["a"], []])),
        lambda: pd.DataFrame({"a": [1, 2], "y": [3.5, 4]}),
        lambda: range(rng.choice([0, 2])),
        lambda: {1, 2},
    )
    return rng.choice(made)()


def changed(rng, usual, most=2):
    """The usual arguments with some in place of which anything may stand."""
    names = rng.sample(list(usual), rng.randint(1, min(most, len(usual))))
    return usual | {name: hostile(rng) for name in names}


def mutated(rng, data):
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        if not data:
            break
        i, j = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        at = rng.randrange(len(data))
        data = rng.choice(
            [
                data[:i],
                data[:i] + data[j:],
                data[:j] + data[i:],
                data[i:],
                data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :],
                data[:i] + rng.choice(INSERTED) + data[i:],
                rng.choice(INSERTED) + data,
                data + rng.choice(INSERTED),
                data[:i] + rng.randbytes(rng.choice([1, 4, 40])) + data[j:],
                data[-rng.randrange(1, 40) :],
            ]
        )
    return data


class TooLongError(BaseException):
    """An input took more than LIMIT seconds."""


@contextlib.contextmanager
def limited():
    def ring(*_):
        raise TooLongError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def on_purpose(error, own):
    """Was it raised by a `raise` of the core or of the data room, and is it a sentence and a remedy?

    own: functions of the user's, who may raise what they like.
    """
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    file = Path(frame.f_code.co_filename)
    if frame.f_code in [one.__code__ for one in own]:
        return True
    room = file.parent == ROOT / "dlopt" or ROOT / "datasets" in file.parents
    raised = room and isinstance(error, TypeError | ValueError)
    written = linecache.getline(str(file), line).strip()
    return raised and written.startswith("raise ") and worded(str(error), ROOT / "datasets" in file.parents)


def worded(text, lines=True):
    """Two lines, or for the core "Sentence. Remedy.", of nothing but letters."""
    parts = text.split("\n")
    if not lines and len(parts) == 1:
        parts = text.rsplit(". ", 1)
    return len(parts) == 2 and all(part.strip() and part.isprintable() for part in parts)


def wrong(make, own=()):
    """What is wrong with the end of this; "" if it is an answer or a refusal in words."""
    try:
        with limited(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            make()
    except UsageError as error:
        return "" if worded(str(error)) else f"UsageError of another form: {error!r}"
    except SystemExit as error:
        return "" if error.code in (0, 2) else f"exit {error.code}"
    except (Exception, TooLongError) as error:
        place = "".join(traceback.format_tb(error.__traceback__)[-2:])
        return "" if on_purpose(error, own) else f"{type(error).__name__}: {str(error)[:300]}\n{place}"
    return ""


def sweep(kind, numbers, folder, own=()):
    """What is wrong with these inputs, by their numbers."""
    found = {}
    for number in numbers:
        rng = random.Random(f"{kind.__name__} {number}")
        if said := wrong(lambda rng=rng: kind(rng, folder), own):
            found[number] = said
    return found

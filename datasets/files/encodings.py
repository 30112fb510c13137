"""Which encoding a text is in: by its mark, else UTF-8, else what charset-normalizer finds."""

from __future__ import annotations

import codecs
from pathlib import Path

import charset_normalizer
import numpy as np

from datasets.sentences import shown

MARKS = (  # the longer first, for UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = "cp1252"  # in which every number and most words are those of other single-byte encodings
NAMES = {"cp1252": "Windows-1252", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
ALONE = 0.2  # of the bytes above ASCII have such a neighbour, below which they are signs or accents
HALF = 0.4  # of the bytes at odd or even places are 0 in UTF-16 of mostly plain letters
LATIN = ("Latin", "Control", "Punctuation", "Currency", "Symbols", "Forms", "Modifier", "Letterlike")


def encodings(path: Path, head: bytes) -> list[str]:
    """Encodings to try, the likeliest first. Raises ValueError for bytes that are no text."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return [name]
    if b"\0" in head:
        for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
            some = head[start : len(head) // 2 * 2 : 2]
            if some.count(0) >= HALF * len(some) and some.count(0) >= 0.9 * head.count(0):
                return [name]
    if any(byte < 9 or 13 < byte < 28 for byte in head):
        raise ValueError(
            f"{shown(path.name)} holds bytes that are not text.\nSave it as CSV in UTF-8, or as Parquet."
        )
    return ["utf-8", _guess(head)]


def _guess(head: bytes) -> str:
    """What charset-normalizer finds, if it is of another script than Latin; else Windows-1252."""
    high = np.frombuffer(head, np.uint8) > 127
    if np.sum(high[1:] & high[:-1]) < ALONE * high.sum():
        return WESTERN  # words of another script hold several in a row
    best = charset_normalizer.from_bytes(head[: head.rfind(b"\n") + 1] or head).best()
    if best is None or best.encoding in ("utf_8", "ascii"):
        return WESTERN
    foreign = [one for one in best.alphabets if not any(word in one for word in LATIN)]
    return str(best.encoding) if foreign else WESTERN


def said(path: Path, encoding: str) -> list[str]:
    """A sentence about an encoding that no mark tells and that is not UTF-8."""
    if encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        return []
    name = NAMES.get(encoding, encoding.replace("_", "-"))
    return [
        f"{shown(path.name)} is not UTF-8 and was read as {name}; where letters look wrong, save it in UTF-8."
    ]


def undecodable(path: Path, error: UnicodeDecodeError) -> ValueError:
    """What is said of bytes that no encoding explains."""
    return ValueError(
        f"{shown(path.name)} holds bytes that are not text ({error.object[error.start]:#x}).\n"
        f"Save it in UTF-8, for example: iconv -f latin1 -t utf-8 {shown(path.name)} > utf8.csv"
    )

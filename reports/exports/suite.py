"""What the suite says of itself, from CITATION.cff."""

from __future__ import annotations

import functools
import re
from pathlib import Path

CITATION = Path(__file__).parents[2] / "CITATION.cff"


@functools.cache
def cited() -> dict[str, str]:
    """The fields of CITATION.cff that are one line each; "name" is its author's."""
    found = re.findall(r"^(?:  - )?([a-z-]+): *(\S.*)$", CITATION.read_text("utf-8"), re.MULTILINE)
    return {name: value.strip('"') for name, value in found}

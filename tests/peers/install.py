"""Make .venv-peers: what .venv has, seen from there, and the peers of requirements.txt, by pip.

    .venv/bin/python tests/peers/install.py .venv-peers

A peer that pip cannot install is named and left out; `make bench` then runs without it.
"""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"


def attempts(requirement: str) -> list[list[str]]:
    """How to ask pip, in order: on Linux torch from PyPI brings gigabytes for GPUs, `+cpu` does not."""
    if requirement.startswith("torch==") and platform.system() == "Linux":
        return [[f"{requirement}+cpu"], [f"{requirement}+cpu", "--extra-index-url", CPU_BUILDS]]
    return [[requirement]]


def main(folder: Path) -> None:
    """Make the environment anew."""
    venv.create(folder, clear=True, with_pip=True)
    python = folder / "bin" / "python"
    # our side is the locked one, exactly: no second copy that could differ
    inside = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    seen = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (inside / "suite.pth").write_text("\n".join(seen) + "\n")
    wanted = [line.strip() for line in REQUIREMENTS.read_text().splitlines()]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as locked:
        have = importlib.metadata.distributions()
        locked.write("".join(f"{d.name}=={d.version}\n" for d in have if d.name not in ("pip", "setuptools")))
        locked.flush()
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for requirement in wanted:
            if not requirement or requirement.startswith("#"):
                continue
            for how in attempts(requirement):
                done = subprocess.run([*pip, "-c", locked.name, *how], capture_output=True, text=True)
                if done.returncode == 0:
                    break
            else:
                last = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
                print(f"{requirement} is left out, since pip could not install it: {last}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

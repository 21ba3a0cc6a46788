"""Environments apart from this checkout, and commands in them."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    """What a command says, as in a terminal that knows nothing of this checkout."""
    told = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MYPYPATH")
    environment = {name: value for name, value in os.environ.items() if name not in told}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pip(*arguments: str | Path, cwd: Path) -> None:
    """Run pip, which may reach nothing."""
    quiet = ("--quiet", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", *quiet, *arguments, cwd=cwd)


def environment(folder: Path) -> Path:
    """An empty environment that sees the packages of this one, but not the zeroseg of this one.

    Folders that a .pth file names are looked into; .pth files and import hooks in them, which lead
    to a checkout, are not read.

    Returns:
        Its Python.
    """
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(run(python, "-c", where, cwd=folder).strip())
    seen = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (own / "dependencies.pth").write_text("\n".join(sorted(seen)))
    return python

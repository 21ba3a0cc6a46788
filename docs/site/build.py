"""Builds the site: `python -m docs.site.build FOLDER` (`make docs` does, to build/site).

The pages are collected in FOLDER/sources (those of the repository, and those that are generated),
then Sphinx makes FOLDER/html of them. A warning is an error.
"""

from __future__ import annotations

import gc
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from docs.site import commands, models_table, navigation, pages, reference

_EXAMPLES = """\
# Examples

Programs that answer one question each, and notebooks; `examples/` of the repository has them.
"""


def build(folder: Path) -> int:
    """Build the site.

    Args:
        folder: Where to; what an earlier build left there is replaced.

    Returns:
        An exit code: 0 if there was nothing to warn of.
    """
    # Documents are trees of nodes; looking for garbage among them took a fifth of the time.
    gc.set_threshold(100_000, 50, 100)
    shutil.rmtree(folder, ignore_errors=True)
    sources, settings = folder / "sources", Path(__file__).parent
    _write(sources)
    options = ["--quiet", "--fail-on-warning", "--conf-dir", str(settings)]
    doctrees = ["--doctree-dir", str(folder / "doctrees")]
    return build_main([*options, *doctrees, str(sources), str(folder / "html")])


def _write(sources: Path) -> None:
    files = dict(pages.collected())
    files |= {name: text.encode() for name, text in _generated().items()}
    names = [name.rpartition(".")[0] for name in files if not name.endswith(".png")]
    for page, directive in navigation.toctrees(names):
        files[f"{page}.md"] += directive.encode()
    for name, content in files.items():
        file = sources / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _generated() -> dict[str, str]:
    return {
        "models_table.md": models_table.page(),
        "commands.md": commands.page(),
        "examples/index.md": _EXAMPLES,
        **reference.pages(),
    }


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1])))

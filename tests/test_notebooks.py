"""Every notebook is one to jupytext, runs from top to bottom, and says what it promises."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

from docs.site.pages import cells, content

NOTEBOOKS = Path(__file__).parent.parent / "examples" / "notebooks"

SAID = {
    "first_steps": ("looked for: chair, person", "expected mIoU: 0."),
    "swap_a_component": ("boxes only", "every class looked for", "without captions"),
    "evaluate_and_compare": ("full     mIoU 0.", "'report.html'", "95 % interval"),
    "export_and_import": ("coco  1.0000", "3 pictures: background, chair, person, umbrella, bird"),
}
"""Of each notebook, what its cells print."""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelManager]:
    """A kernel of Jupyter's, in which one notebook after the other runs."""
    folder = str(tmp_path_factory.mktemp("kernel"))
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=folder, env={**os.environ, "IPYTHONDIR": folder})
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("name", SAID)
def test_a_notebook_runs(name: str, tmp_path: Path, kernel: KernelManager) -> None:
    notebook = jupytext.read(NOTEBOOKS / f"{name}.py")
    nbformat.validate(notebook)
    anew = f"%reset -f\nimport torch\ntorch.set_num_threads(1)\n%cd -q {tmp_path}"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(anew))
    client = NotebookClient(notebook, km=kernel, timeout=60)
    client.execute()
    client.kc.stop_channels()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "".join(words_of(output) for output in outputs)
    for words in SAID[name]:
        assert words in said, said


def words_of(output: nbformat.NotebookNode) -> str:
    """What an output of a cell says as text."""
    if output.output_type == "stream":
        return str(output.text)
    return str(output.data.get("text/plain", "")) + "\n"


def test_every_notebook_is_run() -> None:
    assert {file.stem for file in NOTEBOOKS.glob("*.py")} == set(SAID)


@pytest.mark.parametrize("name", SAID)
def test_the_site_shows_the_cells_that_jupyter_has(name: str) -> None:
    file = NOTEBOOKS / f"{name}.py"
    text = file.read_text(encoding="utf-8")
    kinds = {"markdown": "markdown", "code": "python"}
    wanted = [(kinds[cell.cell_type], cell.source) for cell in jupytext.read(file).cells]
    assert [(kind, own.strip("\n")) for kind, own in cells(text)] == wanted
    page = content(file).decode()
    assert page.startswith(f"# {wanted[0][1].splitlines()[0][2:]}\n")
    assert "# %%" not in page and page.count("```python") == sum(k == "python" for k, _ in wanted)
    assert all(own in page for _, own in wanted[1:])

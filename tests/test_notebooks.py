"""Every notebook is one to jupytext, runs from top to bottom, and says what it promises."""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
import pytest

from docs.site.pages import cells, content

NOTEBOOKS = Path(__file__).parent.parent / "examples" / "notebooks"

SAID = {
    "first_steps": ("looked for: chair, person", "expected mIoU: 0."),
    "swap_a_component": ("boxes only", "every class looked for", "without captions"),
    "evaluate_and_compare": ("full     mIoU 0.", "'report.html'", "95 % interval"),
    "export_and_import": ("coco  1.0000", "3 pictures: background, chair, person, umbrella, bird"),
}
"""Of each notebook, what its cells print."""


@pytest.mark.parametrize("name", SAID)
def test_a_notebook_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = NOTEBOOKS / f"{name}.py"
    notebook = jupytext.read(file)
    nbformat.validate(notebook)
    names: dict[str, object] = {"__name__": "__main__"}
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{file}, cell {number}", "exec"), names)
    said = capsys.readouterr().out
    for words in SAID[name]:
        assert words in said, said


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

"""Reports in a real browser: nothing fetched, nothing complained of, nothing wider than a phone.

A page allows no script, so what is measured is measured in a copy that does.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.evaluation.demo_parts import page_of_a_demo
from tests.evaluation.result_runs import failed, records_of, results_of, scenes
from zeroseg.evaluation.report import (
    Bar,
    Column,
    ablation_chart,
    waterfall,
    write_report,
    write_table_report,
)
from zeroseg.evaluation.report.html import render

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
)
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_MEASURE = """
<script>
const complaints = [];
addEventListener("error", event => complaints.push(String(event.message)), true);
addEventListener("load", () => {
  document.querySelectorAll("details:not([open]) > summary").forEach(summary => summary.click());
  const hidden = [...document.querySelectorAll("details > :not(summary)")]
    .filter(part => !part.getClientRects().length).length;
  const broken = [...document.images].filter(image => !image.naturalWidth).length;
  const outer = document.documentElement;
  const found = {
    complaints, hidden, broken, inner: innerWidth, wide: outer.scrollWidth,
    folds: document.querySelectorAll("details[open]").length, images: document.images.length,
    bold: document.querySelectorAll("td b, th b, figcaption b").length,
    charts: [...document.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().width > 99)
      .length,
    cells: [...document.querySelectorAll("td")]
      .filter(cell => cell.scrollWidth > cell.clientWidth + 1).length,
  };
  window.top.postMessage(found, "*");
});
</script>
"""
_FRAME = """<!doctype html><meta charset="utf-8"><pre id="measured"></pre>
<iframe style="width: {width}px; height: 900px; border: 0" srcdoc="{page}"></iframe>
<script>
addEventListener("message", event => {{
  document.getElementById("measured").textContent = JSON.stringify(event.data);
}});
</script>
"""


def browser() -> str:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.fail(
            "reports are tested in a real browser and there is none; install one with "
            "'apt-get install chromium' (Debian), 'apt-get install chromium-browser' (Ubuntu) or "
            "'dnf install chromium', or put Google Chrome on the PATH"
        )
    return found


def visit(page: Path, profile: Path) -> tuple[str, list[str]]:
    """The document as the browser has it in the end, and what it said on its console."""
    done = subprocess.run(
        [browser(), *_QUIET, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def measure(page: Path, width: int, profile: Path) -> dict[str, Any]:
    """Show a page, all folds open, in a frame of that many pixels."""
    text, count = _POLICY.subn("", page.read_text())
    assert count == 1
    copy = page.with_name(f"{page.stem}-{width}.html")
    inner = html.escape(text.replace("</body>", f"{_MEASURE}</body>"))
    copy.write_text(_FRAME.format(width=width, page=inner))
    shown, said = visit(copy, profile)
    assert not said
    [found] = re.findall(r'<pre id="measured">(\{.*?\})</pre>', shown)
    return dict(json.loads(html.unescape(found)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with 14 classes and long names, and an ablation with charts."""
    folder = tmp_path_factory.mktemp("run")
    names = ["background", *(f"class number {i} of <b>many</b>" for i in range(13))]
    records = records_of(scenes(9, 14), 0.3, names=names)
    panels = {record.name: Image.new("RGB", (740, 260), "teal") for record in records}
    results = results_of(records, "a system <b>&</b> its name", names)
    lost = failed(scenes(1, 5), "set/000").failure
    assert lost is not None
    results["failures"] = [vars(lost) | {"message": "x" * 300}]
    results["images"]["failed"] = 1
    write_report(folder, results, records, panels)
    charts = [
        waterfall([("measured", 0.6), ("labels <b>", 0.7), ("masks", 0.65)], folder / "steps.png"),
        ablation_chart([Bar("full", 0.6, 0.62, 0.55, 0.65)], folder / "rows.png"),
    ]
    rows = [{"row": "without <b>all</b>", "miou": 0.6, "calls": 12345}, {"row": "other"}]
    columns = [Column("row"), Column("mIoU, %", "bar", "miou"), Column("calls", "count")]
    write_table_report(folder, "Ablation", columns, rows, charts, ["A note."], "table")
    return folder


def test_a_page_is_whole_without_a_network_and_says_nothing(folder: Path, tmp_path: Path) -> None:
    for name in ("report", "table"):
        page = folder / f"{name}.html"
        shown, said = visit(page, tmp_path)
        assert said == []
        assert "</section>" in shown
        text = page.read_text()
        assert not re.search(r"<script|<link|@import|url\((?!#)", text)
        assert all(at.startswith(("data:image/", "#")) for at in re.findall(r'src="(.*?)"', text))
        assert all(at.startswith("#") for at in re.findall(r'<a href="(.*?)"', text))


@pytest.mark.parametrize("width", [390, 1280])
def test_everything_opens_and_fits(folder: Path, tmp_path: Path, width: int) -> None:
    run = measure(folder / "report.html", width, tmp_path)
    table = measure(folder / "table.html", width, tmp_path)
    for found in (run, table):
        assert found["inner"] == width
        assert found["wide"] <= width
        assert (found["complaints"], found["hidden"], found["broken"]) == ([], 0, 0)
        assert (found["bold"], found["cells"]) == (0, 0)
    assert (run["images"], run["folds"]) == (8, 3)
    assert table["charts"] == 2


def test_the_page_of_a_demo_fits_a_phone(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(render(page_of_a_demo()))
    found = measure(tmp_path / "index.html", 390, tmp_path)
    assert found["wide"] <= found["inner"] == 390
    assert (found["complaints"], found["hidden"], found["broken"]) == ([], 0, 0)
    assert (found["images"], found["folds"], found["bold"]) == (4, 2, 0)


def test_a_missing_browser_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        browser()

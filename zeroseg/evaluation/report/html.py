"""Pages as one self-contained HTML file: pictures inside, no script, nothing fetched."""

from __future__ import annotations

import base64
import io
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from zeroseg.evaluation.report.charts import Chart
from zeroseg.evaluation.report.content import Page, shown

_QUALITY = 88


def render(page: Page) -> str:
    """A page as an HTML document; text is escaped wherever it comes from."""
    return _environment().get_template("page.html.j2").render(page=page)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("zeroseg.evaluation.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["width"] = _width
    environment.filters["data_uri"] = _data_uri
    environment.filters["svg"] = _svg
    environment.tests["of"] = lambda block, name: type(block).__name__ == name
    return environment


def _width(share: float | None) -> str:
    """A share in [0, 1] as a number of percent for a style; 0 where undefined."""
    return f"{100 * min(max(share, 0.0), 1.0):.1f}" if share is not None and share == share else "0"


def _data_uri(image: Image.Image) -> str:
    encoded = io.BytesIO()
    image.convert("RGB").save(encoded, format="WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"


def _svg(chart: Chart) -> Markup:
    """The chart's own markup: drawn by matplotlib, which escapes the names in it."""
    return Markup(chart.svg)

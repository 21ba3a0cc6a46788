"""Settings of Sphinx for the site."""

from sphinx.application import Sphinx

from docs.site import docstrings, references
from zeroseg import __version__

project = "zeroseg"
version = release = __version__
copyright = "the authors of zeroseg, Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
highlight_language = "none"
smartquotes_action = "D"  # dashes alone; quotation marks stay as they are written

default_role = "py:obj"  # `Name` in a docstring is a link where it is a public name, else code
nitpicky = True
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"zeroseg {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # it asks for whole pages, which browsers refuse for files


def setup(app: Sphinx) -> None:
    """Add what Sphinx has no setting for."""
    before, behind = docstrings.keep_colons()
    app.connect("autodoc-process-docstring", docstrings.mark_code, priority=50)
    app.connect("missing-reference", references.find)
    app.connect("autodoc-process-docstring", before, priority=100)
    app.connect("autodoc-process-docstring", behind, priority=900)
    app.connect("autodoc-process-signature", docstrings.plain_signature)

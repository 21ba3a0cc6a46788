"""Names in docstrings and type hints that lead to pages, beyond those that Sphinx finds itself."""

from __future__ import annotations

import inspect
from importlib import import_module

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from docs.site.reference import public_names


def find(
    app: Sphinx, environment: BuildEnvironment, node: pending_xref, text: nodes.Element
) -> nodes.Element | None:
    """Lead a reference to the public name that it means.

    Returns:
        A link; the text alone of what is no public name but exists, or is a word in a docstring
        or a name in a type hint; None of what does not exist, of which Sphinx then warns.
    """
    if node.get("refdomain") != "py":
        return None
    target: str = node["reftarget"]
    first, dot, member = target.partition(".")
    known = public_names().get(first)
    path = target if known is None else known.path + dot + member
    domain, page = environment.domains.python_domain, node["refdoc"]
    found = domain.resolve_xref(environment, page, app.builder, "obj", path, node, text)
    is_word = node["reftype"] == "obj" and not (known and (not dot or inspect.isclass(known.value)))
    is_hint = node["reftype"] == "class" and target.replace(".", "").isidentifier()  # see mypy
    return found or (text if is_word or is_hint or _exists(path) else None)


def _exists(path: str) -> bool:
    """Whether a dotted path leads to something."""
    module, _, name = path.rpartition(".")
    if not module:
        return name in dir(import_module("builtins"))
    try:
        return hasattr(import_module(module), name)
    except ModuleNotFoundError:
        return _is_member(module, name)


def _is_member(owner: str, name: str) -> bool:
    module, _, kind = owner.rpartition(".")
    try:
        holder = getattr(import_module(module), kind) if module else None
    except (ModuleNotFoundError, AttributeError):
        return False
    return hasattr(holder, name) or name in getattr(holder, "__annotations__", {})

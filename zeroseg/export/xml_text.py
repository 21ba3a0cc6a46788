"""XML of what may be anybody's text: names hold signs that XML has no way to write."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

from zeroseg.decoding import visible

_NEVER = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""What is no character of XML beside the control characters."""


def clean(value: object) -> str:
    """A value as text that XML can hold; other signs are written out."""
    return _NEVER.sub(lambda sign: ascii(sign[0])[1:-1], visible(str(value)))


def element(
    parent: Xml.Element, tag: str, value: object = None, /, **attributes: object
) -> Xml.Element:
    """A new element below another, with a text unless that is None, and attributes."""
    own = Xml.SubElement(parent, tag, {key: clean(told) for key, told in attributes.items()})
    if value is not None:
        own.text = clean(value)
    return own


def text_of(root: Xml.Element) -> bytes:
    """An element and all below it, indented."""
    Xml.indent(root)
    return Xml.tostring(root, encoding="utf-8") + b"\n"

"""XML of strangers: parsed without entities, without a network, and with libxml2's own limits."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from pipeline.errors import BadInput

_ENTITY = re.compile(rb"<!ENTITY")


def parse_xml(data: bytes, name: str) -> etree._Element:
    """Return the root of a document. Raises `BadInput` in its `name` where it is none, or one that
    defines entities, which nothing that lists or transcribes pages does."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    if _ENTITY.search(data):
        raise _entities(name)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise BadInput(name, f"it is damaged ({error.msg})", "get it anew") from error
    document: Any = root.getroottree().docinfo.internalDTD
    if document is not None and next(document.iterentities(), None) is not None:
        raise _entities(name)  # in an encoding in which they are spelt otherwise
    return root


def local(element: etree._Element) -> str:
    """Return an element's name without its namespace."""
    return etree.QName(element).localname


def _entities(name: str) -> BadInput:
    return BadInput(name, "it defines entities, as harmful XML does", "take the DOCTYPE out of it")

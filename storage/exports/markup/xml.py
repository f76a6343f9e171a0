"""What the XML formats have in common."""

from __future__ import annotations

import re
from datetime import datetime

from lxml import etree

from pipeline.page import Polygon
from pipeline.version import CODE_VERSION

SOFTWARE = "ledgermill"
CREATOR = f"{SOFTWARE} {CODE_VERSION}"

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """Return a text with what XML 1.0 cannot hold, control characters above all, as U+FFFD."""
    return _ILLEGAL.sub("\ufffd", text)


def begin(space: str, tag: str, schema: str | None = None) -> etree._Element:
    """Return the root of a document in a namespace, with the schema that it follows."""
    names = {None: space} if schema is None else {None: space, "xsi": _XSI}
    root = etree.Element(f"{{{space}}}{tag}", nsmap=names)  # type: ignore[arg-type]
    if schema is not None:
        root.set(f"{{{_XSI}}}schemaLocation", f"{space} {schema}")
    return root


def add(
    parent: etree._Element, tag: str, text: str | None = None, **attributes: object
) -> etree._Element:
    """Add an element in its parent's namespace; attributes that are None are left out."""
    space = parent.tag[: parent.tag.rfind("}") + 1]
    said = {name: clean(str(value)) for name, value in attributes.items() if value is not None}
    made = etree.SubElement(parent, space + tag, said)
    if text is not None:
        made.text = clean(text)
    return made


def document(root: etree._Element) -> bytes:
    """Return a document in UTF-8, an element a line."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def stamp(time: datetime) -> str:
    """Return a time as XML Schema writes it, in UTC to the second."""
    return f"{time:%Y-%m-%dT%H:%M:%S}Z"


def box(polygon: Polygon) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of the upright box around a polygon."""
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    return min(xs), min(ys), max(xs), max(ys)


def around(polygons: list[Polygon]) -> Polygon:
    """Return the upright box around polygons, as one."""
    boxes = [box(each) for each in polygons]
    left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
    right, bottom = max(b[2] for b in boxes), max(b[3] for b in boxes)
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def baseline(polygon: Polygon) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where the characters of a text stand: a sixth of its height above its lower edge."""
    a, b, c, d = polygon
    up = 1 / 6
    return (
        (d[0] + (a[0] - d[0]) * up, d[1] + (a[1] - d[1]) * up),
        (c[0] + (b[0] - c[0]) * up, c[1] + (b[1] - c[1]) * up),
    )

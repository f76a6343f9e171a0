"""Transcriptions that other programs or people made: PAGE XML and ALTO, read by everybody here.

What is read is untrusted: no entity is resolved, nothing is fetched, and size, depth and grids
have limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from pipeline.errors import BadInput
from pipeline.transcribed import alto, page_xml
from pipeline.transcribed.model import MarkedLine, Transcribed

__all__ = ["MarkedLine", "Transcribed", "marked_lines", "pages_in", "read_transcribed"]

MAX_BYTES = 256 * 1024 * 1024
"""Of one file; a page of 10,000 cells with all that is known of them takes some 10 MB."""

_REMEDY = "remove or mend it"


def read_transcribed(data: bytes, name: str) -> Transcribed:
    """Return what a PAGE (any version) or ALTO (any version, in pixels) file says of its page.

    Tables of PAGE are read as the schema of 2019 knows them (roles) and as Transkribus writes them
    (`TableCell`); what their cells leave open is filled with empty ones. Of what Ledgermill wrote
    everything comes back, unless somebody changed the text or the place since: what was said of
    the old one is dropped then. A text without confidence is taken for certain. Raises `BadInput`
    where `data` is neither format or says something without saying where.
    """
    root = _root(data, name)
    read = alto.read if _kind(root, name) == "alto" else page_xml.read
    try:
        return read(root)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInput(name, f"not as its format says ({error})", _REMEDY) from error


def pages_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names of the pages that a folder has PAGE or ALTO files of, each with its file.

    `NAME.xml`, or `NAME.alto.xml` where there is no other; in the order of the names. TEI that
    Ledgermill wrote beside them is passed over.
    """
    found: dict[str, Path] = {}
    for file in sorted(folder.glob("*.xml")):
        if not file.name.endswith(".tei.xml"):
            found[file.name.removesuffix(".xml").removesuffix(".alto")] = file
    yield from sorted(found.items())


def marked_lines(file: Path) -> list[MarkedLine]:
    """Return every text line of a PAGE or ALTO file in its order, those of cells included.

    Lines without text are left out. Raises `BadInput` as `read_transcribed` does.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(str(file), f"cannot be read ({error})", _REMEDY) from error
    root = _root(data, str(file))
    lines = alto.lines if _kind(root, str(file)) == "alto" else page_xml.lines
    try:
        return list(_with_text(lines(root)))
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInput(str(file), f"a line without a place ({error})", "mend it") from error


def _with_text(lines: Iterator[MarkedLine]) -> Iterator[MarkedLine]:
    return (line for line in lines if line.text.strip())


def _root(data: bytes, name: str) -> etree._Element:
    if len(data) > MAX_BYTES:
        raise BadInput(name, f"it has more than {MAX_BYTES:,} bytes", "cut it into pages")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadInput(name, f"neither ALTO nor PAGE, nor XML at all ({error})", _REMEDY) from error


def _kind(root: etree._Element, name: str) -> str:
    kind = etree.QName(root).localname
    if kind not in ("alto", "PcGts"):
        raise BadInput(name, f"{kind} is neither ALTO nor PAGE", "remove it from the folder")
    return kind

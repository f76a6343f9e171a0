"""METS (https://www.loc.gov/standards/mets/): the page images of a digitized work, in its order.

Read as libraries (DFG), OCR-D workspaces and Transkribus exports write it: groups of files, of
which one holds the images that are wanted, and a physical structure that says which file is which
page.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

from lxml import etree

from pipeline.errors import BadInput
from workers.sources.entry import Entry, page_name, told
from workers.sources.lists.xml import local, parse_xml
from workers.sources.names import stem

_HREF = ("{http://www.w3.org/1999/xlink}href", "LOCREF", "href")
_BEST = ("OCR-D-IMG", "MAX", "MASTER", "IMG", "IMAGES", "DEFAULT", "PRESENTATION", "ORIGINAL")
_WORST = ("THUMBS", "THUMBNAIL", "THUMBNAILS", "MIN", "TEASER", "DOWNLOAD")
_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".jp2", ".webp"})
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a METS: `groups` are the names of those that it is in, the innermost last."""

    href: str
    media_type: str
    groups: tuple[str, ...]

    @property
    def is_image(self) -> bool:
        if self.media_type:
            return self.media_type.startswith("image/")
        return PurePosixPath(urlsplit(self.href).path).suffix.lower() in _IMAGES

    @property
    def transcribes(self) -> int:
        """How likely it is the transcription of its page that is wanted; 0: it is none."""
        if "xml" not in self.media_type and not self.href.lower().endswith(".xml"):
            return 0
        name = " ".join((*self.groups, self.media_type)).upper()
        marks = ("ALTO", "FULLTEXT", "PAGE", "GT")
        return max((rank for rank, mark in enumerate(marks, 1) if mark in name), default=0)


def read_mets(data: bytes, name: str, base: str, group: str) -> Iterator[Entry]:
    """Yield the images of a METS file, of the group that is named or the best.

    Raises `BadInput`.
    """
    root = parse_xml(data, name)
    if local(root) != "mets":
        raise BadInput(name, f"it is XML, but no METS: <{local(root)}>", "give the METS file")
    files = dict(_files(root, base))
    groups = _groups(files.values(), group, name)
    about = _about(root)
    if base:
        about["mets"] = base
    title = about.get("title") or stem(urlsplit(name).path)
    for number, (label, those) in enumerate(_pages(root, files, groups), 1):
        image = next((file for each in groups for file in those if each in file.groups), None)
        texts = [file for file in those if file.transcribes]
        href = image.href if image else ""
        yield Entry(
            name=page_name(title, number) if "://" in href or not href else "",
            address=href,
            told={**about, **told(label=label)},
            transcription=max(
                reversed(texts), key=lambda file: file.transcribes, default=_File("", "", ())
            ).href
            or None,
        )


def _files(root: etree._Element, base: str) -> Iterator[tuple[str, _File]]:
    """Yield the files by their ID, where they are anywhere that can be read."""
    for section in root.iter("{*}fileSec"):
        for element in section.iter("{*}file"):
            hrefs = [
                href
                for place in element.iter("{*}FLocat")
                for key in _HREF
                if (href := place.get(key))
            ]
            if base:
                href = next((urljoin(base, each) for each in hrefs), None)
            else:  # what lies beside the list comes before what is far away
                href = next(iter(sorted(map(_path, hrefs), key=lambda each: "://" in each)), None)
            names = [
                value
                for parent in reversed(list(element.iterancestors("{*}fileGrp")))
                for value in (parent.get("USE"), parent.get("ID"))
                if value
            ]
            if href and element.get("ID"):
                yield (
                    str(element.get("ID")),
                    _File(href, element.get("MIMETYPE", "").lower(), tuple(names)),
                )


def _path(href: str) -> str:
    """Return a path for a reference to a file, and a URL for one to elsewhere."""
    if href.lower().startswith("file:"):
        return unquote(urlsplit(href).path)
    return href if _SCHEME.match(href) else unquote(href)


def _groups(files: Collection[_File], group: str, name: str) -> list[str]:
    """Return the groups of images, the best first, or the one that was asked for."""
    found: dict[str, None] = {}
    for file in files:
        if file.is_image and file.groups:
            found.setdefault(file.groups[-1])
    every = {each for file in files for each in file.groups}
    if group:
        if group not in every:
            raise BadInput(
                name, f"it has no group of files {group}", f"choose from {', '.join(sorted(every))}"
            )
        return [group]

    def rank(each: str) -> int:
        upper = each.upper()
        if upper in _WORST:
            return len(_BEST) + 1
        return _BEST.index(upper) if upper in _BEST else len(_BEST)

    if not found:
        raise BadInput(name, "it lists no images", "give another METS file")
    return sorted(found, key=rank)


def _pages(
    root: etree._Element, files: dict[str, _File], groups: list[str]
) -> Iterator[tuple[str, list[_File]]]:
    """Yield the label and the files of every page, in the order of the physical structure."""
    maps = list(root.iter("{*}structMap"))
    maps.sort(key=lambda each: str(each.get("TYPE")).upper() == "LOGICAL")
    for structure in maps:
        divs = [div for div in structure.iter("{*}div") if div.find("{*}fptr") is not None]
        pages = []
        for div in divs:
            those = [files[key] for key in _pointers(div) if key in files]
            if str(div.get("TYPE", "")).lower() == "physsequence":
                continue  # the whole work: a PDF of it, its METS
            if those:
                label = div.get("ORDERLABEL") or div.get("LABEL") or ""
                pages.append((_order(div), label, those))
        if not pages:
            continue
        if len({id(div.getparent()) for div in divs}) == 1 and len(
            {order for order, _, _ in pages}
        ) == len(pages):
            pages.sort(key=lambda page: page[0])
        for _, label, those in pages:
            yield label, those
        return
    for file in files.values():
        if groups[0] in file.groups:
            yield "", [file]


def _pointers(div: etree._Element) -> Iterator[str]:
    """Yield the IDs of the files that a division points at itself."""
    for pointer in div.iterfind("{*}fptr"):
        for element in pointer.iter():
            if key := element.get("FILEID"):
                yield key


def _order(div: etree._Element) -> float:
    try:
        return float(div.get("ORDER", ""))
    except ValueError:
        return float("inf")


def _about(root: etree._Element) -> dict[str, str]:
    """Return title, date and rights as MODS, the DFG's rights or Transkribus say them."""
    wanted = {
        "title": ("title",),
        "date": ("dateIssued", "dateCreated", "date"),
        "rights": ("accessCondition", "license", "owner", "rights"),
    }
    said: dict[str, str] = {}
    for section in root:
        if local(section) not in ("dmdSec", "amdSec"):
            continue
        for element in section.iter():
            for key, names in wanted.items():
                if key not in said and local(element) in names and (element.text or "").strip():
                    said[key] = str(element.text)
    return told(**said)

"""IIIF Presentation API 2 and 3: the images of a manifest, the manifests of a collection.

https://iiif.io/api/presentation/3.0/ and /2.1/. Of a canvas every image that is painted on it
counts; of a choice of images the first, which is the one to be shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

from pipeline.errors import BadInput
from workers.sources.entry import Entry, page_name, told

_DATES = frozenset({"date", "dates", "datum", "année", "annee", "year", "jahr", "data", "fecha"})
_STATIONS = frozenset({"station", "observatory", "observatoire", "observatorium", "wetterstation"})
_TAG = re.compile(r"<[^>]{0,500}>")
_LANGUAGES = ("none", "@none", "en")


def read_iiif(data: bytes, name: str, base: str) -> Iterator[Entry]:
    """Yield the images of a manifest or the lists of a collection. Raises `BadInput`."""
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(
            name, "it is damaged, or no JSON at all", "look at it in a browser, and get it anew"
        ) from error
    kind = _kind(whole)
    if kind == "Manifest":
        yield from _canvases(whole, name, base)
    elif kind == "Collection":
        yield from _members(whole, name, base)
    else:
        raise BadInput(
            name, "it is JSON, but no IIIF manifest or collection", "give the manifest's address"
        )


def _kind(thing: Any) -> str:
    if not isinstance(thing, dict):
        return ""
    return str(thing.get("type") or thing.get("@type") or "").removeprefix("sc:")


def _members(collection: dict[str, Any], name: str, base: str) -> Iterator[Entry]:
    """Yield the manifests and collections of a collection, also of one in pages."""
    found = False
    for key in ("items", "members", "collections", "manifests"):
        for member in _things(collection.get(key)):
            address = _id(member)
            if _kind(member) in ("Manifest", "Collection") and address:
                found = True
                yield Entry("", urljoin(base, address), "list", told(title=_text(member, "label")))
    for key in ("first", "next"):
        following = collection.get(key)
        address = following if isinstance(following, str) else _id(following)
        if address and urljoin(base, address) != base:
            found = True
            yield Entry("", urljoin(base, address), "list")
    if not found:
        raise BadInput(name, "it is a collection of nothing", "give another address")


def _canvases(manifest: dict[str, Any], name: str, base: str) -> Iterator[Entry]:
    title = _text(manifest, "label")
    about = _about(manifest, title)
    if base:
        about["manifest"] = _id(manifest) or base
    number = 0
    for canvas in _things(manifest.get("items")) or _things_of_sequences(manifest):
        number += 1
        called = page_name(title, number)
        own = told(
            canvas=_id(canvas),
            label=_text(canvas, "label"),
            **{key: value for key, value in _about(canvas, "").items() if key != "title"},
        )
        images = [image for image in _painted(canvas) if _id(image) or _service(image)]
        if not images:  # a silent omission would be worse than a source that is refused
            yield Entry(called, "", "image", {**about, **own})
        for part, image in enumerate(images, 1):
            service, api = _service(image)[0] if _service(image) else (None, 2)
            yield Entry(
                name=called if part == 1 else f"{called}-{part}",
                address=urljoin(base, _id(image) or service or ""),
                kind="image",
                told={**about, **own},
                service=urljoin(base, service).rstrip("/") if service else None,
                api=api,
                size=_size(image),
            )
    if not number:
        raise BadInput(name, "it is a manifest without canvases", "give another address")


def _things_of_sequences(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the canvases of a manifest of version 2: those of its first sequence."""
    sequences = _things(manifest.get("sequences"))
    return _things(sequences[0].get("canvases")) if sequences else []


def _painted(canvas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the images of a canvas, whichever version it is of."""
    for annotation in _things(canvas.get("images")):
        yield from _chosen(annotation.get("resource"))
    for page in _things(canvas.get("items")):
        for annotation in _things(page.get("items")):
            if annotation.get("motivation") in ("painting", ["painting"], None):
                yield from _chosen(annotation.get("body"))


def _chosen(body: Any) -> Iterator[dict[str, Any]]:
    for each in _things(body):
        kind = str(each.get("type") or each.get("@type") or "")
        if kind.endswith("Choice"):
            yield from _things(each.get("default") or each.get("items"))[:1]
        elif kind.endswith("SpecificResource"):
            yield from _chosen(each.get("source") or each.get("full"))
        elif kind.endswith("Image") or not kind:
            yield each


def _service(image: dict[str, Any]) -> list[tuple[str, int]]:
    """Return the image services of an image that can do more than hand it out as it is."""
    found = []
    for service in _things(image.get("service")):
        says = " ".join(
            str(service.get(key, "")) for key in ("type", "@type", "@context", "profile")
        )
        address = _id(service)
        if not address or "level0" in says.lower() or "image" not in says.lower():
            continue
        if "ImageService3" in says or "image/3/" in says:
            api = 3
        elif re.search(r"image-api/1|image/1/|library\.stanford\.edu", says):
            api = 1
        else:
            api = 2
        found.append((address, api))
    return found


def _about(thing: dict[str, Any], title: str) -> dict[str, str]:
    """Return what a manifest or canvas says of itself."""
    said = {
        label.casefold(): value
        for each in _things(thing.get("metadata"))
        if (label := _text(each, "label")) and (value := _text(each, "value"))
    }
    date = str(thing.get("navDate") or "")[:10]
    statement = thing.get("requiredStatement")
    rights = [
        _text(thing, "rights") or _text(thing, "license"),
        _text(statement, "value") if isinstance(statement, dict) else _text(thing, "attribution"),
    ]
    return told(
        title=title,
        date=next((said[key] for key in said if key in _DATES), date),
        station=next((said[key] for key in said if key in _STATIONS), None),
        rights="; ".join(dict.fromkeys(each for each in rights if each)),
    )


def _size(image: dict[str, Any]) -> tuple[int, int] | None:
    width, height = image.get("width"), image.get("height")
    if isinstance(width, int) and isinstance(height, int) and 0 < min(width, height) < 10**6:
        return width, height
    return None


def _things(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a value that may be one of them, several or none."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, dict)]


def _id(thing: Any) -> str | None:
    if not isinstance(thing, dict):
        return None
    found = thing.get("id") or thing.get("@id")
    return found if isinstance(found, str) else None


def _text(thing: dict[str, Any], key: str) -> str:
    """Return a text, which may stand there as it is, in a list, or by language."""
    return _TAG.sub(" ", _plain(thing.get(key))).strip()


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(dict.fromkeys(filter(None, (_plain(each) for each in value[:20]))))
    if isinstance(value, dict):
        if "@value" in value:
            return _plain(value["@value"])
        if "@id" in value or "id" in value:
            return _plain(value.get("@id") or value.get("id"))
        chosen = next((key for key in _LANGUAGES if key in value), None) or next(iter(value), None)
        return _plain(value[chosen]) if chosen is not None else ""
    return ""

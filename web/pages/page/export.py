"""A page or a collection as files: made in a folder that is gone once they are sent."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from sqlalchemy import Connection, text
from starlette.background import BackgroundTask

from storage import exports
from storage.exports import observed
from storage.exports.files import safe
from storage.exports.pages import one_page, pages_of_collection
from storage.observations import observations_of
from storage.stations import stations
from web.lanes import slowly
from web.problems import Problem
from web.reading import pages
from web.security.principal import Reader
from web.security.rates import count_costly
from web.site import TheSite
from web.templating import environment

router = APIRouter()

MOST_PAGES = 2_000
"""Of a collection that is exported from a browser; for more there is the command line."""

_MEANS = {
    "csv": "tables, for spreadsheets",
    "json": "all that is known of it",
    "parquet": "cells and observations, for analysis",
    "sef": "Station Exchange Format",
    "alto": "ALTO 4",
    "page": "PAGE XML",
    "hocr": "text over the image, HTML",
    "pdf": "searchable PDF",
    "tei": "TEI",
    "xlsx": "tables, for Excel",
    "txt": "plain text",
    "md": "Markdown",
    "image": "the scan",
}

_ONLY_COLLECTIONS = ("parquet", "sef")


def formats(collection: bool = False) -> list[tuple[str, str]]:
    """Return the formats that pages are exported in, and what each is."""
    known = [*exports.FORMATS, *(_ONLY_COLLECTIONS if collection else ())]
    return [(name, _MEANS.get(name, "")) for name in dict.fromkeys(known)]


environment.globals["exports_of"] = formats


@router.get("/pages/{page_id}/export/{form}")
@slowly
def page(site: TheSite, who: Reader, page_id: int, form: str) -> Response:
    """Send a page as it stands, corrections included, in one format."""
    _check(form, [name for name, _ in formats()])
    count_costly(site, who)
    with site.reading() as connection:
        published = one_page(connection, page_id, fetch=site.store.get)
    folder = tempfile.TemporaryDirectory(prefix="ledgermill-")
    try:
        [(_, paths)] = exports.export([published], Path(folder.name), [form])
        return _send(folder, published.name, form, paths)
    except BaseException:
        folder.cleanup()
        raise


@router.get("/collections/{collection_id}/export/{form}")
@slowly
def collection(site: TheSite, who: Reader, collection_id: int, form: str) -> Response:
    """Send the pages of a collection as they stand, in one format."""
    _check(form, [name for name, _ in formats(collection=True)])
    count_costly(site, who)
    folder = tempfile.TemporaryDirectory(prefix="ledgermill-")
    out = Path(folder.name)
    try:
        with site.reading() as connection:
            name = pages.collection_name(connection, collection_id)
            _check_size(connection, collection_id, name, form)
            paths: list[Path] = []
            if form in exports.FORMATS or form == "parquet":
                for _, written in exports.export(
                    pages_of_collection(connection, name, site.store.get), out, [form]
                ):
                    paths += written
            if form in observed.FORMATS:
                seen = observations_of(connection, name)
                paths += observed.export(seen, out, [form], stations(connection)).files
        return _send(folder, name, form, paths)
    except BaseException:
        folder.cleanup()
        raise


def _check(form: str, known: Sequence[str]) -> None:
    if form not in known:
        raise Problem(404, f"{form}: no such format; choose from {', '.join(known)}")


def _check_size(connection: Connection, collection_id: int, name: str, form: str) -> None:
    count = connection.scalar(
        text("select count(*) from mill.page where collection_id = :id"), {"id": collection_id}
    )
    if count and count > MOST_PAGES:
        raise Problem(
            413,
            f"{name}: {count} pages are more than a browser is given; on the server, run "
            f"`ledgermill export --collection {name} --format {form} --out DIR`",
        )


def _send(
    folder: tempfile.TemporaryDirectory[str], name: str, form: str, paths: Sequence[Path]
) -> Response:
    if not paths:
        raise Problem(404, f"{name}: there is nothing of it to write as {form}")
    path = paths[0]
    if len(paths) > 1:
        path = Path(folder.name) / f"{safe(name)}-{form}.zip"
        with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
            for each in paths:
                archive.write(each, each.name)
    return FileResponse(
        path,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(path.name)}"},
        background=BackgroundTask(folder.cleanup),
    )

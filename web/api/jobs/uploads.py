"""Work that is asked for: uploads, sources on other machines, pages to be read again.

`workers.client` brings torch with it, which nothing else here needs: it is imported when it is.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from pipeline.errors import BadInput
from pipeline.profiles import Profile, load_profile, profile_names
from storage import jobs
from storage.selection import Selection
from web.api.jobs.listing import JobWithFailures, describe
from web.lanes import slowly
from web.problems import Problem, responses
from web.security import rates
from web.security.principal import Operator, Principal
from web.site import Site, TheSite
from workers.ingest import submit
from workers.sources.model import FoundSource, Limits, RemoteSource

if TYPE_CHECKING:
    from workers.client import Office

router = APIRouter(tags=["jobs"])

_MOST_FILES = 1000


class Upload(BaseModel):
    """What becomes of the pages: read by a profile, into a collection of a language."""

    collection: str = Field(min_length=1, max_length=200)
    profile: str = Field(default="default", max_length=100)
    language: str = Field(default="simple", max_length=63)


class Sources(Upload):
    """Sources that lie on other machines, which the settings must allow to be asked."""

    sources: list[Annotated[str, Field(pattern=r"^(https?|s3)://\S{1,2000}$")]] = Field(
        min_length=1,
        max_length=1000,
        description="URLs of scans, IIIF manifests, METS files or lists; s3://BUCKET/PREFIX.",
    )


class Again(BaseModel):
    """Which pages are to be read again, and how: all conditions that are given must be met."""

    profile: str = Field(default="default", max_length=100)
    collection: str | None = Field(default=None, min_length=1, max_length=200)
    run: str | None = Field(
        default=None, min_length=1, max_length=300, description="Pages as this run has read them."
    )
    where: str | None = Field(
        default=None,
        max_length=10_000,
        description="A condition in SQL over the views cells, lines or pages: confidence < 0.9",
    )
    flags: list[Annotated[str, Field(max_length=100)]] = Field(
        default=[], max_length=20, description="Checks that a cell must carry, such as sum:fail."
    )


class NewJob(BaseModel):
    """A job that reads pages of one collection again."""

    job: int
    collection: str
    pages: int


class Asked(BaseModel):
    """What became of it: the run, the jobs made, and the pages that need not be read.

    `moving` counts, by job, those that another one has the run read already.
    """

    run: str
    jobs: list[NewJob]
    current: int
    read: int
    moving: dict[int, int]


_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files", "collection"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": _MOST_FILES,
                            "items": {"type": "string", "format": "binary"},
                            "description": "JPEG, PNG, WebP, JPEG 2000, TIFF, PDF or ZIP.",
                        },
                        "collection": {"type": "string", "minLength": 1, "maxLength": 200},
                        "profile": {
                            "type": "string",
                            "maxLength": 100,
                            "default": "default",
                            "description": "One of the built-in profiles.",
                        },
                        "language": {
                            "type": "string",
                            "maxLength": 63,
                            "default": "simple",
                            "description": "A text search configuration of Postgres.",
                        },
                    },
                }
            }
        },
    }
}


@router.post("/jobs", status_code=201, responses=responses(400, 413, 415), openapi_extra=_FORM)
async def upload(site: TheSite, who: Operator, request: Request) -> JobWithFailures:
    """Take in files of scans, and have their pages read."""
    await run_in_threadpool(rates.count_costly, site, who)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Problem(415, "send the files as multipart/form-data")
    async with request.form(max_files=_MOST_FILES, max_fields=20) as form:
        return await _take_in(site, who, form)


@router.post("/jobs/sources", status_code=201)
@slowly
def add_sources(site: TheSite, who: Operator, said: Sources) -> JobWithFailures:
    """Have workers fetch sources from where the settings allow it, and read their pages."""
    from workers.bring import remote_source

    rates.count_costly(site, who)
    sources = [remote_source(address, granted=False) for address in said.sources]
    job_id = _make(site, said)
    return _listed(site, who, job_id, sources, "job.sources", said)


@router.post("/jobs/reprocess", status_code=201, responses=responses(400, 404))
@slowly
def read_again(site: TheSite, who: Operator, said: Again) -> Asked:
    """Have pages read again by another profile, or by this version's weights."""
    from workers.reprocessing import reprocess

    rates.count_costly(site, who)
    selection = Selection(said.collection, said.run, said.where, tuple(said.flags))
    made = reprocess(_office(site), _profile(said.profile), selection)
    with site.changing(who, "job.reprocess", **said.model_dump(), run_made=made.run):
        pass
    fates = made.fates
    return Asked(
        run=made.run,
        jobs=[NewJob(**asdict(job)) for job in made.jobs],
        current=fates.current,
        read=fates.read,
        moving=fates.moving,
    )


@slowly
def _take_in(site: Site, who: Principal, form: FormData) -> JobWithFailures:
    said = _said(form)
    files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
    if not files:
        raise Problem(422, "files: none is there; choose some")
    job_id = _make(site, said)
    with _on_disk(files) as sources:
        return _listed(site, who, job_id, sources, "job.upload", said)


def _make(site: Site, said: Upload) -> int:
    from workers.client import PRIORITY_BULK, make_job

    profile = _profile(said.profile)
    return make_job(_office(site), profile, said.collection, said.language, PRIORITY_BULK)


def _listed(
    site: Site,
    who: Principal,
    job_id: int,
    sources: Sequence[FoundSource | RemoteSource],
    action: str,
    said: Upload,
) -> JobWithFailures:
    try:
        with site.database.connect() as connection:
            submit(connection, site.store, job_id, sources, Limits.of(site.settings))
    except BaseException:
        with site.database.begin() as connection:
            jobs.cancel(connection, job_id)
        raise
    about = {"job": job_id, "collection": said.collection, "sources": len(sources)}
    with site.changing(who, action, **about) as connection:
        jobs.all_listed(connection, job_id)
        return describe(connection, job_id)


def _office(site: Site) -> Office:
    from workers.client import Office

    return Office(site.endpoints, site.database, site.settings)


def _profile(name: str) -> Profile:
    """Return a built-in profile: a file of this machine is nothing that a request may name."""
    if name not in profile_names():
        raise BadInput("profile", "no such profile", f"choose one of {', '.join(profile_names())}")
    return load_profile(name)


def _said(form: FormData) -> Upload:
    fields = {
        name: value
        for name in Upload.model_fields
        if isinstance(value := form.get(name), str) and value != ""
    }
    try:
        return Upload.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise Problem(422, f"{first['loc'][0]}: {first['msg']}") from None


@contextmanager
def _on_disk(files: list[UploadFile]) -> Iterator[list[FoundSource]]:
    """Give the files as sources that can be read; what they are called names nothing on disk."""
    with tempfile.TemporaryDirectory(prefix="ledgermill-upload-") as folder:
        sources = []
        for number, file in enumerate(files):
            path = Path(folder) / str(number)
            with path.open("wb") as copy:
                shutil.copyfileobj(file.file, copy)
            sources.append(FoundSource(_label(file.filename, number), path))
        yield sources


def _label(name: str | None, number: int) -> str:
    kept = "".join(c for c in (name or "") if c.isprintable()).replace("\\", "/").strip("/")
    return kept[-200:] or f"upload-{number + 1}"

"""Uploads: files become a job, as those that `ledgermill ingest` names do."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from pipeline.errors import BadInput
from pipeline.profiles import load_profile, profile_names
from storage import jobs
from web.api.jobs.jobs import JobWithFailures, describe
from web.problems import Problem, responses
from web.security import rates
from web.security.principal import Operator, Principal
from web.site import Site, TheSite
from workers.client import PRIORITY_BULK, Office, make_job
from workers.ingest import submit
from workers.sources.model import FoundSource, Limits

router = APIRouter(tags=["jobs"])

_MOST_FILES = 1000


class Upload(BaseModel):
    """What becomes of the files: read by a profile, into a collection of a language."""

    collection: str = Field(min_length=1, max_length=200)
    profile: str = Field(default="default", max_length=100)
    language: str = Field(default="simple", max_length=63)


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
    rates.count_costly(site, who)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Problem(415, "send the files as multipart/form-data")
    async with request.form(max_files=_MOST_FILES, max_fields=20) as form:
        return await run_in_threadpool(_take_in, site, who, form)


def _take_in(site: Site, who: Principal, form: FormData) -> JobWithFailures:
    said = _said(form)
    files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
    if not files:
        raise Problem(422, "files: none is there; choose some")
    if said.profile not in profile_names():
        raise BadInput("profile", "no such profile", f"choose one of {', '.join(profile_names())}")
    place = Office(site.endpoints, site.database, site.settings)
    limits = Limits.of(site.settings)
    job_id = make_job(
        place, load_profile(said.profile), said.collection, said.language, PRIORITY_BULK
    )
    try:
        with _on_disk(files) as sources, site.database.connect() as connection:
            submit(connection, site.store, job_id, sources, limits)
    except BaseException:
        with site.database.begin() as connection:
            jobs.cancel(connection, job_id)
        raise
    about = {"job": job_id, "collection": said.collection, "files": len(files)}
    with site.changing(who, "job.upload", **about) as connection:
        jobs.all_listed(connection, job_id)
        return describe(connection, job_id)


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

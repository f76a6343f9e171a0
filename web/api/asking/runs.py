"""Runs: the ways of reading that have been used."""

from __future__ import annotations

from fastapi import APIRouter

from storage.runs import Run
from storage.runs import list_runs as find
from web.security.principal import Reader
from web.site import TheSite

router = APIRouter(tags=["runs"])


@router.get("/runs")
def list_runs(site: TheSite, _who: Reader) -> list[Run]:
    """List every run, oldest first, with the pages it has read and those it is current for."""
    with site.reading() as connection:
        return find(connection)

"""Runs: the ways of reading that have been used, compared, and made current again."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from storage.compare import Change, PageComparison, Who
from storage.compare import compare as compare_pages
from storage.rollback import RolledBack, roll_back
from storage.runs import Run, find_run
from storage.runs import list_runs as find
from web.api.common.kinds import InCollection
from web.lanes import slowly
from web.problems import responses
from web.security import rates
from web.security.principal import Operator, Reader
from web.site import TheSite

router = APIRouter(tags=["runs"])

RunName = Annotated[str, Query(min_length=1, max_length=300, description="A run's name or number.")]


class Compared(BaseModel):
    """Two readings of one page: `statuses` counts what a place's status was, and became."""

    page_id: int
    page: str
    collection: str
    places: int
    changes: list[Change]
    statuses: dict[str, int]
    right: dict[Who, int] = Field(description="Who was right, where corrections tell.")

    @classmethod
    def of(cls, found: PageComparison) -> Compared:
        return cls(
            page_id=found.page_id,
            page=found.page,
            collection=found.collection,
            places=found.places,
            changes=list(found.changes),
            statuses={f"{one} > {other}": n for (one, other), n in found.statuses.items()},
            right=dict(found.right),
        )


class Back(BaseModel):
    """A run whose readings are to be current again, in a collection or everywhere."""

    run: str = Field(min_length=1, max_length=300)
    collection: str | None = Field(default=None, min_length=1, max_length=200)


@router.get("/runs")
def list_runs(site: TheSite, _who: Reader) -> list[Run]:
    """List every run, oldest first, with the pages it has read and those it is current for."""
    with site.reading() as connection:
        return find(connection)


@router.get("/runs/compare", responses=responses(404))
@slowly
def compare_runs(
    site: TheSite,
    who: Reader,
    first: RunName,
    second: RunName,
    collection: InCollection = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Pages at most, by name.")] = 20,
) -> list[Compared]:
    """Tell what two runs read differently on the pages that both have read."""
    rates.count_costly(site, who)
    with site.reading() as connection:
        one, other = find_run(connection, first), find_run(connection, second)
        pages = compare_pages(connection, one, other, collection)
        return [Compared.of(page) for page, _, _ in islice(pages, limit)]


@router.post("/runs/rollback", responses=responses(404))
@slowly
def roll_back_to(site: TheSite, who: Operator, back: Back) -> RolledBack:
    """Make what an earlier run has read current again; corrections lie on it, too."""
    done = roll_back(site.database, back.run, back.collection, str(who.name))
    with site.changing(who, "run.rollback", **back.model_dump(), changed=done.changed):
        pass
    return done

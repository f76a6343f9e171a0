"""Learning: a network learns from a collection's corrections, at the press of a button."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from pipeline.profiles import Profile
from storage import learning as store
from storage.selection import Selection
from web.lanes import slowly
from web.problems import Problem
from web.security import rates
from web.security.principal import Operator, Reader
from web.site import Site, TheSite
from web.templating import render
from workers.client import Office
from workers.reprocessing import reprocess

router = APIRouter()

LEAST_CERTAIN = "confidence < 0.9"
"""What is read again with what was learnt: pages with a line or cell that meets this."""

_RUN = "from workers.cli.main import main; main()"


@router.get("/learning")
def learning(request: Request, site: TheSite, who: Reader, begun: str = "") -> Response:
    """Show what was learnt, and what could be."""
    with site.reading() as connection:
        listed = store.latest(connection)
        context = {
            "corrected": store.corrected(connection),
            "listed": listed,
            "running": {each.collection for each in listed if each.running},
            "begun": begun,
            "operator": who.may("operator"),
        }
    partial = request.headers.get("hx-request") == "true"
    return render(request, "learning/list.html" if partial else "learning/learning.html", context)


@router.post("/learning")
def learn(site: TheSite, who: Operator, collection: Annotated[str, Form()]) -> Response:
    """Have the network of numbers learn what was corrected, in a process of its own."""
    rates.count_costly(site, who)
    with site.changing(who, "learning.begin", collection=collection) as connection:
        if collection not in store.corrected(connection):
            raise Problem(404, f"{collection}: has no corrected numbers; correct some first")
    _start(site, collection, who.name or who.via)
    return RedirectResponse("/learning?begun=1", 303)


@router.post("/learning/{learning_id}/read-again")
@slowly
def read_again(site: TheSite, who: Operator, learning_id: int) -> Response:
    """Have a collection's least certain pages read again with what was learnt from it."""
    rates.count_costly(site, who)
    with site.reading() as connection:
        found = store.find(connection, learning_id)
    if found.profile is None:
        raise Problem(409, f"learning {learning_id}: it read no better; there is nothing to use")
    selection = Selection(found.collection, None, LEAST_CERTAIN, ())
    place = Office(site.endpoints, site.database, site.settings)
    made = reprocess(place, Profile(**found.profile), selection)
    with site.changing(who, "job.reprocess", learning=learning_id, run_made=made.run):
        pass
    return RedirectResponse("/jobs", 303)


def _start(site: Site, collection: str, by: str) -> None:
    """Start `ledgermill learn`; what it says goes to a file of the home's `log`."""
    folder = site.settings.home / "log"
    folder.mkdir(parents=True, exist_ok=True)
    command = ["learn", f"--collection={collection}", f"--by={by}", "--json"]
    with (folder / "learning.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _RUN, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, name="learning", daemon=True).start()

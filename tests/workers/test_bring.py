"""What lies on other machines comes in whole, whatever goes wrong on the way, and from nowhere
else than it may."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection, text

from storage import jobs
from storage.objects import ObjectStore, open_store
from tests.workers.sources.remote.server import Fault, Site, serving
from workers.ingest import ingest_source, submit
from workers.settings import settings
from workers.sources import Limits, find_sources
from workers.sources.remote.errors import Later

LIMITS = Limits()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("LEDGERMILL_ALLOWED_HOSTS", "127.0.0.1")
    monkeypatch.setenv("LEDGERMILL_FETCHES_PER_SECOND", "1000")
    settings.cache_clear()
    with serving() as made:
        yield made
    settings.cache_clear()


@pytest.fixture
def store(object_store: str) -> ObjectStore:
    return open_store(object_store)


@pytest.fixture
def job(connection: Connection) -> int:
    job_id = jobs.create(connection, "ingest", jobs.ensure_collection(connection, "c"), None)
    connection.commit()
    return job_id


def rows(connection: Connection, statement: str, **values: object) -> list[tuple[Any, ...]]:
    found = [tuple(row) for row in connection.execute(text(statement), values)]
    connection.rollback()
    return found


def take_in(connection: Connection, store: ObjectStore, job: int, *specs: str) -> int:
    """List sources and take them in as workers would; return how often one was put off."""
    submit(connection, store, job, find_sources(specs, LIMITS), LIMITS)
    later = 0
    for _ in range(40):
        waiting = rows(
            connection,
            "select number from mill.job_source where job_id = :j and state = 'pending' order by 1",
            j=job,
        )
        if not waiting:
            break
        for (number,) in waiting:
            try:
                ingest_source(connection, store, job, number, LIMITS)
            except Later:
                later += 1
                connection.rollback()
                connection.execute(
                    text(
                        "update mill.job_source set postponed = postponed + 1"
                        " where job_id = :j and number = :n"
                    ),
                    {"j": job, "n": number},
                )
                connection.commit()
    return later


def sources(connection: Connection) -> list[tuple[Any, ...]]:
    return rows(connection, "select source, state, reason from mill.job_source order by number")


def page_names(connection: Connection) -> list[str]:
    return [name for (name,) in rows(connection, "select name from mill.page order by id")]


@pytest.mark.parametrize("api", [2, 3])
def test_every_canvas_of_a_manifest_becomes_a_page(
    connection: Connection, store: ObjectStore, job: int, site: Site, api: int
) -> None:
    assert take_in(connection, store, job, site.manifest(3, api=api)) == 0
    title = "Weather diary, vol. 3" if api == 3 else "Wetterbuch"
    assert page_names(connection) == [f"{title}-{n:04}" for n in (1, 2, 3)]
    assert max(site.asked.values()) == 1
    assert not any("info.json" in path for path in site.asked)


def test_where_a_page_came_from_is_kept(
    connection: Connection, store: ObjectStore, job: int, site: Site
) -> None:
    address = site.manifest(1)
    take_in(connection, store, job, address)
    ((source, *said, told, sha256, image),) = rows(
        connection,
        "select d.source, d.address, d.station, d.date, d.title, d.rights, d.told, d.sha256,"
        " image_sha256 from mill.document d join mill.document_page on document_id = d.id"
        " join mill.page on page.id = page_id where fetched_at > now() - interval '1 minute'",
    )
    assert source == f"{address}!/Weather diary, vol. 3-0001"
    assert said == [
        f"{site.url}/iiif/1/full/max/0/default.jpg",
        "Ben Nevis",
        "1898",
        "Weather diary, vol. 3",
        "http://creativecommons.org/licenses/by/4.0/; The Archive",
    ]
    assert told == {
        "label": "f. 1r",
        "canvas": f"{site.url}/canvas/1",
        "manifest": f"{site.url}/manifest.json",
        "name": "Weather diary, vol. 3-0001",
    }
    assert sha256 == image
    ((listed,),) = rows(connection, "select sha256 from mill.job_source where number = 1")
    assert store.get(listed) == site.answers["/manifest.json"], "the manifest is kept, too"


def test_faults_are_got_over(
    connection: Connection, store: ObjectStore, job: int, site: Site
) -> None:
    faults: list[Fault] = ["busy", "slow", "truncated", "cut", "small", "reset", "wrong"]

    def fault(path: str, count: int) -> Fault:
        if path == "/manifest.json":
            return faults[count - 1] if count <= 4 else None
        number = int(path.split("/")[2])
        return faults[(number + count) % 7] if count <= 2 and "info" not in path else None

    site.fault = fault
    assert take_in(connection, store, job, site.manifest(7)) > 5
    assert [row[1:] for row in sources(connection)] == [("stored", None)] * 8
    sizes = rows(connection, "select distinct width, height from mill.image")
    assert sizes == [(240, 160)]
    assert len(page_names(connection)) == 7


def test_a_size_that_is_refused_is_asked_for_otherwise(
    connection: Connection, store: ObjectStore, job: int, site: Site
) -> None:
    site.refused_sizes = ("max", "full")
    assert take_in(connection, store, job, site.manifest(1)) == 0
    assert rows(connection, "select width, height from mill.image") == [(240, 160)]
    assert site.asked["/iiif/1/full/240,/0/default.jpg"] == 1


def test_a_server_may_have_a_limit(
    connection: Connection, store: ObjectStore, job: int, site: Site
) -> None:
    site.limit = 120
    assert take_in(connection, store, job, site.manifest(1)) == 0
    assert rows(connection, "select width, height from mill.image") == [(120, 80)]
    ((told,),) = rows(connection, "select told from mill.document")
    assert told["served"] == "120 x 80, of 240 x 160"


def test_what_stays_wrong_is_taken_smaller_but_never_as_another_image(
    connection: Connection, store: ObjectStore, job: int, site: Site
) -> None:
    site.fault = lambda path, count: (
        "small" if "/1/full" in path else "wrong" if "/2/full" in path else None
    )
    assert take_in(connection, store, job, site.manifest(2)) == 6
    assert [row[1] for row in sources(connection)] == ["stored", "stored", "refused"]
    assert sources(connection)[2][2].startswith("it comes in 160 x 240 pixels, not in 240 x 160;")


def test_collections_lead_to_manifests_and_not_in_circles(
    connection: Connection, store: ObjectStore, job: int, site: Site
) -> None:
    def member(path: str, kind: str) -> dict[str, str]:
        return {"id": site.url + path, "type": kind}

    site.manifest(2, "/one.json")
    top = site.add(
        "/top.json",
        {
            "type": "Collection",
            "items": [member("/one.json", "Manifest"), member("/below.json", "Collection")],
        },
    )
    site.add("/below.json", {"type": "Collection", "items": [member("/top.json", "Collection")]})
    take_in(connection, store, job, top)
    assert len(page_names(connection)) == 2
    refused = [row for row in sources(connection) if row[1] == "refused"]
    assert [row[2] for row in refused] == [
        "of nothing that it lists: lists lead round in circles; name it on its own"
    ]


def test_a_manifest_names_no_other_hosts_than_may_be_asked(
    connection: Connection, store: ObjectStore, job: int, site: Site
) -> None:
    manifest = site.manifest(2)
    site.answers["/manifest.json"] = site.answers["/manifest.json"].replace(  # type: ignore[union-attr]
        f"{site.url}/iiif".encode(), b"http://169.254.169.254/iiif"
    )
    take_in(connection, store, job, manifest)
    ((_, state, reason),) = sources(connection)
    assert state == "refused"
    assert reason == (
        "of nothing that it lists: 169.254.169.254 is not among the hosts that may be asked;"
        " if you trust it, set LEDGERMILL_ALLOWED_HOSTS=127.0.0.1,169.254.169.254 where the"
        " workers run"
    )


def test_a_redirect_leads_nowhere_else(
    connection: Connection, store: ObjectStore, job: int, site: Site
) -> None:
    away = site.add("/away", (302, {"Location": "http://localhost:1/x.jpg"}, b""))
    near = site.add("/near.jpg", (302, {"Location": "/iiif/1/full/max/0/default.jpg"}, b""))
    take_in(connection, store, job, away, near)
    found = sources(connection)
    assert found[0][2].startswith("localhost is not among the hosts that may be asked;")
    assert found[1][1] == "stored"
    ((told,),) = rows(connection, "select told from mill.document")
    assert told == {"fetched_from": f"{site.url}/iiif/1/full/max/0/default.jpg"}


def test_what_will_never_come_is_refused_at_once(
    connection: Connection, store: ObjectStore, job: int, site: Site
) -> None:
    page = site.add("/page.html", b"<!doctype html><html>log in</html>")
    assert take_in(connection, store, job, f"{site.url}/none.jpg") == 0
    assert take_in(connection, store, job, page) == 3
    assert [row[1:] for row in sources(connection)] == [
        ("refused", "there is nothing at this address; check the address"),
        (
            "refused",
            "it is a web page, not an image; download the scan itself: an address that asks for a"
            " log-in gives a page like this",
        ),
    ]


def test_a_server_that_asks_for_patience_gets_it(
    connection: Connection, store: ObjectStore, job: int, site: Site
) -> None:
    site.retry_after = "120"
    site.fault = lambda path, count: "busy"
    submit(connection, store, job, find_sources([f"{site.url}/a.jpg"], LIMITS), LIMITS)
    with pytest.raises(Later) as caught:
        ingest_source(connection, store, job, 1, LIMITS)
    assert caught.value.seconds == 120
    with pytest.raises(Later, match=r"not to be asked for 1[12]\d seconds"):
        ingest_source(connection, store, job, 1, LIMITS)
    assert site.asked["/a.jpg"] == 1, "nobody asks meanwhile"


def test_a_host_is_asked_no_faster_than_the_settings_say(
    connection: Connection,
    store: ObjectStore,
    job: int,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEDGERMILL_FETCHES_PER_SECOND", "10")
    settings.cache_clear()
    started = time.monotonic()
    take_in(connection, store, job, site.manifest(4))
    assert time.monotonic() - started > 0.4
    moments = [moment for moment, _ in site.times]
    assert min(b - a for a, b in pairwise(moments)) > 0.05


def test_what_is_not_allowed_is_refused_by_the_client_and_by_the_worker(
    connection: Connection,
    store: ObjectStore,
    job: int,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    submit(connection, store, job, find_sources([f"{site.url}/a.jpg"], LIMITS), LIMITS)
    monkeypatch.setenv("LEDGERMILL_ALLOWED_HOSTS", "example.org")
    settings.cache_clear()
    submit(connection, store, job, find_sources([f"{site.url}/b.jpg"], LIMITS), LIMITS)
    ingest_source(connection, store, job, 1, LIMITS)
    assert [row[1] for row in sources(connection)] == ["refused", "refused"]
    assert not site.asked

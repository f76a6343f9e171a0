"""What lies on other machines comes in whole, whatever goes wrong on the way, and from nowhere
else than it may."""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from minio import Minio
from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from pipeline.page import Transcription, schema, to_json
from storage import jobs
from storage.objects import ObjectStore, open_store
from storage.provenance import of_page
from storage.runs import ensure_run
from storage.transcriptions import save
from tests.workers.sources.remote.server import Fault, Site, picture, serving
from workers.bring import remote_source
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


@pytest.mark.parametrize(
    "address", ["s3://m]", "s3://b/p?endpoint=http://[x", "s3://[::1/p", "s3://u:sesam@b"]
)
def test_an_address_that_is_none_is_said_in_one_line(address: str) -> None:
    with pytest.raises(BadInput, match="no address of a bucket") as said:
        remote_source(address)
    assert "\n" not in str(said.value)
    assert "sesam" not in str(said.value)


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
    ((page_id,),) = rows(connection, "select id from mill.page")
    read = Transcription(240, 160, 0.0, (), ())
    save(connection, page_id, ensure_run(connection, "default", "ab" * 32, "1", {}), read)
    connection.commit()
    view = "select address, station, date, title, rights, checksum, told from pages"
    assert rows(connection, view) == [(*said, sha256, told)]
    page = to_json(read, "a", "run", of_page(connection, page_id))
    connection.rollback()
    jsonschema.validate(page, schema())
    assert page["provenance"]["address"] == said[0]
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


def test_what_is_there_already_is_not_fetched_again(
    connection: Connection, store: ObjectStore, job: int, site: Site
) -> None:
    """An ingest that was killed and is asked for again goes on where it was."""
    manifest = site.manifest(3)
    tagged = site.add(
        "/tagged.jpg",
        lambda headers: (
            (304, {}, b"")
            if headers.get("If-None-Match") == '"1"'
            else (200, {"ETag": '"1"'}, picture(9))
        ),
    )
    take_in(connection, store, job, manifest, tagged)
    again = jobs.create(connection, "ingest", jobs.ensure_collection(connection, "c"), None)
    connection.commit()
    take_in(connection, store, again, manifest, tagged)
    assert site.asked["/manifest.json"] == 2
    assert max(count for path, count in site.asked.items() if path != "/manifest.json") == 1
    work = "select job_id, count(*) from mill.job_page group by 1 order by 1"
    assert rows(connection, work) == [(job, 4), (again, 4)]
    connection.execute(text("update mill.document set fetched_at = fetched_at - interval '2 days'"))
    connection.commit()
    later = jobs.create(connection, "ingest", jobs.ensure_collection(connection, "c"), None)
    connection.commit()
    take_in(connection, store, later, tagged)
    assert site.asked["/tagged.jpg"] == 2, "asked whether it has changed"
    assert rows(connection, work)[-1] == (later, 1)
    assert rows(connection, "select count(*) from mill.document") == [(4,)]


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


# --- buckets ------------------------------------------------------------------------------------


def test_a_bucket_is_listed_in_pages_and_every_object_taken_in(
    connection: Connection,
    store: ObjectStore,
    job: int,
    site: Site,
    s3: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Minio(s3.endpoint, s3.access_key, s3.secret_key, secure=False)
    files = {f"in/{n}.jpg": picture(n) for n in range(5)}
    files |= {"in/notes.txt": b"no page", "in/.hidden.jpg": picture(9), "in/bad.jpg": b"\xff\xd8"}
    files |= {"elsewhere/6.jpg": picture(6)}
    for name, data in files.items():
        client.put_object(s3.bucket, name, BytesIO(data), len(data))
    monkeypatch.setattr("workers.sources.remote.s3.PAGE", 3)
    address = f"s3://{s3.bucket}/in/?endpoint=http://{s3.endpoint}"
    take_in(connection, store, job, address)
    assert sorted(page_names(connection)) == ["0", "1", "2", "3", "4"]
    states = {row[0].rpartition("/")[2]: row[1] for row in sources(connection)[1:]}
    assert states["bad.jpg"] == "refused"
    ((known, where, mark),) = rows(
        connection,
        "select source, address, fetched_at is not null from mill.document"
        " where source like '%/1%'",
    )
    assert (known, mark) == (f"s3://{s3.bucket}/in/1.jpg", True)
    assert where == f"s3://{s3.bucket}/in/1.jpg?endpoint=http://{s3.endpoint}"


@pytest.mark.parametrize(
    ("bucket", "hosts", "reason"),
    [
        ("other", "127.0.0.1", "other is not among the buckets that may be read;"),
        ("pages", "example.org", "127.0.0.1 is not among the hosts that may be asked;"),
        ("pages", "127.0.0.1", "nothing is there that begins so; check bucket and prefix"),
    ],
)
def test_only_buckets_and_servers_that_are_allowed(
    connection: Connection,
    store: ObjectStore,
    job: int,
    site: Site,
    s3: Any,
    monkeypatch: pytest.MonkeyPatch,
    bucket: str,
    hosts: str,
    reason: str,
) -> None:
    monkeypatch.setenv("LEDGERMILL_ALLOWED_BUCKETS", "pages")
    monkeypatch.setenv("LEDGERMILL_ALLOWED_HOSTS", hosts)
    settings.cache_clear()
    take_in(connection, store, job, f"s3://{bucket}/none/?endpoint=http://{s3.endpoint}")
    ((_, state, why),) = sources(connection)
    assert (state, why[: len(reason)]) == ("refused", reason)


# --- lists and transcriptions -------------------------------------------------------------------

PAGE_XML = """<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="1.jpg" imageWidth="{w}" imageHeight="{h}"><TextRegion id="r">
<Coords points="0,0 100,0 100,40 0,40"/><TextLine id="l"><Coords points="0,0 100,0 100,40 0,40"/>
<TextEquiv><Unicode>{text}</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>"""


def test_a_list_of_csv_names_files_and_addresses(
    connection: Connection, store: ObjectStore, job: int, site: Site, tmp_path: Path
) -> None:
    near = site.add("/far.jpg", picture(2))
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.jpg").write_bytes(picture(1))
    (tmp_path / "outside.jpg").write_bytes(picture(3))
    listed = tmp_path / "scans" / "list.csv"
    listed.write_text(
        "source,station,date,title,rights,page\n"
        f"a.jpg,Ben Nevis,1898-01,Log,CC0,7\n{near},,1898-02,,,\n"
        "../outside.jpg,,,,,\ngone.jpg,,,,,\n"
        "https://elsewhere.example.org/x.jpg,,,,,\n"
    )
    take_in(connection, store, job, str(listed))
    assert [(row[1], row[2] and row[2].partition(";")[0]) for row in sources(connection)] == [
        ("stored", None),
        ("stored", None),
        ("refused", "it lies outside the folder of its list"),
        ("refused", "there is no such file"),
        ("refused", "elsewhere.example.org is not among the hosts that may be asked"),
    ]
    said = rows(
        connection,
        "select station, date, title, rights, told, address, fetched_at is null"
        " from mill.document order by id",
    )
    assert said == [
        ("Ben Nevis", "1898-01", "Log", "CC0", {"page": "7"}, None, True),
        (None, "1898-02", None, None, None, near, False),
    ]


def test_earlier_transcriptions_are_runs_that_give_way(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    scans = tmp_path / "scans"
    (scans / "page").mkdir(parents=True)
    for number in (1, 2, 3):
        (scans / f"{number}.jpg").write_bytes(picture(number))
    own = scans / "page" / "1.xml"
    own.write_text(PAGE_XML.format(w=480, h=320, text="made on a larger scan"))
    (scans / "2.xml").write_text(PAGE_XML.format(w=100, h=900, text="of another page"))

    def again() -> list[tuple[Any, ...]]:
        found = find_sources([str(scans)], LIMITS, transcribed=True)
        submit(connection, store, job, found, LIMITS, keep="truth")
        waiting = "select number from mill.job_source where state = 'pending' order by 1"
        for (number,) in rows(connection, waiting):
            ingest_source(connection, store, job, number, LIMITS)
        return rows(
            connection,
            "select page.name, profile, text, polygon[3]::int, current_run_id = run.id"
            " from mill.transcription t join mill.page on page.id = page_id"
            " join mill.run on run.id = run_id join mill.line on transcription_id = t.id"
            " order by t.id",
        )

    first = ("1", "ground-truth", "made on a larger scan", 50, True)
    assert again() == [first]
    ((part, why),) = rows(connection, "select entry, reason from mill.refused_entry")
    assert "2.jpg" in part or "transcription" in part
    assert why.startswith("it is of an image of 100 x 900 pixels, not 240 x 160;")
    assert again() == [first], "the same is not kept twice"
    own.write_text(PAGE_XML.format(w=240, h=160, text="mended"))
    assert again() == [
        (*first[:4], False),
        ("1", "ground-truth", "mended", 100, True),
    ]
    ((page,),) = rows(connection, "select id from mill.page where name = '1'")
    reading = ensure_run(connection, "default", "ab" * 32, "1", {})
    save(connection, page, reading, Transcription(240, 160, 0.0, (), ()))
    connection.commit()
    own.write_text(PAGE_XML.format(w=240, h=160, text="later"))
    assert [row[4] for row in again()] == [False] * 3, "what was read stays current"


def test_a_workspace_is_read_by_its_mets(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    (tmp_path / "IMG").mkdir()
    (tmp_path / "BIN").mkdir()
    for number in (1, 2):
        (tmp_path / "IMG" / f"{number}.jpg").write_bytes(picture(number))
        (tmp_path / "BIN" / f"{number}.jpg").write_bytes(picture(number + 10))
    kinds = {"IMG": "OCR-D-IMG", "BIN": "OCR-D-BIN"}
    files = "".join(
        f'<fileGrp USE="{use}">'
        + "".join(
            f'<file ID="{kind}{n}" MIMETYPE="image/jpeg">'
            f'<FLocat xlink:href="{kind}/{n}.jpg"/></file>'
            for n in (1, 2)
        )
        + "</fileGrp>"
        for kind, use in kinds.items()
    )
    pages = "".join(f'<div><fptr FILEID="BIN{n}"/><fptr FILEID="IMG{n}"/></div>' for n in (2, 1))
    (tmp_path / "mets.xml").write_text(
        '<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f"<fileSec>{files}</fileSec><structMap><div>{pages}</div></structMap></mets>"
    )
    take_in(connection, store, job, str(tmp_path))
    assert [Path(row[0]).parts[-2:] for row in sources(connection)] == [
        ("IMG", "2.jpg"),
        ("IMG", "1.jpg"),
    ]
    assert page_names(connection) == ["2", "1"]

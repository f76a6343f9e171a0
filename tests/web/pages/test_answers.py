"""Pages without a browser: who gets what, and what is wrong in words."""

from __future__ import annotations

import html
import io
import re

import httpx
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
import sqlalchemy
from sqlalchemy import text

from storage import leases, review
from storage.corrections import CellPlace, correct, corrections_of, withdraw
from storage.jobs import create
from storage.jobs.retrying import retry
from storage.leases import Lease
from tests.web.library import READ, TRUE, WRONG, Library

HTML = {"Accept": "text/html"}
PLACE = "cell-{}-{}-{}".format(*WRONG)


@pytest.fixture
def corrector(browsers: dict[str, httpx.Client]) -> httpx.Client:
    """Return the corrector's browser, which sends its CSRF token."""
    client = browsers["corrector"]
    found = re.search(r'data-csrf="(\w+)"', client.get("/search", headers=HTML).text)
    assert found is not None
    client.headers["X-CSRF-Token"] = found[1]
    return client


@pytest.fixture
def collection(connection: sqlalchemy.Connection, library: Library) -> int:
    found = connection.execute(text("select id from mill.collection")).scalar_one()
    connection.rollback()
    return int(found)


def test_readers_read_and_only_correctors_correct(
    browsers: dict[str, httpx.Client], library: Library, collection: int
) -> None:
    reader = browsers["reader"]
    for path in (
        "/",
        "/search?q=register",
        "/search?q=register&fuzzy=true",
        f"/collections/{collection}",
        f"/pages/{library.page_id}",
        f"/pages/{library.page_id}/places/{PLACE}",
        f"/pages/{library.page_id}/places/line-0",
        f"/pages/{library.page_id}/relations/0",
        f"/pages/{library.page_id}/compare",
        "/review",
        "/jobs",
        "/series",
        "/sql",
    ):
        answer = reader.get(path, headers=HTML)
        assert answer.status_code == 200, path
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert " style=" not in answer.text
        assert "<script>" not in answer.text
    column = f"/pages/{library.page_id}/tables/0/columns/1"
    assert reader.get(column, headers=HTML).status_code == 403
    assert reader.get(f"/review/{collection}", headers=HTML).status_code == 403
    assert 'data-editable=""' in reader.get(f"/pages/{library.page_id}").text


def test_a_page_that_one_has_is_not_sent_again(
    browsers: dict[str, httpx.Client], library: Library, connection: sqlalchemy.Connection
) -> None:
    reader, path = browsers["reader"], f"/pages/{library.page_id}"
    etag = reader.get(path, headers=HTML).headers["etag"]
    known = HTML | {"If-None-Match": etag}
    again = reader.get(path, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert browsers["corrector"].get(path, headers=known).status_code == 200  # another's page
    place = CellPlace(*WRONG)
    made = correct(connection, library.page_id, library.run_id, place, TRUE, "anna", None)
    connection.commit()
    corrected = reader.get(path, headers=known)
    assert corrected.status_code == 200
    withdraw(connection, made.id, "anna")
    connection.commit()
    known["If-None-Match"] = corrected.headers["etag"]
    assert reader.get(path, headers=known).status_code == 200


def test_what_pages_load_is_kept_for_good(browsers: dict[str, httpx.Client]) -> None:
    page = browsers["reader"].get("/jobs", headers=HTML).text
    loaded = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(loaded) >= 4
    for address in loaded:
        answer = browsers["reader"].get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    _, _, build, name = loaded[-1].split("/", 3)
    for path in (f"/static/{'0' * len(build)}/{name}", f"/static/{name}"):  # another version's
        answer = browsers["reader"].get(path)
        assert answer.status_code == 200
        assert "no-cache" in answer.headers["cache-control"]
    assert browsers["reader"].get(f"/static/{build}/../web/app.py").status_code == 404


MISSING = {
    "/pages/99": 404,
    "/pages/99/places/cell-0-0-0": 404,
    "/collections/99": 404,
    "/jobs/99": 404,
    "/pages/{page}/places/cell-0-0": 404,
    "/pages/{page}/places/cell-9-0-0": 404,
    "/pages/{page}/places/line-99": 404,
    "/pages/{page}/relations/7": 404,
    "/pages/{page}/export/exe": 404,
    "/pages/{page}?run=99": 404,
    "/search?q=temperatur+%3C+3": 422,
    "/search?q=%22%22": 422,
}


def test_what_is_not_there_is_said(browsers: dict[str, httpx.Client], library: Library) -> None:
    for path, status in MISSING.items():
        answer = browsers["reader"].get(path.format(page=library.page_id), headers=HTML)
        assert answer.status_code == status, path
        assert "Traceback" not in answer.text


def test_a_correction_answers_with_what_the_table_makes_of_it(
    corrector: httpx.Client, library: Library, connection: sqlalchemy.Connection
) -> None:
    path = f"/pages/{library.page_id}/corrections"
    form = {"place": PLACE, "run": str(library.run_id), "text": f" {TRUE} "}
    answer = corrector.post(path, data=form, headers=HTML)
    assert answer.status_code == 200
    (made,) = corrections_of(connection, library.page_id)
    assert (made.text, made.author) == (TRUE, "corrector")
    assert "failed" not in answer.text
    assert f'data-seen="{made.id}"' in answer.text
    # What was seen is not what stands any more: both are shown, neither is lost.
    again = corrector.post(path, data={**form, "text": "<b>51"}, headers=HTML)
    assert again.status_code == 409
    assert "&lt;b&gt;51" in again.text
    assert TRUE in again.text
    knowing = {**form, "text": "51.9", "seen": str(made.id)}
    assert corrector.post(path, data=knowing, headers=HTML).status_code == 200
    undone = corrector.post(f"/pages/{library.page_id}/undo", headers=HTML)
    assert f">{TRUE}<" in undone.text
    undone = corrector.post(f"/pages/{library.page_id}/undo", headers=HTML)
    assert f">{READ}<" in undone.text
    assert corrector.post(f"/pages/{library.page_id}/undo", headers=HTML).status_code == 404
    assert corrector.post(path, data=form | {"place": "cell-0"}).status_code == 422


def test_exports_hold_the_corrected_text(
    corrector: httpx.Client, library: Library, collection: int
) -> None:
    form = {"place": PLACE, "run": str(library.run_id), "text": TRUE}
    corrector.post(f"/pages/{library.page_id}/corrections", data=form)
    page = corrector.get(f"/pages/{library.page_id}/export/csv")
    assert page.headers["content-disposition"].endswith("daily-ledger.table-1.csv")
    assert TRUE in page.text
    assert READ not in page.text
    cells = corrector.get(f"/collections/{collection}/export/parquet")
    assert cells.status_code == 200


def test_facets_narrow_what_was_found(browsers: dict[str, httpx.Client], library: Library) -> None:
    reader = browsers["reader"]
    asked = {"q": "value between 40 and 60"}
    page = reader.get("/search", params=asked, headers=HTML).text
    lazily = re.search(r'hx-get="(/search/facets\?[^"]+)"', page)
    assert lazily is not None
    facets = reader.get(html.unescape(lazily[1]), headers=HTML)
    assert "max-age" in facets.headers["cache-control"]
    total = re.search(r"of (\d+)", facets.text)
    choice = re.search(r'href="([^"]+variable=Tx)"[^>]*><span>Maximum temperature', facets.text)
    assert total is not None
    assert choice is not None
    few = reader.get(html.unescape(choice[1]), headers=HTML).text
    fewer = re.search(r"of (\d+)", few)  # all are at hand, so that nothing more is asked for
    assert fewer is not None
    assert 0 < int(fewer[1]) < int(total[1])
    assert 'aria-current="true"' in few
    assert "/search/facets" not in few
    chosen = reader.get("/search/facets", params=asked | {"variable": "Tx"}, headers=HTML).text
    assert f" of {fewer[1]}<" in chosen
    none = asked | {"year": "1066"}
    assert "Nothing found" in reader.get("/search", params=none, headers=HTML).text


def test_observations_are_found_by_variable_unit_and_time(
    browsers: dict[str, httpx.Client], library: Library
) -> None:
    def count(question: str) -> int:
        answer = browsers["reader"].get("/search/facets", params={"q": question}, headers=HTML)
        assert answer.status_code == 200, answer.text
        found = re.search(r"of (\d+)", answer.text)
        return int(found[1]) if found else 0

    frost = count("temperature < 32 F in December 1891")
    assert frost == count("min < 0 C in 1891") > 0
    assert count("temperature < 32 F in 1892") == 0
    assert count("min between 31 and 32 F") <= frost


def test_sql_answers_in_the_page_and_as_files(corrector: httpx.Client, library: Library) -> None:
    form = {"statement": "SELECT page, confidence, ARRAY[1,2] AS xs FROM pages"}
    page = corrector.post("/sql", data=form, headers={**HTML, "HX-Request": "true"})
    assert "daily-ledger" in page.text
    assert "<html" not in page.text
    assert corrector.post("/sql/answer.csv", data=form).text.startswith("page,confidence,xs\n")
    table = pq.read_table(io.BytesIO(corrector.post("/sql/answer.parquet", data=form).content))
    assert table.column("page").to_pylist() == ["daily-ledger"]
    assert table.column("xs").to_pylist() == [[1, 2]]
    wrong = corrector.post("/sql", data={"statement": "DELETE FROM pages"}, headers=HTML)
    assert "DELETE is refused" in wrong.text
    secret = {"statement": "SELECT * FROM mill.user"}
    assert "permission denied" in corrector.post("/sql", data=secret, headers=HTML).text


def test_the_queue_leads_on_and_gives_nobody_what_another_looks_at(
    connection: sqlalchemy.Connection, library: Library, collection: int
) -> None:
    first = review.next_item(connection, collection, "anna")
    assert first is not None
    other = review.next_item(connection, collection, "bert")
    assert other is not None
    assert first.lease != other.lease
    assert review.next_item(connection, collection, "anna") == first
    behind = review.next_item(connection, collection, "anna", first.cursor)
    assert behind is None or behind.cursor > first.cursor
    assert review.Cursor.parse(str(first.cursor)) == first.cursor
    seen = set()
    item = review.next_item(connection, collection, "bert")
    while item is not None:
        assert item.cursor not in seen
        seen.add(item.cursor)
        item = review.next_item(connection, collection, "bert", item.cursor)


def test_a_lease_ends_by_itself(connection: sqlalchemy.Connection, library: Library) -> None:
    lease = Lease(library.page_id, 0, 1)
    assert leases.take(connection, lease, "anna")
    assert leases.take(connection, lease, "anna")
    assert not leases.take(connection, lease, "bert")
    assert leases.holders(connection, library.page_id, "bert") == {0: {1: "anna"}}
    connection.execute(text("update mill.lease set ends_at = clock_timestamp()"))
    assert leases.holders(connection, library.page_id, "bert") == {}
    assert leases.take(connection, lease, "bert")
    leases.give_back(connection, "bert")
    assert leases.take(connection, lease, "anna")


def test_what_was_set_aside_is_tried_again_by_operators_only(
    browsers: dict[str, httpx.Client],
    connection: sqlalchemy.Connection,
    library: Library,
    collection: int,
) -> None:
    job = create(connection, "ingest", collection, library.run_id)
    key = {"job": job, "page": library.page_id}
    connection.execute(
        text(
            "insert into mill.job_page (job_id, page_id, state) values (:job, :page, 'quarantined')"
        ),
        key,
    )
    connection.execute(
        text("insert into mill.quarantine (job_id, page_id, reason) values (:job, :page, 'torn')"),
        key,
    )
    connection.execute(text("update mill.job set state = 'done' where id = :job"), key)
    connection.commit()
    page = browsers["operator"].get(f"/jobs/{job}", headers=HTML).text
    assert "torn" in page
    csrf = re.search(r'data-csrf="(\w+)"', page)
    assert csrf is not None
    form = {"page": str(library.page_id), "csrf": csrf[1]}
    assert browsers["reader"].post(f"/jobs/{job}/retry", data=form).status_code == 403
    assert browsers["operator"].post(f"/jobs/{job}/retry", data=form).status_code == 303
    states = connection.execute(
        text(
            "select job.state, job_page.state from mill.job"
            " join mill.job_page on job_page.job_id = job.id where job.id = :job"
        ),
        key,
    ).one()
    assert tuple(states) == ("running", "pending")
    assert retry(connection, job) == 0

"""Which station a collection's pages are from, and what follows from it for its observations."""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy import Connection, Engine, text

from pipeline.errors import BadInput
from pipeline.observations.station import Station
from storage import observations, transcriptions
from storage.jobs import ensure_collection


def set_station(connection: Connection, collection: str, station: Station) -> None:
    """Say where a collection's pages were written, in place of what was said before.

    The collection is made where there is none. The caller commits, and then has `observe_again`
    find out what the pages observed. Raises `BadInput` for a time zone that the database does not
    know.
    """
    if station.zone is not None:
        known = text("select from pg_timezone_names where name = :zone")
        if connection.execute(known, {"zone": station.zone}).first() is None:
            raise BadInput(
                station.zone,
                "no such time zone",
                'write "Europe/London" or its like, "+01:00", or "solar"',
            )
    collection_id = ensure_collection(connection, collection)
    lock = text("select from mill.collection where id = :id for update")
    connection.execute(lock, {"id": collection_id})  # see storage.observations
    connection.execute(
        text(
            "insert into mill.station (collection_id, code, name, latitude, longitude, altitude,"
            " zone, utc_offset, said)"
            " values (:collection, :code, :name, :latitude, :longitude, :altitude, :zone, :offset,"
            " cast(:said as jsonb))"
            " on conflict (collection_id) do update set code = excluded.code, name = excluded.name,"
            " latitude = excluded.latitude, longitude = excluded.longitude,"
            " altitude = excluded.altitude, zone = excluded.zone,"
            " utc_offset = excluded.utc_offset, said = excluded.said"
        ),
        {
            "collection": collection_id,
            "code": station.id,
            "name": station.name,
            "latitude": station.latitude,
            "longitude": station.longitude,
            "altitude": station.altitude,
            "zone": station.zone,
            "offset": station.offset,
            "said": json.dumps(station.model_dump(mode="json")),
        },
    )


def find_station(connection: Connection, collection: str) -> Station | None:
    """Return what is said of a collection's station, `None` where nothing is."""
    said = connection.scalar(
        text(
            "select said from mill.station join mill.collection on collection.id = collection_id"
            " where collection.name = :name"
        ),
        {"name": collection},
    )
    return None if said is None else Station.model_validate(said)


def stations(connection: Connection) -> dict[str, Station]:
    """Return what is said of the stations of all collections, by the names of these."""
    rows = connection.execute(
        text(
            "select collection.name, said from mill.station"
            " join mill.collection on collection.id = collection_id"
        )
    )
    return {name: Station.model_validate(said) for name, said in rows}


def observe_again(
    engine: Engine, collection: str, show: Callable[[int], None] = lambda _pages: None
) -> int:
    """Find out anew what the pages of a collection observed; return how many pages there are.

    Each reading of a page is a transaction of its own, so that workers go on meanwhile; broken
    off, it is begun again. `show` is told how many pages are done.
    """
    with engine.connect() as connection:
        readings = connection.execute(
            text(
                "select transcription.id, page.id as page_id, run_id from mill.transcription"
                " join mill.page on page.id = page_id"
                " join mill.collection on collection.id = page.collection_id"
                " where collection.name = :name order by transcription.id"
            ),
            {"name": collection},
        ).all()
    for done, reading in enumerate(readings, 1):
        with engine.begin() as connection:
            transcription = transcriptions.load(connection, reading.page_id, reading.run_id)
            observations.write(connection, reading.id, transcription)
        show(done)
    return len({reading.page_id for reading in readings})

"""Sources that lie elsewhere: a worker fetches them, and lists what lists of them name.

Whatever is fetched is copied into the object store, so that pages stay when servers go. Nothing is
written to the database here but the pace at which hosts are asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from pipeline.errors import BadInput
from storage import pace
from storage.imports import Kept
from storage.jobs import NewSource
from workers.settings import Settings, without_password
from workers.sources import Limits
from workers.sources.entry import Entry
from workers.sources.guard import open_list
from workers.sources.lists import MAX_BYTES as LIST_BYTES
from workers.sources.lists import is_list
from workers.sources.model import RemoteSource
from workers.sources.names import shown
from workers.sources.remote import s3
from workers.sources.remote.allow import Allowed
from workers.sources.remote.errors import Later
from workers.sources.remote.http import Fetched, Fetching, check_address, fetch
from workers.sources.remote.iiif import Size, fetch_image

DAMAGED_TRIES = 4
"""How often something is fetched that comes damaged or in the wrong size, before it is believed."""

_LONGEST_TURN = 10.0
_DEEPEST = 8  # lists within lists
_LISTS = "application/ld+json, application/json, application/xml, text/xml, */*"


@dataclass(frozen=True, slots=True)
class Details:
    """What `mill.job_source.details` says of a source (`mill.job_source.address` says where it is).

    `granted` are the hosts and buckets that whoever started the job wrote down. `within` are the
    lists that led here, the outermost first. `group` is which group of files is meant. `after` is
    the key after which a bucket's listing goes on. `keep` is as what transcriptions beside the
    scans are kept; `transcription` is the digest of one that is stored already.
    """

    entry: Entry
    granted: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    group: str = ""
    after: str | None = None
    keep: Kept | None = None
    transcription: str | None = None

    def to_json(self) -> dict[str, Any]:
        said = {
            "entry": self.entry.to_json(),
            "granted": list(self.granted),
            "within": list(self.within),
            "group": self.group,
            "after": self.after,
            "keep": self.keep,
            "transcription": self.transcription,
        }
        return {name: value for name, value in said.items() if value}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Details:
        return cls(
            **{
                **data,
                "entry": Entry.from_json(data["entry"]),
                "granted": tuple(data.get("granted", ())),
                "within": tuple(data.get("within", ())),
            }
        )


@dataclass(frozen=True, slots=True)
class Brought:
    """What came: the bytes, and what opening them gave, or what they list (None: no list).

    `data` is None where it is what it was when it had the mark that was sent. `address` is where
    it came from in the end; `mark` tells when it changes; `said` is what else is to be known.
    """

    data: bytes | None
    address: str
    mark: str | None = None
    opened: object = None
    listed: list[NewSource] | None = None
    said: dict[str, str] = field(default_factory=dict)


def remote_source(address: str, granted: bool = True, keep: Kept | None = None) -> RemoteSource:
    """Return the source at a URL or in a bucket; a `#GROUP` names a METS file's group of files.

    `granted` is whether it is somebody's own choice, whose host may then be asked where no list of
    hosts says otherwise. Raises `BadInput` where it is no address of a bucket.
    """
    address, _, group = address.partition("#")
    if address.startswith("s3://"):
        place = s3.bucket_of(address, None)
        hosts: tuple[str, ...] = (f"s3://{place.name}", place.hostname)
        entry = Entry("", address, "list")
    else:
        hosts = (_host(address),)
        entry = Entry("", address)
    details = Details(entry, hosts if granted else (), group=group, keep=keep)
    return RemoteSource(shown(without_password(address)), address, details.to_json())


def entry_source(entry: Entry, keep: Kept | None = None) -> RemoteSource:
    """Return what a file that the user has got names on another machine.

    Nobody wrote its host down, so it has to be among those that may be asked.
    """
    name = f"{entry.name} ({entry.address})" if entry.name else entry.address
    details = Details(entry, keep=keep)
    return RemoteSource(shown(without_password(name)), entry.address, details.to_json())


def bring(
    connection: Connection,
    settings: Settings,
    details: Details,
    name: str,
    tries: int,
    opened: Callable[[bytes], tuple[Size | None, object]],
    moved: Callable[[], None],
    mark: str | None = None,
) -> Brought:
    """Fetch a source and open it, or list what it names.

    `opened` returns the size of the first page and whatever is made of the bytes; `tries` is how
    often it was tried before; `mark` that of an earlier answer, if there is one. `connection` has
    no transaction open, and has none afterwards.
    Raises `BadInput` where it is no page, and `Later` where another try may have more luck.
    """
    limits = Limits.of(settings)
    fetching = fetching_of(connection, settings, details.granted, moved)
    entry = details.entry
    last = tries + 1 >= DAMAGED_TRIES
    if entry.kind == "list" and entry.address.startswith("s3://"):
        return _listing(fetching, details, name)

    def careful(data: bytes) -> tuple[Size | None, object]:
        try:
            return opened(data)
        except BadInput as error:
            if last:
                raise
            raise Later(f"{error}; it is fetched again") from error

    if entry.kind == "image":

        def measured(data: bytes) -> tuple[Size, object]:
            size, made = careful(data)
            if size is None:
                raise BadInput(name, "it is no image", "look what its server gives you")
            return size, made

        answer, size, made = fetch_image(fetching, entry, limits.max_pixels, measured, last)
        said = {}
        if entry.size and size != entry.size:
            said["served"] = f"{size[0]} x {size[1]}, of {entry.size[0]} x {entry.size[1]}"
        return Brought(answer.data or b"", answer.address, answer.mark, made, said=said)

    answer = _fetched(fetching, entry, mark)
    data = answer.data
    if data is None:
        return Brought(None, answer.address, answer.mark)
    if is_list(data) or entry.kind == "list":
        entries = _careful_list(data, name, limits, answer.address, details.group, last)
        listed = _named(fetching.allowed, entries, details, name)
        return Brought(data, answer.address, answer.mark, listed=listed)
    _, made = careful(data)
    return Brought(data, answer.address, answer.mark, made)


def bring_text(
    connection: Connection,
    settings: Settings,
    details: Details,
    address: str,
    moved: Callable[[], None],
) -> bytes:
    """Return a file that belongs to a source, such as its transcription. Raises as `bring` does."""
    fetching = fetching_of(connection, settings, details.granted, moved)
    return _fetched(fetching, Entry("", address)).data or b""


def fetching_of(
    connection: Connection,
    settings: Settings,
    granted: Sequence[str],
    moved: Callable[[], None],
) -> Fetching:
    """Return what holds for everything that is fetched for a source."""
    return Fetching(
        allowed=Allowed.by(settings, granted),
        pace=_Pace(connection, 1 / settings.fetches_per_second),
        max_bytes=settings.max_bytes,
        seconds=settings.fetch_seconds,
        moved=moved,
        own_store=settings.object_store,
    )


def check_source(settings: Settings, details: Details) -> None:
    """Raise `BadInput` where a source may not be fetched from where it is."""
    allowed = Allowed.by(settings, details.granted)
    address = details.entry.address
    if not address.startswith("s3://"):
        check_address(allowed, address)
        return
    place = s3.bucket_of(address, settings.object_store)
    allowed.check_bucket(place.name, f"s3://{place.name}")


def _fetched(fetching: Fetching, entry: Entry, mark: str | None = None) -> Fetched:
    if entry.address.startswith("s3://"):
        return s3.get(fetching, entry.address)
    most = LIST_BYTES if entry.kind == "list" else None
    return fetch(fetching, entry.address, accept=_LISTS, most=most, mark=mark)


def _careful_list(
    data: bytes, name: str, limits: Limits, base: str, group: str, last: bool
) -> list[Entry]:
    try:
        return open_list(data, name, limits, base, group)
    except BadInput as error:
        if last or "damaged" not in error.reason:
            raise
        raise Later(f"{error}; it is fetched again") from error


def _listing(fetching: Fetching, details: Details, name: str) -> Brought:
    """List a page of a bucket, and the next page as a source of its own."""
    found, after = s3.list_page(fetching, details.entry.address, details.after)
    listed = []
    for each in found:
        if isinstance(each, BadInput):
            listed.append(NewSource(each.what, None, f"{each.reason}; {each.remedy}"))
        else:
            inside = Details(
                each, details.granted, (*details.within, details.entry.address), keep=details.keep
            )
            own = shown(each.address.partition("?")[0])
            listed.append(NewSource(own, None, None, each.address, inside.to_json()))
    if after is not None:
        within = details.within or (details.entry.address,)
        following = replace(details, within=within, after=after)
        listed.append(NewSource(name, None, None, details.entry.address, following.to_json()))
    elif not listed and details.after is None:
        raise BadInput(name, "it holds no page", "name another prefix")
    return Brought(None, details.entry.address, listed=listed)


def _named(allowed: Allowed, entries: list[Entry], details: Details, name: str) -> list[NewSource]:
    """Return what a list names as sources, those that may not be fetched as refused.

    Raises `BadInput` where that is all of them for one reason.
    """
    if not entries:
        raise BadInput(name, "it lists nothing", "give another address")
    within = (*details.within, details.entry.address)
    listed = []
    for entry in entries:
        inside = Details(entry, details.granted, within, keep=details.keep)
        where = shown(without_password(entry.address))
        called = f"{name}!/{entry.name}" if entry.name else where
        reason = None
        try:
            if not entry.address:
                raise BadInput(called, "the list names no image for it", "see the list")
            if len(within) > _DEEPEST or entry.address in within:
                raise BadInput(called, "lists lead round in circles", "name it on its own")
            check_address(allowed, entry.service or entry.address)
        except BadInput as error:
            reason = f"{error.reason}; {error.remedy}"
        listed.append(NewSource(called, None, reason, entry.address or None, inside.to_json()))
    reasons = {each.reason for each in listed}
    if len(reasons) == 1 and None not in reasons:
        reason, _, remedy = str(reasons.pop()).partition("; ")
        raise BadInput(name, f"of nothing that it lists: {reason}", remedy)
    return listed


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


class _Pace:
    """The pace of hosts, kept in the database."""

    def __init__(self, connection: Connection, gap: float) -> None:
        self._connection = connection
        self._gap = gap

    def turn(self, host: str) -> None:
        wait = pace.reserve(self._connection, host, self._gap, _LONGEST_TURN)
        held = pace.held(self._connection, host) if wait is None else 0.0
        self._connection.commit()
        if wait is None:
            raise Later(f"{host}: it is not to be asked for {held:.0f} seconds", held)
        time.sleep(wait)

    def hold(self, host: str, seconds: float) -> None:
        pace.hold(self._connection, host, seconds)
        self._connection.commit()

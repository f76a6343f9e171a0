"""Digitize pages: prepare, detect, lay out, find regions, recognize, assemble, check.

The stages, in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import ParamSpec, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.check import check_table
from pipeline.engines import Engine
from pipeline.forms.form import Form
from pipeline.page import Reading, Transcription
from pipeline.preprocess import Gray, Prepared, prepare
from pipeline.profiles import Profile
from pipeline.prose import finish
from pipeline.prose.seen import look
from pipeline.recognition.ctc import is_wide
from pipeline.recognition.decoding import pattern_of
from pipeline.regions.find import find_regions, settle
from pipeline.tables.assemble import make_lines, make_tables
from pipeline.tables.layout import CellLine, Layout, lay_out

THREADS = 2
AHEAD = 2
CROPS = 256
STRAY = 0.05
PAGES = 8
PIXELS = 64_000_000
"""Pages that wait for a stage have no more than this together, so that large ones do not add up."""

Item = TypeVar("Item")
Result = TypeVar("Result")
P = ParamSpec("P")


class Timed(Protocol):
    """Returns the work of a stage, wrapped to be timed.

    It is named `prepare`, `layout`, `regions`, `assemble`, `check` or `prose`.
    """

    def __call__(self, stage: str, work: Callable[P, Result], /) -> Callable[P, Result]: ...


def untimed(_stage: str, work: Callable[P, Result], /) -> Callable[P, Result]:
    """Be the `Timed` of whoever does not want to know."""
    return work


def digitize(
    images: Iterable[NDArray[np.uint8]],
    profile: Profile,
    engine: Engine,
    timed: Timed = untimed,
) -> Generator[Transcription, None, None]:
    """Transcribe page images (H x W gray or H x W x 3 RGB), lazily and in order.

    What needs no network runs in a few threads beside it, a few pages ahead; pages with little
    text share the network's batches. An image that raises does so when its turn comes, after the
    transcriptions of those before it.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="page") as pool:
        preparing = timed("prepare", partial(prepare, steps=profile.preprocessing))
        prepared = ahead(pool, preparing, images, _pixels_of_image)
        detected = ((page, engine.detect(page.gray)) for page in prepared)
        laying_out = timed("layout", partial(_lay_out, profile=profile))
        dividing = timed("regions", partial(find_regions, ignore=profile.regions.ignore))
        layouts = ahead(
            pool,
            lambda found: dividing(laying_out(found)),
            detected,
            lambda found: found[0].gray.size,
        )
        assembling = timed("assemble", partial(assemble, profile=profile, engine=engine))
        assembled = read_together(grouped(layouts), profile, engine, assembling)
        checking = timed("check", partial(_check, profile=profile))
        finishing = timed("prose", partial(finish, prose=profile.prose))
        yield from ahead(pool, lambda read: finishing(checking(read)), assembled)


def read_together(
    groups: Iterable[list[Layout]],
    profile: Profile,
    engine: Engine,
    assembling: Callable[[Layout, list[Reading]], Transcription],
) -> Iterator[tuple[Transcription, Form | None]]:
    """Yield the pages of groups, each read at once, with the forms that they were laid out by."""
    for group in groups:
        crops = [crop for layout in group for crop in crops_of(layout)]
        readings = iter(engine.recognize(crops, profile.recognition.charset))
        for layout in group:
            found = list(islice(readings, len(crops_of(layout))))
            yield assembling(layout, found), layout.form


def _lay_out(found: tuple[Prepared, NDArray[np.float32]], profile: Profile) -> Layout:
    return lay_out(*found, profile)


def _pixels_of_image(image: NDArray[np.uint8]) -> int:
    height, width = image.shape[:2]
    return int(height * width)


def crops_of(layout: Layout) -> list[Gray]:
    """Return what is to be read of a page: its lines, then its cells."""
    return [*layout.lines, *layout.cells.values()]


def assemble(
    layout: Layout, readings: list[Reading], profile: Profile, engine: Engine
) -> Transcription:
    """Make a page's transcription from the readings of its crops, its tables not yet checked."""
    odd = stray(readings)
    if odd:
        crops = crops_of(layout)
        again = engine.recognize([crops[i] for i in odd], "narrow")
        readings = list(readings)
        for i, reading in zip(odd, again, strict=True):
            readings[i] = reading
    read = make_lines(layout, readings[: len(layout.lines)], profile)
    read = look(read, layout.lines, profile.prose.languages)
    cells = dict(zip(layout.cells, readings[len(layout.lines) :], strict=True))
    charset = profile.recognition.charset
    limit = "numeric" if pattern_of(charset) is None else charset

    def reread(places: list[CellLine], whole: bool) -> Mapping[CellLine, Reading]:
        crops = [layout.whole(place) if whole else layout.cells[place] for place in places]
        return dict(zip(places, engine.recognize(crops, limit), strict=True))

    tables = make_tables(layout, cells, reread, profile)
    page = layout.prepared
    lines, regions = settle(layout, read, tables)
    return Transcription(page.width, page.height, page.angle, lines, tables, regions)


def check(page: Transcription, form: Form | None, profile: Profile) -> Transcription:
    """Let a page's tables check themselves, where the profile says so."""
    if not profile.tables.check:
        return page
    notes = [line.text for line in page.lines]
    return replace(page, tables=tuple(check_table(table, form, notes) for table in page.tables))


def _check(read: tuple[Transcription, Form | None], profile: Profile) -> Transcription:
    return check(*read, profile)


def stray(readings: Sequence[Reading]) -> list[int]:
    """Return which readings hold wide characters on a page that is not written in them.

    A blot or half a figure often looks like some Chinese character to a network that knows them.
    """
    wide = [i for i, reading in enumerate(readings) if any(map(is_wide, reading.text))]
    letters = sum(len(reading.text) for reading in readings)
    foreign = sum(map(is_wide, "".join(readings[i].text for i in wide)))
    return wide if foreign <= STRAY * letters else []


def ahead(
    pool: Executor,
    work: Callable[[Item], Result],
    items: Iterable[Item],
    pixels: Callable[[Item], int] = lambda _item: 0,
) -> Iterator[Result]:
    """Yield `work(item)` in order, with up to `AHEAD` more items at work in the pool.

    Fewer where those that wait have more than `PIXELS` together, as `pixels` tells of each. Where
    `items` itself raises, the results of the items before come first.
    """
    waiting: deque[tuple[Future[Result], int]] = deque()
    source = iter(items)
    failure: Exception | None = None
    while True:
        try:
            item = next(source)
            waiting.append((pool.submit(work, item), pixels(item)))
            del item
        except StopIteration:
            break
        except Exception as error:
            failure = error
            break
        while len(waiting) > AHEAD or sum(size for _, size in waiting) > PIXELS:
            yield waiting.popleft()[0].result()
    while waiting:
        yield waiting.popleft()[0].result()
    if failure is not None:
        raise failure


def grouped(layouts: Iterator[Layout]) -> Iterator[list[Layout]]:
    """Gather pages until there is enough to read at once; a failing page ends the group before."""
    group: list[Layout] = []
    crops = pixels = 0
    while True:
        try:
            layout = next(layouts)
        except StopIteration:
            break
        except Exception:
            if group:
                yield group
            raise
        group.append(layout)
        crops += len(layout.lines) + len(layout.cells)
        pixels += layout.prepared.gray.size
        if crops >= CROPS or len(group) >= PAGES or pixels >= PIXELS:
            yield group
            group, crops, pixels = [], 0, 0
    if group:
        yield group

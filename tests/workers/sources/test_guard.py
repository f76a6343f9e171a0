"""What holds whatever a source does to the process that reads it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from pipeline.errors import BadInput, Unavailable
from tests.bad_input.folder import drawing, encoded, jpeg, pdf, tiff, zipped
from workers.sources import Limits, PageImage, RefusedSource, guard, open_document

LIMITS = Limits()
SLOW_PAGE = pdf(box="0 0 2000 2000", content=b"[3 2] 0 d " + b"0 0 m 2000 1999 l S " * 9000)
"""A page of dashed lines that takes a renderer half a minute."""


def opened(data: bytes, name: str, limits: Limits = LIMITS) -> list[str]:
    """Return the names of the pages, and of the refused parts with their reasons."""
    return [
        found.name if isinstance(found, PageImage) else f"{found.name}: {found.reason}"
        for found in open_document(data, name, limits)
    ]


@pytest.fixture(autouse=True)
def fresh() -> None:
    guard._end_all()


def only_child() -> guard._Child:
    (child,) = guard._idle
    return child


def test_one_child_serves_many_sources() -> None:
    assert opened(jpeg(1), "scans/a.jpg") == ["a"]
    child = only_child()
    assert opened(tiff(drawing(1), drawing(2)), "b.tif") == ["b-0001", "b-0002"]
    with pytest.raises(BadInput):
        opened(b"text", "c.jpg")
    assert only_child() is child


def test_a_single_image_is_kept_as_it_is() -> None:
    (page,) = open_document(jpeg(1), "a.jpg", LIMITS)
    assert page == PageImage("a", jpeg(1), "image/jpeg", 320, 240)


def test_a_page_costs_little() -> None:
    data = jpeg(1)
    opened(data, "a.jpg")
    started = time.perf_counter()
    for _ in range(20):
        opened(data, "a.jpg")
    assert (time.perf_counter() - started) / 20 < 0.5  # where each had a process, more


def test_a_step_that_takes_too_long_is_refused_and_the_next_goes_on() -> None:
    data = zipped(("1.jpg", jpeg(1)), ("2.pdf", SLOW_PAGE), ("3.jpg", jpeg(3)))
    names = opened(data, "a.zip", replace(LIMITS, max_open_seconds=1))
    assert names[0] == "1"
    assert names[1].startswith("a.zip!/2.pdf!/page 1: reading it took longer than the")
    assert names[2] == "3"


def test_a_source_that_takes_too_long_is_refused() -> None:
    limits = replace(LIMITS, max_open_seconds=0.3)
    opened(jpeg(), "a.jpg")
    child = only_child()
    os.kill(child._process.pid, signal.SIGSTOP)
    with pytest.raises(BadInput, match=r"took longer than the limit .*MAX_OPEN_SECONDS"):
        opened(jpeg(), "a.jpg", limits)
    assert child._process.poll() is not None
    assert not guard._idle


def test_memory_is_limited() -> None:
    limits = replace(LIMITS, max_open_memory=256 * 1024**2)
    image = encoded(Image.new("L", (9000, 9000), 200), "PNG", compress_level=1)
    with pytest.raises(BadInput, match=r"more than the limit of .* bytes of memory"):
        opened(image, "a.png", limits)
    assert opened(jpeg(), "a.jpg", limits) == ["a"]
    data = zipped(("1.png", image), ("2.jpg", jpeg()), method=zipfile.ZIP_STORED)
    refused, page = opened(data, "a.zip", limits)
    assert "bytes of memory" in refused
    assert page == "2"


def test_a_child_that_dies_is_replaced() -> None:
    opened(jpeg(), "a.jpg")
    child = only_child()
    death = threading.Timer(0.5, os.kill, (child._process.pid, signal.SIGSEGV))
    death.start()
    first, last = opened(zipped(("1.pdf", SLOW_PAGE), ("2.jpg", jpeg())), "a.zip")
    death.join()
    assert first.startswith("a.zip!/1.pdf!/page 1: its reader stopped (SIGSEGV)")
    assert last == "2"
    assert only_child() is not child


def test_a_child_that_died_while_it_waited_harms_no_source() -> None:
    opened(jpeg(), "a.jpg")
    os.kill(only_child()._process.pid, signal.SIGKILL)
    only_child()._process.wait()
    assert opened(jpeg(), "a.jpg") == ["a"]


def test_a_source_that_kills_every_child_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_FAILURES", 2)
    entries = [(f"{n}.pdf", SLOW_PAGE) for n in range(3)]
    names = opened(zipped(*entries), "a.zip", replace(LIMITS, max_open_seconds=0.5))
    assert names[-1] == "a.zip!/the rest: it stopped the reader 2 times"
    assert len(names) == 3


def test_pages_are_counted_over_the_whole_source() -> None:
    limits = replace(LIMITS, max_pages=3)
    two = tiff(drawing(1), drawing(2))
    names = opened(zipped(("1.tif", two), ("2.tif", two)), "a.zip", limits)
    assert names == ["1-0001", "1-0002", "2-0001", "a.zip!/the rest: it has more than 3 pages"]


def test_a_reader_who_stops_early_leaves_no_child_behind() -> None:
    pages = open_document(tiff(*(drawing(n) for n in range(4))), "a.tif", LIMITS)
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    assert not guard._idle
    assert opened(jpeg(), "a.jpg") == ["a"]


def test_threads_have_children_of_their_own() -> None:
    together = threading.Barrier(3)

    def read(number: int) -> list[str]:
        pages = open_document(tiff(drawing(number), drawing(9)), f"{number}.tif", LIMITS)
        names = [next(pages).name]
        together.wait(30)
        return names + [found.name for found in pages]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(read, range(3)))
    assert found == [[f"{n}-0001", f"{n}-0002"] for n in range(3)]
    assert len(guard._idle) == 3


def test_a_forked_process_starts_its_own_child() -> None:
    opened(jpeg(), "a.jpg")
    mine = only_child()._process.pid
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            good = opened(jpeg(), "a.jpg") == ["a"] and only_child()._process.pid != mine
            guard._end_all()
            code = 0 if good else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert opened(jpeg(), "a.jpg") == ["a"]
    assert only_child()._process.pid == mine


def test_the_child_gets_no_secrets_and_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/db")
    opened(jpeg(), "/home/someone/a.jpg")
    process = Path("/proc") / str(only_child()._process.pid)
    if not process.exists():
        pytest.skip("no /proc")
    assert b"secret" not in (process / "environ").read_bytes()
    assert b"someone" not in (process / "cmdline").read_bytes()
    limits = (process / "limits").read_text()
    assert f"{LIMITS.max_open_memory + len(jpeg())}" in limits
    assert (process / "cwd").resolve() == Path("/")


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            opened(jpeg(), "a.jpg")
            (tmp_path / "pid").write_text(str(only_child()._process.pid))
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    orphan = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _runs(orphan):
        time.sleep(0.05)
    assert not _runs(orphan)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_without_a_child_the_work_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Unavailable):
        opened(jpeg(), "a.jpg")


def test_refused_parts_name_their_source() -> None:
    data = zipped(("1.jpg", jpeg(1)), ("b/2.jpg", b"text"), ("3.tif", tiff(drawing(3))))
    found = list(open_document(data, "scans/a.zip", LIMITS))
    assert [type(part) for part in found] == [PageImage, PageImage, RefusedSource]
    refused = found[2]
    assert refused.name == "scans/a.zip!/b/2.jpg"

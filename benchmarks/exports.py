"""Exports of many pages: peak memory against their number, and what a page of each format costs.

    python benchmarks/exports.py [--pages 10000] [--fewer 1000] [--timed 100] [--quick]

Synthetic pages (a heading, a small table, a scan of its own each) are saved in a private database
and object store. Then `ledgermill export` writes all of them in every format, as one command, and
the kernel says what its process held at most: from half of the pages to all it must be the same,
and with ten times as many nearly so (few pages do not fill a row group of Parquet). The command is
run once more on the same folder, and once after its latest files are gone: the bytes must be those
of before. The times are of each format alone, on pages of the size of a real ledger.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from report import RESULTS, machine
from sqlalchemy import Connection, text

from pipeline.page import Alternative, Cell, Line, Polygon, Table, Transcription
from storage import exports
from storage.exports.pages import PublishedPage

ROOT = Path(__file__).resolve().parent.parent
STATUSES = ("verified", "plain", "plain", "repaired", "doubtful")


def box(x: float, y: float, width: float, height: float) -> Polygon:
    return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def made(number: int, rows: int, columns: int) -> Transcription:
    """Return a page as it might have been read; the same for the same number."""
    rng = random.Random(number)
    cells = []
    for row in range(rows):
        for column in range(columns):
            value = round(rng.uniform(28, 31), 3)
            head = row == 0
            cells.append(
                Cell(
                    row=row,
                    column=column,
                    text=f"h{column}" if head else f"{value:.3f}",
                    raw=f"h{column}" if head else f"{value:.3f}",
                    confidence=round(rng.uniform(0.5, 1), 4),
                    polygon=box(20 + 60 * column, 40 + 20 * row, 50, 14),
                    value=None if head else value,
                    status="plain" if head else rng.choice(STATUSES),  # type: ignore[arg-type]
                    alternatives=() if head else (Alternative(f"{value:.2f}", -1.5),),
                    checks=() if head else ("sum:pass",),
                )
            )
    size = (40 + 60 * columns, 80 + 20 * rows)
    table = Table(box(10, 30, 60 * columns, 20 * rows), rows, columns, tuple(cells), 1)
    heading = Line(f"Register of the Weather {number}", 0.97, box(20, 5, 180, 16))
    return Transcription(*size, 0.0, (heading,), (table,))


def scan(whole: Transcription, number: int) -> bytes:
    """Return a JPEG of the page's size that no other page has."""
    rng = np.random.default_rng(number)
    pixels = np.full((whole.height, whole.width), 225, np.uint8)
    for table in whole.tables:
        for cell in table.cells:
            (left, top), _, (right, bottom), _ = cell.polygon
            pixels[int(top) : int(bottom), int(left) : int(right)] = 120
    pixels[:8, :8] = rng.integers(0, 255, (8, 8))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=80, comment=str(number).encode())
    return file.getvalue()


def fill(count: int, collection: str, rows: int, columns: int) -> None:
    """Save pages in the embedded services, as an ingest and a worker leave them."""
    from storage.database import connect
    from storage.objects import open_store
    from storage.runs import ensure_run
    from storage.transcriptions import save
    from workers.services import ensure

    places = ensure()
    store = open_store(places.object_store)
    engine = connect(places.database_url)
    with engine.begin() as connection:
        connection.execute(text("set synchronous_commit = off"))
        run = ensure_run(connection, "synthetic", "ab" * 32, "0", {})
        connection.execute(
            text("insert into mill.collection (name) values (:name)"), {"name": collection}
        )
    with engine.connect() as connection:
        for number in range(count):
            whole = made(number, rows, columns)
            data = scan(whole, number)
            page = _page(connection, store.put(data, "image/jpeg"), whole, collection, number)
            save(connection, page, run, whole)
            if number % 100 == 99:
                connection.commit()
        connection.commit()
        connection.execute(text("analyze"))
        connection.commit()
    engine.dispose()


def _page(
    connection: Connection, sha256: str, whole: Transcription, collection: str, number: int
) -> int:
    key = {"sha256": sha256, "name": f"page-{number:06}", "collection": collection}
    size = {"width": whole.width, "height": whole.height}
    connection.execute(
        text(
            "insert into mill.image (sha256, media_type, bytes, width, height)"
            " values (:sha256, 'image/jpeg', 1, :width, :height) on conflict do nothing"
        ),
        {**key, **size},
    )
    found = connection.scalar(
        text(
            "insert into mill.page (collection_id, image_sha256, name)"
            " select id, :sha256, :name from mill.collection where name = :collection returning id"
        ),
        key,
    )
    assert isinstance(found, int)
    return found


def export(collection: str, out: Path) -> tuple[float, float, float]:
    """Run the command; return its peak memory in MiB, its seconds, and its processor's seconds."""
    command = [sys.executable, "-m", "workers.cli.main", "export", "--out", str(out)]
    command += ["--collection", collection, "--format", ",".join(exports.ALL), "--json"]
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    peak, ended = 0.0, 0
    while not ended:
        # Not `ru_maxrss`: that counts what this process held when it started the other.
        peak = max(peak, held_at_most(process.pid))
        time.sleep(0.05)
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"export ended with {process.returncode}")
    return peak, time.monotonic() - started, used.ru_utime + used.ru_stime


def held_at_most(pid: int) -> float:
    """Return the most memory that a process has held so far, in MiB; 0 where it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def digest(out: Path) -> tuple[str, int]:
    """Return a digest of all files of a folder, names included, and how many there are."""
    whole = hashlib.sha256()
    files = sorted(path for path in out.rglob("*") if path.is_file() and path.name[0] != ".")
    for path in files:
        whole.update(str(path.relative_to(out)).encode() + path.read_bytes())
    return whole.hexdigest(), len(files)


def _given(data: bytes, _sha256: str) -> bytes:
    return data


def timed(count: int, rows: int, columns: int) -> Iterator[tuple[str, float, float]]:
    """Yield each format with processor milliseconds and kilobytes a page."""
    pages = []
    for number in range(count):
        whole = made(number, rows, columns)
        data = scan(whole, number)
        fetch = partial(_given, data)
        pages.append(PublishedPage(f"page-{number}", "run", whole, image="x", fetch=fetch))
    for name in exports.ALL:
        with tempfile.TemporaryDirectory() as folder:
            for _ in exports.export(pages[:1], Path(folder), [name]):
                pass  # what is loaded once
            shutil.rmtree(folder)
            started = resource.getrusage(resource.RUSAGE_SELF)
            for _ in exports.export(pages, Path(folder), [name]):
                pass
            used = resource.getrusage(resource.RUSAGE_SELF)
            seconds = used.ru_utime + used.ru_stime - started.ru_utime - started.ru_stime
            size = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.name[0] != ".")
        yield name, 1000 * seconds / count, size / count / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="Exports of many pages.")
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--fewer", type=int, default=1_000)
    parser.add_argument("--timed", type=int, default=100, help="pages of a real size for the times")
    parser.add_argument("--quick", action="store_true", help="200 and 50 pages, a minute")
    chosen = parser.parse_args()
    many, fewer, some = (200, 50, 5) if chosen.quick else (chosen.pages, chosen.fewer, chosen.timed)
    folder = Path(tempfile.mkdtemp(prefix="lmx-", dir="/tmp"))
    os.environ["LEDGERMILL_HOME"] = str(folder / "h")
    lines = [
        f"# Exports of many pages\n\nOn {machine()}. Every format in one `ledgermill export`, from"
        " PostgreSQL and the object store.\n",
        "| pages | peak memory | a page, processor | files |\n| ---: | ---: | ---: | ---: |",
    ]
    from workers import services

    try:
        peaks = []
        for count in (fewer, many // 2, many):
            fill(count, f"c{count}", 2, 2)
            out = folder / f"out-{count}"
            peak, _, used = export(f"c{count}", out)
            peaks.append(peak)
            whole, files = digest(out)
            lines.append(
                f"| {count:,} | {peak:.0f} MiB | {1000 * used / count:.0f} ms | {files:,} |"
            )
            print(lines[-1], flush=True)
            if count == fewer:
                lines[1:1] = [_again(f"c{count}", out, whole, used)]
            shutil.rmtree(out)
        lines.append(
            f"\nWith {many / fewer:.0f} times the pages the peak is {peaks[2] / peaks[0]:.2f} times"
            f" as high ({peaks[2] - peaks[0]:+.0f} MiB), from the half of them to all"
            f" {peaks[2] / peaks[1]:.2f} times ({peaks[2] - peaks[1]:+.0f} MiB): few pages do not"
            " fill what Parquet gathers before it writes.\n"
        )
    finally:
        with contextlib.suppress(Exception):
            services.down()
        shutil.rmtree(folder, ignore_errors=True)
    lines.append(
        "A page with a table of 32 x 14 cells, each format alone:\n\n"
        "| format | a page, processor | a page, size |\n| --- | ---: | ---: |"
    )
    for name, milliseconds, size in timed(some, 32, 14):
        lines.append(f"| {name} | {milliseconds:.1f} ms | {size:.0f} kB |")
        print(lines[-1], flush=True)
    if not chosen.quick:
        (RESULTS / "exports.md").write_text("\n".join(lines) + "\n", "utf-8")


def _again(collection: str, out: Path, whole: str, first: float) -> str:
    """Export once more, and once as after an interruption; return what came of it."""
    _, _, used = export(collection, out)
    same = digest(out)[0] == whole
    late = sorted(out.glob("page-*"))
    for path in late[len(late) // 2 :]:
        path.unlink() if path.is_file() else shutil.rmtree(path)
    for path in (*out.glob("*.parquet"), *out.glob("*.jsonl"), out / "coco.json"):
        path.unlink(missing_ok=True)
    export(collection, out)
    healed = digest(out)[0] == whole
    return (
        f"The same export once more takes {used / first:.0%} of the time and leaves"
        f" {'the same bytes' if same else 'OTHER BYTES'}; continued after half of the files are"
        f" gone it ends in {'the same bytes' if healed else 'OTHER BYTES'}.\n"
    )


if __name__ == "__main__":
    main()

from __future__ import annotations

import zipfile

import pytest

from pipeline.errors import BadInput
from tests.bad_input import folder
from tests.bad_input.folder import drawing, jpeg, pdf, tiff, zipped
from workers.sources import Limits, PageImage, RefusedSource
from workers.sources.readers import Blob, archive, read
from workers.sources.readers.step import At, Position

LIMITS = Limits()


def parts(data: bytes, limits: Limits = LIMITS, after: Position = ()) -> list[str]:
    names = []
    for step in read(Blob.of(data), "a.zip", limits, after):
        if isinstance(step, PageImage):
            names.append(step.name)
        elif isinstance(step, RefusedSource):
            names.append(f"{step.name}: {step.reason}")
    return names


def test_entries_come_in_natural_order_and_under_their_own_names() -> None:
    data = zipped(
        ("b/10.jpg", jpeg(1)),
        ("b/9.jpg", jpeg(2)),
        ("a.tif", tiff(drawing(1), drawing(2))),
        ("b/one.pdf", pdf()),
    )
    assert parts(data) == ["a-0001", "a-0002", "9", "10", "one"]


def test_folders_hidden_files_and_text_are_passed_over() -> None:
    data = zipped(
        ("scans/", b""),
        ("scans/1.jpg", jpeg(1)),
        ("scans/.DS_Store", b"x"),
        ("__MACOSX/scans/._1.jpg", b"x"),
        ("scans/truth.csv", b"a,b\n"),
        ("scans/2.txt", jpeg(2)),
    )
    assert parts(data) == ["1", "2"]


def test_an_entry_that_cannot_be_read_is_refused_alone() -> None:
    data = zipped(("1.jpg", jpeg(1)[:5000]), ("2.jpg", jpeg(2)), ("3.csv", b""))
    assert parts(data) == [
        "a.zip!/1.jpg: the file ends early, at byte 5,000",
        "2",
        "a.zip!/3.csv: the file is empty",
    ]


def test_reading_goes_on_behind_a_position() -> None:
    data = zipped(("1.jpg", jpeg(1)), ("2.tif", tiff(*map(drawing, range(3)))), ("3.jpg", jpeg(3)))
    assert parts(data, after=(0,)) == ["2-0001", "2-0002", "2-0003", "3"]
    assert parts(data, after=(1, 0)) == ["2-0002", "2-0003", "3"]
    assert parts(data, after=(1,)) == ["3"]
    steps = read(Blob.of(data), "a.zip", LIMITS, ())
    positions = [step.position for step in steps if isinstance(step, At)]
    assert positions == [(0,), (1,), (1, 0), (1, 1), (1, 2), (2,)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped(("../a.jpg", jpeg())), "leads out of the archive"),
        (zipped(("a/../../b.jpg", jpeg())), "leads out of the archive"),
        (zipped(("..\\a.jpg", jpeg())), "leads out of the archive"),
        (zipped(("/a.jpg", jpeg())), "leads out of the archive"),
        (zipped(("c:a.jpg", jpeg())), "leads out of the archive"),
        (zipped(("good.jpg", jpeg()), ("../bad.jpg", jpeg())), "leads out of the archive"),
        (folder.zip_bomb(), "a ZIP bomb"),
        (folder.overlapping_zip(), "overlap"),
        (folder.crowded_zip(), "100,000 entries"),
        (zipped(), "holds no page"),
        (zipped(("truth.csv", b"a")), "holds no page"),
        (zipped(("mimetype", b""), ("META-INF/container.xml", b"<x/>")), "an e-book"),
    ],
)
def test_an_archive_made_to_harm_or_to_say_else_is_refused_whole(data: bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=f"^a.zip: .*{reason}"):
        parts(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (folder.locked_zip(), "asks for a password"),
        (folder.linking_zip(), "it is a link"),
        (folder.damaged_zip(), "its data is damaged"),
        (zipped(("a.zip", zipped(("b.jpg", jpeg())))), "a ZIP within a ZIP"),
        (zipped(("a.jpg", jpeg()), method=zipfile.ZIP_LZMA), "in a way that is not read"),
        (zipped(("a.jpg", jpeg()), method=zipfile.ZIP_BZIP2), "in a way that is not read"),
    ],
)
def test_entries_that_are_not_read(data: bytes, reason: str) -> None:
    (refused,) = parts(data)
    assert reason in refused


def test_the_bytes_that_come_out_are_limited() -> None:
    data = zipped(("1.jpg", jpeg(1)), ("2.jpg", jpeg(2)))
    limits = Limits(max_bytes=len(jpeg(1)) + len(jpeg(2)) - 1)
    with pytest.raises(BadInput, match="unpacked, it is larger than the limit"):
        parts(data, limits)


def test_what_an_archive_says_of_its_sizes_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive, "RATIO_FROM", 1000)
    monkeypatch.setattr(archive, "_READ", 1000)
    data = zipped(("1.png", bytes(10_000_000)))
    true = (10_000_000).to_bytes(4, "little")
    assert data.count(true) == 2
    lie = data.replace(true, (900).to_bytes(4, "little"))
    (refused,) = parts(lie)
    assert "damaged" in refused or "zeros" in refused


def test_too_many_pages() -> None:
    data = zipped(*((f"{n}.jpg", b"x") for n in range(5)), ("notes.txt", b""))
    with pytest.raises(BadInput, match="5 pages, more than the limit of 4"):
        parts(data, Limits(max_pages=4))

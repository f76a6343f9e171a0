from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from tests.bad_input.folder import jpeg
from workers.sources import (
    FoundSource,
    IgnoredFile,
    Limits,
    RefusedSource,
    RemoteSource,
    find_sources,
)

LIMITS = Limits()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def put(*names: str, data: bytes | None = None) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg() if data is None else data)


def found(*specs: str, limits: Limits = LIMITS) -> list[str]:
    """Return the names of the files found; a refused one with its reason, an ignored one too."""
    names = []
    for source in find_sources(specs, limits):
        match source:
            case FoundSource():
                names.append(source.name)
            case RefusedSource():
                names.append(f"{source.name}: {source.reason}")
            case IgnoredFile():
                names.append(f"({source.name})")
    return names


def test_a_folder_is_walked_in_natural_order(here: Path) -> None:
    put("scans/p10.jpg", "scans/p2.jpg", "scans/a/1.jpg", "scans/b.jpg")
    wanted = ["scans/a/1.jpg", "scans/b.jpg", "scans/p2.jpg", "scans/p10.jpg"]
    assert found("scans") == wanted
    assert found("scans/") == wanted
    assert found(str(here / "scans"))[0] == str(here / "scans/a/1.jpg")


def test_specs_keep_their_order(here: Path) -> None:
    put("b.jpg", "a.jpg")
    assert found("b.jpg", "a.jpg") == ["b.jpg", "a.jpg"]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("scans/*.jpg", ["scans/1.jpg", "scans/2.jpg", "scans/10.jpg"]),
        ("scans/?.jpg", ["scans/1.jpg", "scans/2.jpg"]),
        ("scans/[2-9].jpg", ["scans/2.jpg"]),
        ("s*/x/*", ["scans/x/3.jpg", "scans/x/y/4.jpg"]),
        ("scans/**/*.jpg", ["1", "2", "10", "x/3", "x/y/4"]),
        ("scans/**", ["1", "2", "10", "x/3", "x/y/4"]),
        ("**/y/*", ["scans/x/y/4.jpg"]),
        ("scans/x*", ["scans/x/3.jpg", "scans/x/y/4.jpg"]),
        ("./scans/?.jpg", ["scans/1.jpg", "scans/2.jpg"]),
    ],
)
def test_patterns(here: Path, pattern: str, wanted: list[str]) -> None:
    put("scans/1.jpg", "scans/2.jpg", "scans/10.jpg", "scans/x/3.jpg", "scans/x/y/4.jpg")
    full = [n if n.endswith(".jpg") else f"scans/{n}.jpg" for n in wanted]
    assert found(pattern) == full


def test_a_pattern_that_matches_nothing_is_refused(here: Path) -> None:
    assert found("*.jpg") == ["*.jpg: no file matches this pattern"]
    assert found("none/*.jpg") == ["none: there is no such file"]


def test_a_name_with_signs_of_a_pattern_is_a_name_first(here: Path) -> None:
    put("a[1].jpg", "a1.jpg")
    assert found("a[1].jpg") == ["a[1].jpg"]


def test_missing_file(here: Path) -> None:
    assert found("none.jpg") == ["none.jpg: there is no such file"]


def test_what_is_no_scan_is_ignored_in_a_folder_and_refused_by_name(here: Path) -> None:
    put("scans/truth.csv", "scans/.hidden.jpg", "scans/Thumbs.db", data=b"day,value\n")
    put("scans/1.jpg")
    assert found("scans") == [
        "scans/1.jpg",
        "(scans/.hidden.jpg)",
        "(scans/Thumbs.db)",
        "(scans/truth.csv)",
    ]
    assert found("scans/truth.csv") == ["scans/truth.csv: it is text, but no list of sources"]


def test_content_counts_not_the_suffix(here: Path) -> None:
    put("scans/a.txt", "scans/b", "scans/c.png")  # all are JPEG files
    put("scans/d.jpg", data=b"text\n")
    put("scans/e.csv", data=b"")
    assert found("scans") == [
        "scans/a.txt",
        "scans/b",
        "scans/c.png",
        "scans/d.jpg: it is text, not an image",
        "scans/e.csv: the file is empty",
    ]


def test_links_stay_within_the_folder(here: Path) -> None:
    put("scans/1.jpg", "other/2.jpg", "scans/sub/3.jpg")
    Path("scans/again.jpg").symlink_to("1.jpg")
    Path("scans/other").symlink_to("../other")
    Path("scans/z").symlink_to("sub")
    Path("scans/sub/up").symlink_to("..")
    assert found("scans") == [
        "scans/1.jpg",
        "scans/again.jpg",
        "scans/other: it is a link that leads out of the folder",
        "scans/sub/3.jpg",
        "scans/sub/up: it is a link to a folder that it lies in",
        "(scans/z)",
    ]
    assert found("scans/other") == ["scans/other/2.jpg"], "what is named is followed"
    assert "scans/other: it is a link that leads out of the folder" in found("scans/**/*")


def test_a_large_file_is_refused_unread(here: Path) -> None:
    put("a.jpg")
    size = Path("a.jpg").stat().st_size
    assert found("a.jpg", limits=Limits(max_bytes=size)) == ["a.jpg"]
    assert "larger than the limit" in found("a.jpg", limits=Limits(max_bytes=size - 1))[0]


def test_a_file_that_grows_after_it_was_found_is_refused(here: Path) -> None:
    put("a.jpg")
    (source,) = find_sources(["a.jpg"], LIMITS)
    assert isinstance(source, FoundSource)
    assert source.read(LIMITS) == Path("a.jpg").read_bytes()
    with pytest.raises(BadInput, match="larger than the limit"):
        source.read(Limits(max_bytes=100))


def test_a_link_put_in_the_place_of_a_file_is_not_followed(here: Path) -> None:
    put("a.jpg", "secret.jpg")
    (source,) = find_sources(["a.jpg"], LIMITS)
    Path("a.jpg").unlink()
    Path("a.jpg").symlink_to("secret.jpg")
    assert isinstance(source, FoundSource)
    with pytest.raises(BadInput):
        source.read(LIMITS)
    Path("a.jpg").unlink()
    os.mkfifo("a.jpg")
    with pytest.raises(BadInput, match="not a file any more"):
        source.read(LIMITS)


def test_devices_are_refused() -> None:
    assert found("/dev/null") == ["/dev/null: it is a device, not a file"]


@pytest.mark.parametrize("user", ["me", "root"])
def test_what_nobody_may_read_is_refused_for_root_too(
    here: Path, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.jpg", "sub/b.jpg")
    Path("a.jpg").chmod(0)
    Path("sub").chmod(0)
    try:
        assert [name.partition(": ")[2] for name in found(".")] == [
            "its permissions do not let it be read",
            "the folder's permissions do not let it be read",
        ]
    finally:
        Path("sub").chmod(0o755)


def test_endless_folders_end(here: Path) -> None:
    deep = Path("d")
    deep.mkdir()
    here_fd = os.open(".", os.O_RDONLY)
    try:
        os.chdir("d")
        for _ in range(300):
            Path("d").mkdir()
            os.chdir("d")
    finally:
        os.fchdir(here_fd)
        os.close(here_fd)
    (refused,) = found("d")
    assert refused.endswith("it lies more than 128 folders deep")


# --- lists and other machines -------------------------------------------------------------------


def test_addresses_are_found_without_being_looked_at() -> None:
    found = list(
        find_sources(
            ["https://h.example.org/m.json#MAX", "s3://bucket/a?token=hunter2", "s3://"], LIMITS
        )
    )
    assert isinstance(found[0], RemoteSource)
    assert (found[0].name, found[0].address) == ("https://h.example.org/m.json",) * 2
    assert found[0].details["granted"] == ["h.example.org"]
    assert found[0].details["group"] == "MAX"
    for refused in found[1:]:
        assert isinstance(refused, RefusedSource)
        assert "hunter2" not in f"{refused}"


def test_a_list_leads_to_its_own_folder_alone(here: Path) -> None:
    (here / "in").mkdir()
    (here / "in" / "a.jpg").write_bytes(jpeg(1))
    (here / "b.jpg").write_bytes(jpeg(2))
    (here / "in" / "link.jpg").symlink_to(here / "b.jpg")
    (here / "in" / "list.csv").write_text("source\na.jpg\n../b.jpg\nlink.jpg\n/etc/passwd\na.jpg\n")
    found = list(find_sources(["in/list.csv"], LIMITS))
    assert [isinstance(each, FoundSource) for each in found] == [True, False, False, False, True]
    assert [getattr(each, "reason", "") for each in found[1:4]] == [
        "it lies outside the folder of its list"
    ] * 3
    assert list(find_sources(["in"], LIMITS))[-1] == IgnoredFile("in/list.csv")


def test_a_transcription_comes_with_its_page_where_it_is_wanted(here: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (here / name).write_bytes(jpeg(1))
    (here / "page").mkdir()
    (here / "page" / "a.xml").write_text("<PcGts/>")
    (here / "b.alto.xml").write_text("<alto/>")
    found = [
        each
        for each in find_sources(["."], LIMITS, transcribed=True)
        if isinstance(each, FoundSource)
    ]
    assert [each.transcription and each.transcription.path.name for each in found] == [
        "a.xml",
        "b.alto.xml",
        None,
    ]
    assert all(
        each.transcription is None
        for each in find_sources(["."], LIMITS)
        if isinstance(each, FoundSource)
    )

"""What a file is, by its first bytes: a suffix is only a claim."""

from __future__ import annotations

from typing import Literal

Kind = Literal["jpeg", "png", "webp", "jp2", "tiff", "pdf", "zip"]

HEAD = 2048
"""How many first bytes the functions here want to see."""

MEDIA_TYPES: dict[Kind, str] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "jp2": "image/jp2",
    "tiff": "image/tiff",
    "pdf": "application/pdf",
    "zip": "application/zip",
}

SIDE_SUFFIXES = frozenset(
    {".csv", ".tsv", ".txt", ".md", ".rst", ".json", ".jsonl", ".xml", ".xmp", ".yaml", ".yml"}
    | {".toml", ".ini", ".cfg", ".log", ".db", ".md5", ".sha1", ".sha256", ".sha512"}
)
"""Of files that stand beside scans and are none: truth, lists, checksums, thumbnails' indexes."""

_AS_IMAGE = "save the page as JPEG, PNG or TIFF"
_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)
_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"GIF8", "GIF images are not read", _AS_IMAGE),
    (b"BM", "BMP images are not read", _AS_IMAGE),
    (b"8BPS", "Photoshop files are not read", _AS_IMAGE),
    (b"AT&TFORM", "DjVu files are not read", "turn it into a PDF"),
    (b"\xff\x0a", "JPEG XL images are not read", _AS_IMAGE),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL images are not read", _AS_IMAGE),
    (b"%!PS", "PostScript files are not read", "turn it into a PDF"),
    (b"Rar!", "RAR archives are not read", "unpack it, or pack it as ZIP"),
    (b"7z\xbc\xaf\x27\x1c", "7z archives are not read", "unpack it, or pack it as ZIP"),
    (b"\x1f\x8b", "gzip files are not read", "unpack it, or pack it as ZIP"),
    (b"BZh", "bzip2 files are not read", "unpack it, or pack it as ZIP"),
    (b"\xfd7zXZ\x00", "xz files are not read", "unpack it, or pack it as ZIP"),
    (b"\xd0\xcf\x11\xe0", "it is an Office file", "print it to a PDF"),
    (b"\x7fELF", "it is a program, not a page", "take it out of the folder"),
    (
        b"version https://git-lfs",
        "it is the pointer of a file that Git LFS has not fetched",
        "run: git lfs pull",
    ),
    (
        b"/annex/objects/",
        "it is the pointer of a file that git-annex has not fetched",
        "run: git annex get",
    ),
)


def sniff(head: bytes) -> Kind | None:
    """Return what a file that begins with `head` is, `None` where it is nothing that is read."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if b"%PDF-" in head[:1024]:
        return "pdf"
    return None


def why_not(head: bytes) -> tuple[str, str]:
    """Return the reason and the remedy for a file that `sniff` does not know."""
    if not head:
        return "the file is empty", "copy or scan it again"
    if not head.strip(b"\0"):
        return "the file begins with zeros only", "copy or scan it again"
    for signature, reason, remedy in _OTHERS:
        if head.startswith(signature):
            return reason, remedy
    if head[4:8] == b"ftyp":
        return "HEIC, AVIF and films are not read", _AS_IMAGE
    if head[257:262] == b"ustar":
        return "tar archives are not read", "unpack it, or pack it as ZIP"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in start:
        return "SVG drawings are not read", _AS_IMAGE
    if start.startswith((b"<!doctype html", b"<html")) or b"<html" in start[:1024]:
        return (
            "it is a web page, not an image",
            "download the scan itself: an address that asks for a log-in gives a page like this",
        )
    if _is_text(head):
        return "it is text, not an image", "take it out, or give the scan itself"
    return "it is no image, PDF or ZIP that is read", _AS_IMAGE


def _is_text(head: bytes) -> bool:
    if any(byte < 32 and byte not in b"\t\r\n\f" for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a letter that the end of `head` cut in two
    return True

"""A folder as the world delivers them: five good pages, and everything that can go wrong.

Written in code, so that nothing dangerous is committed; the same bytes every time.
"""

from __future__ import annotations

import io
import os
import socket
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

GOOD = ("page1", "page2", "page3", "page4", "page10")
IGNORED = (".DS_Store", "truth.csv", "notes.txt")


def drawing(seed: int, mode: str = "RGB", size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Return a page with ruled lines and some noise, different for every seed."""
    noise = np.random.default_rng(seed).integers(180, 256, (size[1], size[0], 3), np.uint8)
    image = Image.fromarray(noise)
    pen = ImageDraw.Draw(image)
    for y in range(20, size[1], 24):
        pen.line((10, y, size[0] - 10, y), fill=(60, 40, 20), width=2)
    pen.text((20, 30), f"page {seed}", fill=(0, 0, 0))
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def jpeg(seed: int = 99, **options: object) -> bytes:
    return encoded(drawing(seed), "JPEG", **options)


# --- PNG and TIFF -------------------------------------------------------------------------------


def png_bomb(side: int = 60_000) -> bytes:
    """Return a complete PNG of `side` x `side` white 1-bit pixels, in some hundred kilobytes."""
    row = 1 + (side + 7) // 8
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    rows = 1000
    block = packer.compress(bytes(row * rows)) + packer.flush(zlib.Z_FULL_FLUSH)
    # Zeros have an Adler-32 that can be told without adding them up.
    adler = struct.pack(">HH", row * side % 65_521, 1)
    stream = b"\x78\x9c" + block * (side // rows) + b"\x03\x00" + adler
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", stream), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def changed_png() -> bytes:
    data = bytearray(encoded(drawing(98), "PNG"))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


def tiff(*images: Image.Image, **options: object) -> bytes:
    return encoded(images[0], "TIFF", save_all=True, append_images=list(images[1:]), **options)


def tiff_with_a_circle() -> bytes:
    """Return a TIFF of two pages whose second points back at the first."""
    data = bytearray(tiff(drawing(1, "L"), drawing(2, "L")))
    (first,) = struct.unpack_from("<I", data, 4)
    (second,) = struct.unpack_from("<I", data, _next_at(data, first))
    struct.pack_into("<I", data, _next_at(data, second), first)
    return bytes(data)


def _next_at(data: bytes | bytearray, directory: int) -> int:
    (count,) = struct.unpack_from("<H", data, directory)
    return directory + 2 + 12 * int(count)


def huge_tiff() -> bytes:
    """Return a TIFF that says it is 60,000 pixels square."""
    data = bytearray(tiff(drawing(3, "L")))
    (directory,) = struct.unpack_from("<I", data, 4)
    for entry in range(directory + 2, _next_at(data, directory), 12):
        if struct.unpack_from("<H", data, entry)[0] in (256, 257):
            struct.pack_into("<HII", data, entry + 2, 4, 1, 60_000)
    return bytes(data)


# --- PDF ----------------------------------------------------------------------------------------


def pdf(
    pages: int = 1,
    box: str = "0 0 200 100",
    content: bytes = b"10 10 100 50 re f",
    catalog: str = "",
    trailer: str = "",
    objects: tuple[bytes, ...] = (),
    page: str = "",
) -> bytes:
    """Return a PDF whose pages all show `content`; further `objects` are numbered from 4."""
    first = 4 + len(objects)
    kids = " ".join(f"{first + number} 0 R" for number in range(pages))
    bodies = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode(),
        f"<< /Type /Pages /Count {pages} /Kids [{kids}] /MediaBox [{box}] >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        *objects,
        *([f"<< /Type /Page /Parent 2 0 R /Contents 3 0 R {page} >>".encode()] * pages),
    ]
    file = io.BytesIO()
    file.write(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(bodies, 1):
        places.append(file.tell())
        file.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = file.tell()
    file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1))
    file.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    file.write(
        f"trailer << /Size {len(bodies) + 1} /Root 1 0 R {trailer} >>\n"
        f"startxref\n{start}\n%%EOF\n".encode()
    )
    return file.getvalue()


def locked_pdf() -> bytes:
    """Return a PDF that only a password opens; nobody knows it."""
    key = "00112233445566778899aabbccddeeff" * 2
    return pdf(
        trailer=f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{key}> /U <{key}> /P -4 >>"
        " /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]"
    )


# --- ZIP ----------------------------------------------------------------------------------------


def zipped(
    *entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries:
            archive.writestr(name, data, method)
    return file.getvalue()


def zip_bomb(megabytes: int = 64) -> bytes:
    return zipped(("page.bmp", bytes(megabytes * 1024**2)))


def overlapping_zip() -> bytes:
    """Return a ZIP whose two entries are the same bytes, as in the bombs of the better kind."""
    return _with_directory(zipped(("a.jpg", jpeg())), lambda directory: directory * 2)


def crowded_zip(entries: int = 100_000) -> bytes:
    return _with_directory(zipped(("a", b"")), lambda directory: directory * entries)


def _with_directory(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    directory = change(data[start:end])
    count = directory.count(b"PK\x01\x02") & 0xFFFF
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, 0)
    return data[:start] + directory + tail


def locked_zip() -> bytes:
    """Return a ZIP whose entry claims to be encrypted."""
    data = bytearray(zipped(("a.jpg", jpeg())))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def linking_zip() -> bytes:
    entry = zipfile.ZipInfo("passwd.jpg")
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped((entry, b"/etc/passwd"))


def damaged_zip() -> bytes:
    data = bytearray(zipped(("a.jpg", jpeg()), method=zipfile.ZIP_STORED))
    data[1000] ^= 0xFF
    return bytes(data)


# --- the folder ---------------------------------------------------------------------------------

_HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"
_SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"

Maker = Callable[[], bytes]

FILES: dict[str, tuple[Maker, str]] = {
    "empty.jpg": (lambda: b"", "is empty"),
    "empty.txt": (lambda: b"", "is empty"),
    "truncated.jpg": (lambda: jpeg()[:4000], "ends early, at byte 4,000"),
    "zeros.jpg": (lambda: jpeg()[:4000] + bytes(4000), "from byte 4,000 on the file is zeros"),
    "only-zeros.jpg": (lambda: bytes(4000), "zeros only"),
    "truncated.png": (lambda: encoded(drawing(1), "PNG")[:9000], "ends early, at byte 9,000"),
    "changed.png": (changed_png, "checksum"),
    "truncated.tif": (lambda: tiff(drawing(1, "L"))[:9000], "ends early, at byte 9,000"),
    "circle.tif": (tiff_with_a_circle, "runs in a circle"),
    "huge.tif": (huge_tiff, "60,000 x 60,000 pixels"),
    "truncated.webp": (lambda: encoded(drawing(1), "WEBP")[:2000], "ends early, at byte 2,000"),
    "truncated.jp2": (lambda: encoded(drawing(1), "JPEG2000")[:5000], "ends early"),
    "bomb.png": (png_bomb, "3,600,000,000 pixels, more than the limit of 200,000,000"),
    "text.jpg": (lambda: b"This was to be a scan.\n", "it is text"),
    "page.html": (lambda: _HTML, "it is a web page"),
    "login.jpg": (lambda: _HTML, "it is a web page"),
    "drawing.svg": (lambda: _SVG, "SVG drawings are not read"),
    "pointer.jpg": (lambda: _LFS, "Git LFS has not fetched"),
    "picture.gif": (lambda: encoded(drawing(1, "L"), "GIF"), "GIF images are not read"),
    "picture.bmp": (lambda: encoded(drawing(1, "L"), "BMP"), "BMP images are not read"),
    "moving.webp": (
        lambda: encoded(
            drawing(1), "WEBP", save_all=True, append_images=[drawing(2)], duration=100
        ),
        "it is an animation",
    ),
    "unknown": (lambda: bytes(range(256)), "no image, PDF or ZIP"),
    "locked.pdf": (locked_pdf, "asks for a password"),
    "malformed.pdf": (lambda: b"%PDF-1.7\nno objects at all\n%%EOF\n", "the PDF is damaged"),
    "truncated.pdf": (lambda: pdf()[:-60], "ends early"),
    "endless.pdf": (lambda: pdf(pages=10_000), "10,000 pages, more than the limit of 5,000"),
    "field.pdf": (lambda: pdf(box="0 0 1000000 1000000"), "352.8 m by 352.8 m"),
    "nothing.pdf": (lambda: pdf(pages=0), "the PDF is damaged"),
    "slip.zip": (lambda: zipped(("../../etc/a.jpg", jpeg())), "leads out of the archive"),
    "absolute.zip": (lambda: zipped(("/etc/a.jpg", jpeg())), "leads out of the archive"),
    "drive.zip": (lambda: zipped(("C:\\a.jpg", jpeg())), "leads out of the archive"),
    "bomb.zip": (zip_bomb, "a ZIP bomb"),
    "overlap.zip": (overlapping_zip, "its entries overlap"),
    "crowded.zip": (crowded_zip, "100,000 entries"),
    "locked.zip": (locked_zip, "asks for a password"),
    "nested.zip": (lambda: zipped(("a.zip", zipped(("a.jpg", jpeg())))), "a ZIP within a ZIP"),
    "links.zip": (linking_zip, "it is a link"),
    "damaged.zip": (damaged_zip, "its data is damaged"),
    "truncated.zip": (lambda: zipped(("a.jpg", jpeg()))[:3000], "its directory is missing"),
    "letter.docx": (lambda: zipped(("[Content_Types].xml", b"<x/>")), "an Office document"),
}
"""Bad files by name: how each is made, and a part of the reason that must be given for it."""

PLACES: dict[str, str] = {
    "dangling.jpg": "which is not there",
    "loop-a.jpg": "leads back to itself",
    "loop-b.jpg": "leads back to itself",
    "outside.jpg": "leads out of the folder",
    "round": "a folder that it lies in",
    "closed.jpg": "permissions",
    "closed": "permissions",
    "caf\\xe9.jpg": "no UTF-8",
    "bell\\x07.jpg": "control characters",
    "pipe.jpg": "a named pipe",
    "socket.jpg": "a socket",
}
"""What is bad not for its bytes but for what it is in the file system, by its shown name."""


def reasons() -> dict[str, str]:
    """Return a part of the reason for every bad file."""
    return {name: reason for name, (_, reason) in FILES.items()} | PLACES


def write_folder(folder: Path) -> None:
    """Fill an empty folder with the good pages, the bad files and some that are no pages."""
    (folder / "page1.jpg").write_bytes(jpeg(1))
    (folder / "page2.png").write_bytes(encoded(drawing(2, "L"), "PNG"))
    (folder / "page3.tif").write_bytes(tiff(drawing(3, "1"), compression="group4"))
    (folder / "page4.png").write_bytes(jpeg(4))  # a JPEG by its content, which is what counts
    (folder / "page10.webp").write_bytes(encoded(drawing(10), "WEBP"))
    for name in IGNORED:
        (folder / name).write_bytes(b"year,month\n1898,1\n")
    for name, (make, _) in FILES.items():
        (folder / name).write_bytes(make())
    (folder / "dangling.jpg").symlink_to("nowhere.jpg")
    (folder / "loop-a.jpg").symlink_to("loop-b.jpg")
    (folder / "loop-b.jpg").symlink_to("loop-a.jpg")
    (folder / "outside.jpg").symlink_to("/etc/passwd")
    (folder / "round").symlink_to(".")
    (folder / "closed.jpg").write_bytes(jpeg(5))
    (folder / "closed.jpg").chmod(0)
    (folder / "closed").mkdir(mode=0)
    (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes(jpeg(6))
    (folder / "bell\x07.jpg").write_bytes(jpeg(7))
    os.mkfifo(folder / "pipe.jpg")
    _socket(folder / "socket.jpg")


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)

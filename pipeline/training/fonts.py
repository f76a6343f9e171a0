"""The faces that pages are drawn in: what Pillow bundles, and what the machine has installed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

INSTALLED = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ledgermill/fonts"
"""Where `pipeline.training.install_fonts` puts faces, a folder for each style of writing."""

FOLDERS = (
    INSTALLED,
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("~/.fonts").expanduser(),
)


@dataclass(frozen=True, slots=True)
class Face:
    """A typeface: a font file, or with no path the one that Pillow carries (Aileron)."""

    path: Path | None = None

    def font(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the face at `size` pixels an em. Raises `OSError` where the file is no font."""
        return _load(self.path, size)

    def has(self, text: str) -> bool:
        """Tell whether every character of `text` has a glyph of its own in this face."""
        font = self.font(24)
        missing = bytes(font.getmask("\U0010fffd"))
        return all(c.isspace() or bytes(font.getmask(c)) != missing for c in text)


BUNDLED = Face()


@lru_cache(256)  # an open font is an open file
def _load(path: Path | None, size: int) -> ImageFont.FreeTypeFont:
    if path is not None:
        return ImageFont.truetype(path, size)
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("Pillow was built without FreeType; install its wheel from PyPI")
    return font


def find_faces(folders: Iterable[Path] = FOLDERS, text: str = "0123456789·.,") -> list[Face]:
    """Return the faces below `folders`, sorted by path, that can write `text`.

    Unreadable files and symbol fonts are left out. The list depends on the machine: what must
    be the same everywhere is drawn in `BUNDLED`.
    """
    files = {
        file
        for folder in folders
        for suffix in ("ttf", "otf", "woff")
        for file in folder.rglob(f"*.{suffix}")
    }
    return [face for face in map(Face, sorted(files)) if _writes(face, text)]


def faces_of(styles: Iterable[str]) -> list[Face]:
    """Return the installed faces of these styles of writing, else the bundled one."""
    folders = [folder / style for folder in FOLDERS for style in styles]
    return find_faces([folder for folder in folders if folder.is_dir()]) or [BUNDLED]


def _writes(face: Face, text: str) -> bool:
    try:
        return face.has(text)
    except OSError:
        return False

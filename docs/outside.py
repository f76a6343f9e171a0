"""Brings what lies outside `docs/`, and is linked from there, into the documentation site.

In the repository such links lead to the files themselves (`../benchmarks/README.md`); on the site
the same files stand under `project/`. The first page is the README.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(\]\()([^)#\s:]+)([^)\s]*\))")
OURS = "project"
FIRST = "index.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README, and all files outside `docs/` that some page leads to."""
    files.append(File.generated(config, FIRST, abs_src_path=str(ROOT / "README.md")))
    waiting = [file.src_uri for file in files.documentation_pages()]
    seen: set[str] = set()
    while waiting:
        page = waiting.pop()
        text = _home(page).read_text("utf-8")
        for match in LINK.finditer(text):
            place = _place(page, match[2])
            if place and place.startswith(f"{OURS}/") and place not in seen:
                seen.add(place)
                added = File.generated(config, place, abs_src_path=str(_home(place)))
                files.append(added)
                if place.endswith(".md"):
                    waiting.append(place)
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Lead links where the files stand on the site; what is no page becomes plain code."""
    here = page.file.src_uri

    def led(match: re.Match[str]) -> str:
        place = _place(here, match[2])
        if place is None:
            return match[0]
        start = posixpath.dirname(here)
        return f"{match[1]}{posixpath.relpath(place, start or '.')}{match[3]}"

    return LINK.sub(led, markdown)


def _home(page: str) -> Path:
    """Return the file of a page of the site."""
    if page == FIRST:
        return ROOT / "README.md"
    if page.startswith(f"{OURS}/"):
        return ROOT / page.removeprefix(f"{OURS}/")
    return ROOT / "docs" / page


def _place(page: str, link: str) -> str | None:
    """Return where on the site a link of a page leads, `None` where no file of ours is meant."""
    target = (_home(page).parent / link).resolve()
    if not target.is_relative_to(ROOT):
        return None
    name = target.relative_to(ROOT).as_posix()
    if target.is_dir():
        readme = target / "README.md"
        return f"{OURS}/{name}/README.md" if readme.exists() else None
    if not target.is_file():
        return None
    return name.removeprefix("docs/") if name.startswith("docs/") else f"{OURS}/{name}"

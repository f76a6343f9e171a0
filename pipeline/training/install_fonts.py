"""Fetch the faces that training lines are drawn in: `python -m pipeline.training.install_fonts`.

They come from Debian's `fonts-*` packages (`apt-get download`, unpacked without root) and from the
npm packages `@fontsource/*` (`npm pack`); whichever of the two is not on the machine is left out
and named. Each face lands in `FOLDER/STYLE/PACKAGE/`; the styles are those of `PACKAGES`. Their
licences (almost all OFL) are beside them; none is part of Ledgermill.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.training.fonts import INSTALLED

PACKAGES: Mapping[str, tuple[str, str]] = {
    "hand": (
        "fonts-breip fonts-dkg-handwriting fonts-ecolier-court fonts-femkeklaver "
        "fonts-joscelyn fonts-kristi fonts-rufscript fonts-sjfonts",
        "annie-use-your-telescope architects-daughter bad-script birthstone caveat "
        "cedarville-cursive condiment covered-by-your-grace damion dancing-script delius "
        "ephesis gloria-hallelujah gochi-hand handlee homemade-apple indie-flower licorice "
        "marck-script mr-de-haviland ms-madi neucha oooh-baby patrick-hand playpen-sans "
        "reenie-beanie sacramento schoolbell shadows-into-light shantell-sans "
        "short-stack sriracha sue-ellen-francisco swanky-and-moo-moo the-girl-next-door vibur "
        "whisper",
    ),
    "script": (
        "fonts-havana fonts-levien-typoscript",
        "alex-brush cookie corinthia courgette grand-hotel great-vibes herr-von-muellerhoff "
        "italianno kaushan-script monsieur-la-doulaise montecarlo parisienne pinyon-script "
        "rochester satisfy tangerine yellowtail",
    ),
    "serif": (
        "fonts-century-catalogue fonts-essays1743 fonts-goudybookletter fonts-junicode "
        "fonts-linuxlibertine fonts-oldstandard fonts-prociono fonts-adf-baskervald",
        "bodoni-moda cardo cormorant-garamond crimson-text eb-garamond gelasio gfs-didot "
        "im-fell-english libre-baskerville libre-caslon-text old-standard-tt playfair-display "
        "rufina sorts-mill-goudy spectral unna vollkorn",
    ),
    "fraktur": (
        "fonts-blankenburg fonts-gotico-antiqua",
        "germania-one grenze-gotisch pirata-one unifrakturcook unifrakturmaguntia",
    ),
    "typewriter": (
        "fonts-gnutypewriter fonts-lmodern",
        "anonymous-pro courier-prime cousine ia-writer-mono lekton special-elite",
    ),
    "sans": ("", "cabin carlito fira-sans oswald pt-sans-narrow roboto-condensed"),
    "hangul": (
        "fonts-baekmuk fonts-lexi-saebom fonts-nanum fonts-unfonts-core",
        "gothic-a1 gowun-batang ibm-plex-sans-kr nanum-gothic nanum-myeongjo noto-sans-kr "
        "noto-serif-kr sunflower",
    ),
    "hangul-hand": (
        "fonts-nanum-extra fonts-woowa-bm",
        "east-sea-dokdo gaegu gamja-flower hi-melody nanum-brush-script nanum-pen-script "
        "poor-story single-day",
    ),
}
"""By style: names of Debian packages, names of `@fontsource` packages."""

HANGUL_HAND = re.compile(r"Brush|Pen|hanna|jua|dohyeon|yeonsung", re.IGNORECASE)
"""Those files of a Debian package of several styles that are written by hand."""

USEFUL = re.compile(r"-(latin|latin-ext|korean)-(300|400|700)-(normal|italic)\.woff$")
"""Parts of an `@fontsource` package that hold whole alphabets."""


def install(folder: Path, packages: Mapping[str, tuple[str, str]] = PACKAGES) -> list[str]:
    """Fetch what `folder` does not have yet and return what could not be had, one line each."""
    failed = []
    for style, (debian, fontsource) in packages.items():
        for name in (*debian.split(), *(f"@fontsource/{part}" for part in fontsource.split())):
            target = folder / style / name.rpartition("/")[2]
            if target.exists():
                continue
            reason = _fetch(name, target)
            if reason:
                failed.append(f"{name}: {reason}")
    return failed


def _fetch(name: str, target: Path) -> str:
    """Put the fonts of one package into `target`, whole or not at all; return why not."""
    command = ["npm", "pack", "--silent", name] if "/" in name else ["apt-get", "download", name]
    if shutil.which(command[0]) is None:
        return f"{command[0]} is not on this machine"
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        archives = [*work.glob("*.tgz"), *work.glob("*.deb")]
        if not archives:
            said = done.stderr.strip().splitlines()
            return said[-1] if said else f"{command[0]} failed"
        files = _unpack(archives[0], work / "files")
        if not files:
            return "holds no font that can be used"
        part = target.with_name(f"{target.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for file in files:
            shutil.copy(file, part / file.name)
        part.replace(target)
    return ""


def _unpack(archive: Path, into: Path) -> list[Path]:
    """Return the fonts and licences in a package, unpacked."""
    if archive.suffix == ".deb":
        subprocess.run(["dpkg", "-x", str(archive), str(into)], check=True)
        fonts = chosen(archive.name, [p for p in _below(into) if p.suffix in (".ttf", ".otf")])
        licences = [p for p in _below(into) if p.name == "copyright"]
    else:
        with tarfile.open(archive) as package:
            package.extractall(into, filter="data")
        fonts = [path for path in _below(into) if USEFUL.search(path.name)]
        licences = [path for path in _below(into) if path.name == "LICENSE"]
    return [*fonts, *licences] if fonts else []


def chosen(archive: str, fonts: Iterable[Path]) -> list[Path]:
    """Return the faces of a Debian package that belong to the style it is listed under."""
    if archive.startswith(("fonts-nanum-extra", "fonts-woowa-bm")):
        return [font for font in fonts if HANGUL_HAND.search(font.name)]
    if archive.startswith("fonts-nanum_"):
        return [font for font in fonts if not HANGUL_HAND.search(font.name)]
    if archive.startswith("fonts-lmodern"):
        return [font for font in fonts if font.name.startswith(("lmmono10-", "lmmonoprop"))]
    return list(fonts)


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def main() -> int:
    """Install into the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Fetch faces to draw training lines in.")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=INSTALLED, help="default: %(default)s"
    )
    folder = parser.parse_args().folder
    failed = install(folder)
    for line in failed:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"faces in {folder}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

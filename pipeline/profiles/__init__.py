"""Profiles: how a page is to be read, as a named, frozen set of choices.

A built-in profile is a TOML file in this folder; a user's own is any path that ends in `.toml`.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import BadInput
from pipeline.forms.form import Form, load_form
from pipeline.page import RegionKind


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Preprocessing(_Frozen):
    """Which steps of `pipeline.preprocess` are taken; angles in degrees."""

    crop: bool = True
    flatten: bool = True
    deskew: bool = True
    least_angle: float = 0.1
    denoise: bool = False
    equalize: bool = False
    binarize: bool = False


class Detection(_Frozen):
    """`longest_side`: larger pages are reduced to this many pixels before detection.

    `None` leaves that to the engine, whose network knows pages of some size best. `weights` is a
    file that takes the place of the native engine's own.
    """

    longest_side: int | None = Field(None, ge=320, le=8192)
    least_score: float = Field(0.5, ge=0, le=1)
    weights: str | None = None


class Recognition(_Frozen):
    """`charset` limits what may be read (see `pipeline.recognition.ctc.CHARSETS`); none = anything.

    `crops` is how many crops go through the network at once. A reading less probable than
    `reject_below` is kept, its status `rejected`. `weights` replaces what the engine would take by
    itself: a file or folder of weights, for tesseract its languages, such as `fra+eng`.
    """

    charset: str | None = None
    weights: str | None = None
    crops: int = Field(32, ge=1, le=1024)
    reject_below: float = Field(0.0, ge=0, le=1)


class Tables(_Frozen):
    """`find`: look for tables at all; `numeric`: re-read the odd cells of a numeric column.

    `check`: find what holds between a table's cells, and read them together. `form`: what the
    pages' tables have in common; a profile's file names the form's, as seen from its own folder.
    """

    find: bool = True
    numeric: bool = True
    check: bool = True
    form: Form | None = None


class Regions(_Frozen):
    """`ignore`: kinds of regions that are not read; the page says where they are."""

    ignore: tuple[RegionKind, ...] = ()


class Prose(_Frozen):
    """What is made of lines once they are read, step by step; see `pipeline.prose`.

    `languages` are those that lines may be in (ISO 639-1); without any none is told. `normalize`:
    one way of writing each character; `spacing`: spaces between Korean words; `rescore`: doubtful
    words by how likely they are; `join`: words that lines break off, for search; `tag`: dates,
    places and quantities.
    """

    languages: tuple[Annotated[str, Field(pattern="^[a-z]{2}$")], ...] = ()
    normalize: bool = False
    spacing: bool = False
    rescore: bool = False
    join: bool = False
    tag: bool = False


class Profile(_Frozen):
    """How a page is read. `name` and the settings together make a run's identity."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    engine: str = "rapidocr"
    preprocessing: Preprocessing = Preprocessing()
    detection: Detection = Detection()
    recognition: Recognition = Recognition()
    tables: Tables = Tables()
    regions: Regions = Regions()
    prose: Prose = Prose()


def load_profile(name: str) -> Profile:
    """Return the built-in profile of that name, or the one in the file at that `.toml` path.

    Weights that lie where such a file says, seen from its folder, are named in full then: workers
    run elsewhere. Raises `BadInput` where there is none, or it does not say what a profile may say.
    """
    if name.endswith(".toml"):
        try:
            text = Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(name, f"cannot be read ({error})", "give a readable profile") from error
        stem = Path(name).stem
    else:
        file = resources.files(__name__).joinpath(f"{name}.toml")
        if name not in profile_names():
            known = ", ".join(profile_names())
            raise BadInput(name, "no such profile", f"choose one of {known}, or a .toml file")
        text, stem = file.read_text("utf-8"), name
    try:
        data: dict[str, Any] = tomllib.loads(text)
        profile = Profile(**_with_form({"name": stem, **data}, Path(name).parent))
    except (tomllib.TOMLDecodeError, ValidationError, TypeError) as error:
        reason = "; ".join(str(error).split("\n")[:3])
        raise BadInput(name, f"is no valid profile ({reason})", "mend it") from error
    return _with_places(profile, Path(name).parent) if name.endswith(".toml") else profile


def _with_form(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a profile's settings with the form itself where a file names one: workers lack it."""
    tables = data.get("tables")
    if not isinstance(tables, dict) or not isinstance(tables.get("form"), str):
        return data
    return {**data, "tables": {**tables, "form": load_form(folder / tables["form"])}}


def _with_places(profile: Profile, folder: Path) -> Profile:
    def placed(weights: str | None) -> dict[str, str | None]:
        if weights and (folder / weights).exists():
            weights = str((folder / weights).resolve())
        return {"weights": weights}

    return profile.model_copy(
        update={
            "detection": profile.detection.model_copy(update=placed(profile.detection.weights)),
            "recognition": profile.recognition.model_copy(
                update=placed(profile.recognition.weights)
            ),
        }
    )


def profile_names() -> list[str]:
    """Return the names of the built-in profiles, sorted."""
    folder = resources.files(__name__)
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )

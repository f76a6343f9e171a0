"""What is installed is pinned: everything that `pyproject.toml` asks for, and as it asks for it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
OWN_EXTRAS = ("dev",)
"""What `make` installs; the others are chosen by whoever needs them."""


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    said = [line.partition("#")[0].strip() for line in lines]
    return [Requirement(line) for line in said if line]


def test_every_dependency_is_pinned_as_it_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"]]
    for extra in OWN_EXTRAS:
        asked += project["optional-dependencies"][extra]
    pinned = {canonicalize_name(pin.name): pin for pin in pins()}
    for line in asked:
        wanted = Requirement(line)
        pin = pinned.get(canonicalize_name(wanted.name))
        assert pin is not None, f"{wanted.name} is not pinned: make constraints"
        (version,) = [each.version for each in pin.specifier]
        assert wanted.specifier.contains(version, prereleases=True), f"{line}, but {pin}"


def test_a_pin_is_one_version_and_there_once() -> None:
    kinds = {each.operator for pin in pins() for each in pin.specifier}
    assert kinds <= {"==", "<"}  # opencv-python<0 keeps a package out
    names = [canonicalize_name(pin.name) for pin in pins()]
    assert len(names) == len(set(names))

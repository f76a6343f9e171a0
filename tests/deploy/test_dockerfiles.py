from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, ROOT

FILES = sorted(
    path for path in (DEPLOY / "docker").glob("Dockerfile.*") if path.suffix != ".dockerignore"
)


def stages(path: Path) -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage, comments left out and continued lines joined."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found: list[list[tuple[str, str]]] = []
    for line in filter(str.strip, joined.splitlines()):
        name, _, rest = line.partition(" ")
        assert re.fullmatch(
            "FROM|ARG|RUN|ENV|COPY|WORKDIR|USER|VOLUME|EXPOSE|STOPSIGNAL|ENTRYPOINT|CMD", name
        ), line
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest.strip()))
    return found


def test_there_is_one_for_each_kind_of_machine() -> None:
    assert [path.suffix for path in FILES] == [".cpu", ".cuda"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix[1:])
def test_an_image_is_built_apart_and_runs_as_nobody_special(path: Path) -> None:
    build, final = stages(path)
    bases = [stage[0][1].split()[0] for stage in (build, final)]
    assert bases[0] == bases[1], "a virtual environment works with the Python that made it"
    assert not bases[0].endswith(":latest")
    assert ":" in bases[0]
    users = [rest for name, rest in final if name == "USER"]
    assert users == ["10001:10001"]
    assert final.index(("USER", users[0])) > max(
        i for i, (name, _) in enumerate(final) if name == "RUN"
    )
    assert json.loads(dict(final)["ENTRYPOINT"]) == ["tini", "--", "ledgermill"]
    assert json.loads(dict(final)["CMD"]) == ["worker"]
    for name, rest in final:
        if name == "RUN" and "apt-get install" in rest:
            assert "rm -rf /var/lib/apt/lists/*" in rest
            assert "tini" in rest


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix[1:])
def test_what_is_copied_is_there_and_is_all_of_it(path: Path) -> None:
    build, _ = stages(path)
    copied = {source for name, rest in build if name == "COPY" for source in rest.split()[:-1]}
    ignored = path.with_name(f"{path.name}.dockerignore").read_text().splitlines()
    for source in copied:
        assert (ROOT / source).exists()
        assert any(fnmatch(source, line[1:]) for line in ignored if line.startswith("!")), source
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert {name for name in packages if (ROOT / name).is_dir()} <= copied
    assert {project["project"]["readme"], *project["project"]["license-files"]} <= copied


def test_both_images_run_alike() -> None:
    cpu, cuda = (stages(path)[-1] for path in FILES)
    assert [step for step in cuda if "NVIDIA" not in step[1]] == cpu

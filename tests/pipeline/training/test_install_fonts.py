import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from pipeline.training.install_fonts import PACKAGES, chosen, install


def packed(folder: Path, names: list[str]) -> None:
    with tarfile.open(folder / "package.tgz", "w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(f"package/{name}")
            info.size = 4
            archive.addfile(info, io.BytesIO(b"font"))


def test_web_fonts_are_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def run(command: list[str], cwd: Path, **_: object) -> object:
        calls.append(command[-1])
        packed(Path(cwd), ["files/kalam-latin-400-normal.woff", "files/kalam-1-400-normal.woff",
                           "files/kalam-latin-400-normal.woff2", "LICENSE"])  # fmt: skip
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", run)
    packages = {"hand": ("", "kalam")}
    assert install(tmp_path, packages) == []
    assert install(tmp_path, packages) == []
    assert calls == ["@fontsource/kalam"]
    found = {path.name for path in (tmp_path / "hand" / "kalam").iterdir()}
    assert found == {"kalam-latin-400-normal.woff", "LICENSE"}


def test_what_fails_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: object) -> object:
        return subprocess.CompletedProcess(command, 1, "", "E: no such package\n")

    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", run)
    assert install(tmp_path, {"hand": ("fonts-x", "")}) == ["fonts-x: E: no such package"]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_tool_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (line,) = install(tmp_path, {"hand": ("", "kalam")})
    assert line == "@fontsource/kalam: npm is not on this machine"


def test_packages_of_two_styles_are_divided() -> None:
    files = [Path("NanumGothic.ttf"), Path("NanumPen.ttf"), Path("NanumBrush.ttf")]
    assert chosen("fonts-nanum_1_all.deb", files) == files[:1]
    assert chosen("fonts-nanum-extra_1_all.deb", files) == files[1:]


def test_no_package_twice() -> None:
    names = [n for debian, web in PACKAGES.values() for n in f"{debian} {web}".split()]
    assert len(names) == len(set(names))

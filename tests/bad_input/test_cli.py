"""The same folder through `ledgermill digitize`: five pages, every reason, and exit status 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_input.folder import GOOD, IGNORED, reasons, write_folder
from workers.cli.main import run
from workers.services import Endpoints


@pytest.mark.timeout(300)
def test_good_pages_are_digitized_and_every_reason_is_given(
    services: Endpoints,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "scans").mkdir()
    write_folder(tmp_path / "scans")
    monkeypatch.chdir(tmp_path)

    assert run(["digitize", "scans", "--out", "out", "--collection", "bad-input"]) == 1
    assert {path.stem for path in Path("out").glob("*.json")} == set(GOOD)
    said = capfd.readouterr()
    assert f"{len(IGNORED)} other files passed over" in said.out
    lines = [line for line in (said.out + said.err).splitlines() if "scans/" in line]
    assert len(lines) == len(reasons())
    for name, reason in reasons().items():
        assert any(f"scans/{name}: " in line and reason in line for line in lines), name

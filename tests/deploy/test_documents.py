"""Documents that name files and settings name those that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, ROOT
from workers.monitoring.metrics import Metrics
from workers.settings import Settings

DOCUMENTS = [ROOT / "SECURITY.md", DEPLOY / "README.md"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_settings_are_settings(path: Path) -> None:
    named = set(re.findall(r"\bLEDGERMILL_([A-Z_]*[A-Z])", path.read_text()))
    assert named
    # What may be secret is also taken from a file that `NAME_FILE` names.
    assert {name.lower().removesuffix("_file") for name in named} <= Settings.model_fields.keys()
    limit = re.search(r"LEDGERMILL_HEALTH_SECONDS` \((\d+)\)", path.read_text())
    if limit is not None:
        assert float(limit[1]) == Settings.model_fields["health_seconds"].default


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_are_there(path: Path) -> None:
    named = re.findall(r"`([\w./-]+\.(?:py|sql|yaml|md)|[\w./-]+/)`", path.read_text())
    assert named
    places = (ROOT, path.parent, ROOT / "workers" / "sources", ROOT / "storage")
    made = {"ledgermill.toml"}
    missing = [n for n in named if n not in made and not any((p / n).exists() for p in places)]
    assert missing == []


def test_metrics_that_the_readme_names_are_shown() -> None:
    readme = (DEPLOY / "README.md").read_text()
    (own,) = re.findall(r"What a worker did itself \(([^)]*)\)", readme)
    shown = Metrics().exposition().decode()
    for name in re.findall(r"`(\w+)`", own):
        full = name if name.startswith("ledgermill_") else f"ledgermill_{name}"
        assert re.search(rf"^# (HELP|TYPE) {full} ", shown, re.M), name

"""The documentation: the site builds without a broken link, the tutorials do what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import S3

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
LEDGERMILL = [sys.executable, "-c", "from workers.cli.main import main; main()"]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_site_builds_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "-d", str(tmp_path / "s")]
    made = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "Ledgermill" in (tmp_path / "s" / "index.html").read_text("utf-8")
    assert (tmp_path / "s" / "project" / "benchmarks" / "index.html").exists()


@pytest.fixture
def fresh_home() -> Iterator[Path]:
    """Return a home that nobody has used: a short path, for sockets' sake."""
    folder = Path(tempfile.mkdtemp(prefix="lm-", dir="/tmp"))
    yield folder
    subprocess.run([*LEDGERMILL, "down"], env=_environment(folder), check=False)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(400)  # pages are read, by networks that are loaded first
@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda file: file.stem)
def test_a_tutorial_can_be_followed(
    tutorial: Path, fresh_home: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    text = tutorial.read_text("utf-8")
    blocks = BLOCK.findall(text)
    assert blocks
    ours = {"STEPS": "1"}
    if "$BUCKET" in text:
        server: S3 = request.getfixturevalue("s3")
        ours |= {"ENDPOINT": f"http://{server.endpoint}", "BUCKET": server.bucket}
        ours |= {"LEDGERMILL_ALLOWED_HOSTS": "127.0.0.1"}
    followed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env=_environment(fresh_home) | ours,
        capture_output=True,
        text=True,
        check=False,
    )
    assert followed.returncode == 0, followed.stdout[-2000:] + followed.stderr[-2000:]


def _environment(home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "COLUMNS": "120", "LEDGERMILL_HOME": str(home)}

from __future__ import annotations

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, LONGEST_STOP, assert_settings
from workers.cli.main import build

UNITS = sorted(path for path in (DEPLOY / "systemd").iterdir() if path.suffix != ".sysusers")
SERVICES = [path for path in UNITS if path.suffix == ".service"]
PROGRAM = "/opt/ledgermill/bin/ledgermill"


class _Unit(ConfigParser):
    """A unit file: names keep their case, and of one said twice the values are joined by lines."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None)
        self.optionxform = str  # type: ignore[assignment, method-assign]
        seen: dict[tuple[str, str], list[str]] = {}
        section = ""
        for line in path.read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith("#"):
                name, _, value = line.partition("=")
                seen.setdefault((section, name), []).append(value)
        for (section, name), values in seen.items():
            if not self.has_section(section):
                self.add_section(section)
            self.set(section, name, "\n".join(values))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_takes_it(path: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    for unit in UNITS:  # with a program that is here
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    done = subprocess.run(
        [analyze, "verify", tmp_path / path.name],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    about_it = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert (done.returncode, about_it) == (0, [])


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_it_runs_a_command_of_ours_as_an_account_of_its_own(path: Path) -> None:
    service = _Unit(path)["Service"]
    commands = {
        command.name or command.callback.__name__
        for command in build().registered_commands
        if command.callback
    }
    for name, value in service.items():
        if name.startswith("Exec"):
            program, command, *_ = value.split()
            assert program == PROGRAM
            assert command in commands
    assert service["User"] == "ledgermill"
    assert service["ProtectSystem"] == "strict"
    assert service["PrivateTmp"] == "yes", "nothing else lets it write to /tmp"
    assert_settings([value.partition("=")[0] for value in service["Environment"].splitlines()])


def test_a_worker_has_time_to_stop_and_its_services_outlive_it() -> None:
    worker = _Unit(DEPLOY / "systemd" / "ledgermill-worker.service")
    assert float(worker["Service"]["TimeoutStopSec"]) >= LONGEST_STOP
    assert worker["Service"]["KillMode"] == "process"
    assert worker["Unit"]["Requires"] == "ledgermill-services.service"


def test_what_units_refer_to_is_there() -> None:
    names = {path.name for path in UNITS}
    for path in UNITS:
        unit = _Unit(path)["Unit"]
        wanted = f"{unit.get('Requires', '')} {unit.get('After', '')}".split()
        assert {name for name in wanted if name.startswith("ledgermill")} <= names
    timers = [path for path in UNITS if path.suffix == ".timer"]
    assert all(path.with_suffix(".service").name in names for path in timers)

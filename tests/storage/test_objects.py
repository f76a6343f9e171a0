from __future__ import annotations

import hashlib
import socket
import stat
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import BadInput, Unavailable
from storage import objects
from storage.objects import ObjectStore, StoreError, open_store


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return open_store(f"file://{tmp_path}/new/objects")
    server: Any = request.getfixturevalue("s3")
    return open_store(f"s3://{server.bucket}/some/prefix?endpoint={server.endpoint}&secure=false")


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=5000))
def test_what_is_put_is_got(store: ObjectStore, data: bytes) -> None:
    digest = store.put(data, "application/octet-stream")
    assert digest == hashlib.sha256(data).hexdigest()
    assert store.exists(digest)
    assert store.get(digest) == data
    assert store.put(data, "application/octet-stream") == digest


def test_a_large_object_comes_back_whole(store: ObjectStore) -> None:
    data = bytes(range(256)) * 4096 * 12  # more than one part of a multi-part upload
    assert store.get(store.put(data, "image/tiff")) == data


def test_a_missing_object_says_so(store: ObjectStore) -> None:
    digest = "0" * 64
    assert not store.exists(digest)
    with pytest.raises(BadInput, match="not in the object store"):
        store.get(digest)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_only_digests_name_objects(store: ObjectStore, digest: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        store.get(digest)


def test_many_writers_of_one_object_do_not_disturb_each_other(store: ObjectStore) -> None:
    data = b"the same page" * 10_000
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: store.put(data, "image/png"), range(16)))
    assert len(digests) == 1
    assert store.get(digests.pop()) == data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a folder, 100 % odd"


@pytest.fixture
def folder_store(folder: Path) -> ObjectStore:
    return open_store(f"file://{urllib.parse.quote(str(folder))}")


def _file(folder: Path, digest: str) -> Path:
    return folder / digest[:2] / digest[2:4] / digest


def test_objects_are_their_owners_alone(folder: Path, folder_store: ObjectStore) -> None:
    path = _file(folder, folder_store.put(b"ink", "image/png"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [p for p in folder.rglob("*") if p.is_file()] == [path], "nothing is left over"


def test_changed_bytes_are_noticed(folder: Path, folder_store: ObjectStore) -> None:
    digest = folder_store.put(b"ink", "image/png")
    _file(folder, digest).write_bytes(b"oil")
    with pytest.raises(BadInput, match="changed"):
        folder_store.get(digest)


def test_a_truncated_object_is_mended_by_putting_it_again(
    folder: Path, folder_store: ObjectStore
) -> None:
    digest = folder_store.put(b"ink", "image/png")
    _file(folder, digest).write_bytes(b"")
    folder_store.put(b"ink", "image/png")
    assert folder_store.get(digest) == b"ink"


def test_a_folder_that_vanished_may_come_back(folder: Path, folder_store: ObjectStore) -> None:
    digest = folder_store.put(b"ink", "image/png")
    folder.rename(folder.with_name("elsewhere"))
    for use in (folder_store.get, folder_store.exists):
        with pytest.raises(Unavailable, match="see that the folder is there"):
            use(digest)


def test_a_failed_write_leaves_nothing(
    folder: Path, folder_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        folder_store.put(b"ink", "image/png")
    assert not [p for p in folder.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "objects",
        "file://host/objects",
        "http://host/bucket",
        "s3://",
        "s3://key:secret@bucket?endpoint=host",
        "s3://bucket?endpoint=host&key=secret",
        "s3://bucket?endpoint=host&secure=perhaps",
        "s3://bucket?endpoint=no%20host%2Fpath",
    ],
)
def test_other_addresses_are_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with pytest.raises(StoreError, match="OBJECT_STORE"):
        open_store(url)


def test_a_bucket_is_made_where_it_is_missing(s3: Any) -> None:
    url = f"s3://brand-new/x?endpoint=http://{s3.endpoint}"
    digest = open_store(url).put(b"ink", "image/png")
    assert open_store(url).get(digest) == b"ink"


def test_prefixes_keep_objects_apart(s3: Any) -> None:
    digest = open_store(f"{s3.url.replace('?', '/one?')}").put(b"apart", "image/png")
    assert not open_store(f"{s3.url.replace('?', '/two?')}").exists(digest)


def test_minio_names_of_the_keys_count_too(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(StoreError, match="no keys; set AWS_ACCESS_KEY_ID"):
        open_store(s3.url)
    monkeypatch.setenv("MINIO_ACCESS_KEY", s3.access_key)
    monkeypatch.setenv("MINIO_SECRET_KEY", s3.secret_key)
    open_store(s3.url)


def test_wrong_keys_are_named_but_never_shown(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    with pytest.raises(StoreError, match="check the keys") as caught:
        open_store(s3.url)
    assert "wrong-secret" not in str(caught.value)


def _refuse(_: socket.socket) -> None:
    pass


def _hang_up(client: socket.socket) -> None:
    client.close()


def _fail(client: socket.socket) -> None:
    client.recv(65536)
    client.sendall(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    client.close()


def _stall(client: socket.socket) -> None:
    time.sleep(3)
    client.close()


@pytest.fixture
def broken_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))

        def serve(manner: Callable[[socket.socket], None]) -> str:
            if manner is not _refuse:
                listener.listen()
                threading.Thread(target=accept, args=(manner,), daemon=True).start()
            return f"127.0.0.1:{listener.getsockname()[1]}"

        def accept(manner: Callable[[socket.socket], None]) -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=manner, args=(client,), daemon=True).start()

        yield serve
        listener.close()


@pytest.mark.parametrize("manner", [_refuse, _hang_up, _fail, _stall])
def test_a_server_that_fails_may_come_back_and_is_not_waited_for_long(
    broken_server: Callable[[Callable[[socket.socket], None]], str],
    manner: Callable[[socket.socket], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setattr(objects, "_READ_SECONDS", 0.3)
    endpoint = broken_server(manner)
    begun = time.monotonic()
    with pytest.raises(Unavailable, match=f"object store {endpoint}: ") as caught:
        open_store(f"s3://bucket?endpoint={endpoint}&secure=false")
    assert time.monotonic() - begun < 30
    assert "\n" not in str(caught.value)

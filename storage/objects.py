"""The object store: bytes kept under the SHA-256 of their content, in a folder or in S3.

An object never changes, so writing it twice is harmless and reading it can be checked.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from pipeline.errors import BadInput, LedgermillError, Unavailable

if TYPE_CHECKING:
    from minio import Minio

_DIGEST = re.compile(r"[0-9a-f]{64}")
_CONNECT_SECONDS = 5
_READ_SECONDS = 60
_TRIES = 3


class StoreError(LedgermillError):
    """The address or the rights of an object store, which somebody has to change."""


class ObjectStore(Protocol):
    """Where bytes are kept by their content.

    Every method raises `Unavailable` where the store cannot be reached for now.
    """

    def put(self, data: bytes, media_type: str) -> str:
        """Store `data` durably and return its SHA-256 as 64 hex digits."""
        ...

    def get(self, sha256: str) -> bytes:
        """Return the bytes; raises `BadInput` where they are missing or not what was stored."""
        ...

    def exists(self, sha256: str) -> bool:
        """Return whether the object is there."""
        ...


def open_store(url: str) -> ObjectStore:
    """Return the object store at `url`, its folder or bucket made where it is missing.

    `file:///FOLDER`, or `s3://BUCKET/PREFIX?endpoint=HOST:PORT&secure=false&region=NAME`: without
    an endpoint Amazon's, without `secure=false` (or an endpoint that begins with `http://`) over
    TLS; the keys are in the environment as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and
    AWS_SESSION_TOKEN), or MINIO_ACCESS_KEY and MINIO_SECRET_KEY, or in the file that
    AWS_SHARED_CREDENTIALS_FILE names. Raises `Unavailable` where the
    store does not answer and `StoreError` where the address or the keys are wrong.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return _FolderStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        return _S3Store(url)
    raise StoreError(
        f"OBJECT_STORE: {url!r} is no object store; "
        "write file:///folder or s3://bucket/prefix?endpoint=host:port"
    )


def _key(sha256: str) -> str:
    if not _DIGEST.fullmatch(sha256):
        raise ValueError(f"not a SHA-256 in hex: {sha256!r}")
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _checked(data: bytes, sha256: str) -> bytes:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BadInput(
            f"object {sha256[:12]}", "its bytes have changed in the store", "ingest its file again"
        )
    return data


def _missing(sha256: str) -> BadInput:
    return BadInput(f"object {sha256[:12]}", "not in the object store", "ingest its file again")


class _FolderStore:
    """Objects as files `ab/cd/abcd…` of one folder, readable by their owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with self._available("made"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, data: bytes, media_type: str) -> str:  # noqa: ARG002 (a file has no type)
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._folder / _key(sha256)
        with self._available("written"):
            # A file of another length was damaged from outside: the rename below mends it.
            if path.is_file() and path.stat().st_size == len(data):
                return sha256
            for folder in (path.parent.parent, path.parent):
                if not folder.is_dir():
                    folder.mkdir(mode=0o700, parents=False, exist_ok=True)
                    _sync(folder.parent)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            _sync(path.parent)
        return sha256

    def get(self, sha256: str) -> bytes:
        path = self._folder / _key(sha256)
        with self._available("read"):
            try:
                return _checked(path.read_bytes(), sha256)
            except FileNotFoundError:
                self._folder.stat()  # a folder that is not mounted is not a lost object
                raise _missing(sha256) from None

    def exists(self, sha256: str) -> bool:
        with self._available("read"):
            self._folder.stat()
            return (self._folder / _key(sha256)).is_file()

    @contextlib.contextmanager
    def _available(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable(
                f"object store {self._folder}: cannot be {what} ({error.strerror}); "
                "see that the folder is there, writable and not full"
            ) from error


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _S3Store:
    """Objects `PREFIX/ab/cd/abcd…` of one bucket."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/".lstrip("/")
        self._client, self._where = _client(url)
        with self._available():
            if not self._client.bucket_exists(self._bucket):
                self._make_bucket()

    def put(self, data: bytes, media_type: str) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        with self._available():
            if self._size(sha256) != len(data):
                self._client.put_object(
                    self._bucket, self._name(sha256), BytesIO(data), len(data), media_type
                )
        return sha256

    def get(self, sha256: str) -> bytes:
        from minio.error import S3Error

        with self._available():
            try:
                response = self._client.get_object(self._bucket, self._name(sha256))
            except S3Error as error:
                if error.code == "NoSuchKey":
                    raise _missing(sha256) from None
                raise
            try:
                data = response.read()
            finally:
                response.close()
                response.release_conn()
        return _checked(data, sha256)

    def exists(self, sha256: str) -> bool:
        with self._available():
            return self._size(sha256) is not None

    def _name(self, sha256: str) -> str:
        return self._prefix + _key(sha256)

    def _size(self, sha256: str) -> int | None:
        from minio.error import S3Error

        try:
            return self._client.stat_object(self._bucket, self._name(sha256)).size
        except S3Error as error:
            if error.code == "NoSuchKey":
                return None
            raise

    def _make_bucket(self) -> None:
        from minio.error import S3Error

        try:
            self._client.make_bucket(self._bucket)
        except S3Error as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise

    @contextlib.contextmanager
    def _available(self) -> Iterator[None]:
        from minio.error import InvalidResponseError, MinioException, S3Error
        from urllib3.exceptions import HTTPError

        try:
            yield
        except S3Error as error:
            if error.code in _REFUSALS:
                raise StoreError(
                    f"object store {self._where}: {error.code}; check the keys in "
                    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and their rights to "
                    f"bucket {self._bucket}"
                ) from error
            raise self._unavailable(error.code or "no answer") from error
        except (MinioException, InvalidResponseError, HTTPError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise self._unavailable(str(reason)) from error

    def _unavailable(self, reason: str) -> Unavailable:
        return Unavailable(
            f"object store {self._where}: {reason}; see that it runs, then try again"
        )


_REFUSALS = {
    "AccessDenied",
    "InvalidAccessKeyId",
    "InvalidBucketName",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "NoSuchBucket",
}


def _client(url: str) -> tuple[Minio, str]:
    """Return a client for the server that `url` names, and the server's name for people."""
    import certifi
    import urllib3
    from minio import Minio
    from minio.credentials.providers import (
        AWSConfigProvider,
        ChainedProvider,
        EnvAWSProvider,
        EnvMinioProvider,
    )

    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    wrong = set(options) - {"endpoint", "secure", "region"}
    secure = options.get("secure", "true").lower()
    if wrong or secure not in ("true", "false") or parts.username or parts.password:
        raise StoreError(
            "OBJECT_STORE: an s3:// address takes endpoint, secure (true or false) and region; "
            "put the keys into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    endpoint = options.get("endpoint", "s3.amazonaws.com")
    scheme, separator, host = endpoint.rpartition("://")
    if separator and scheme == "http":
        secure = "false"
    credentials = ChainedProvider([EnvAWSProvider(), EnvMinioProvider(), AWSConfigProvider()])
    try:
        credentials.retrieve()
    except ValueError:
        raise StoreError(
            f"object store {host}: no keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from None
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
        maxsize=8,
        cert_reqs="CERT_REQUIRED",
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
        retries=urllib3.Retry(
            total=_TRIES - 1, backoff_factor=0.3, status_forcelist=[500, 502, 503, 504]
        ),
    )
    try:
        return (
            Minio(
                host.rstrip("/"),
                credentials=credentials,
                secure=secure == "true",
                region=options.get("region"),
                http_client=pool,
            ),
            host,
        )
    except ValueError as error:
        raise StoreError(
            f"OBJECT_STORE: {error}; write s3://bucket/prefix?endpoint=host:port"
        ) from None

"""Buckets of Amazon S3, MinIO and what speaks like them: listed in pages, fetched object by object.

Keys for them are those of the object store: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or
MINIO_ACCESS_KEY, MINIO_SECRET_KEY), or the file that AWS_SHARED_CREDENTIALS_FILE names; without
any, the bucket is read as anybody may.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import certifi

from pipeline.errors import BadInput
from workers.settings import without_password
from workers.sources.entry import Entry
from workers.sources.kinds import SIDE_SUFFIXES
from workers.sources.names import shown
from workers.sources.remote.errors import Later
from workers.sources.remote.http import Fetched, Fetching, body, pool_manager

if TYPE_CHECKING:
    from minio import Minio

PAGE = 1000
"""Objects of one listing: what S3 gives at once."""

_AMAZON = "s3.amazonaws.com"
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchObject"})
_DENIED = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"}
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place in a bucket: `key` is an object's, or the beginning of those of many."""

    host: str
    secure: bool
    region: str | None
    name: str
    key: str

    def at(self, key: str) -> str:
        """Return the address of an object of the same bucket."""
        options = {"endpoint": f"{'https' if self.secure else 'http'}://{self.host}"}
        if self.region:
            options["region"] = self.region
        return f"s3://{self.name}/{quote(key)}?{urlencode(options, safe=':/')}"

    @property
    def hostname(self) -> str:
        return urlsplit(f"//{self.host}").hostname or ""


def bucket_of(address: str, own_store: str | None) -> Bucket:
    """Return what `s3://BUCKET/PREFIX?endpoint=https://HOST&region=NAME` stands for.

    Without an endpoint it is the server of our own object store, or else Amazon's. Raises
    `BadInput` where the address is none.
    """
    none = BadInput(
        shown(without_password(address.partition("?")[0])),
        "it is no address of a bucket",
        "write s3://bucket/prefix?endpoint=https://host, and put keys into AWS_ACCESS_KEY_ID "
        "and AWS_SECRET_ACCESS_KEY",
    )
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that hold no address
        raise none from None
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    wrong = set(options) - {"endpoint", "region", "secure"}
    if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc or wrong:
        raise none
    endpoint, secure, region = options.get("endpoint"), options.get("secure"), options.get("region")
    if endpoint is None and own_store and own_store.startswith("s3://"):
        own = bucket_of(own_store, None)
        endpoint, region = own.host, region or own.region
        secure = secure or str(own.secure)
    scheme, _, host = (endpoint or _AMAZON).rpartition("://")
    plain = scheme == "http" or (secure or "").lower() == "false"
    host, key = host.rstrip("/"), unquote(parts.path.lstrip("/"))
    bucket = Bucket(host, not plain, region, parts.netloc, key)
    try:
        _ = bucket.hostname
    except ValueError:
        raise none from None
    return bucket


def list_page(
    fetching: Fetching, address: str, after: str | None
) -> tuple[list[Entry | BadInput], str | None]:
    """Return the next objects below an address, those that are refused with their reason, and the
    key to go on after (None: that was all). Hidden ones and text beside scans are left out.

    Raises `BadInput` where the bucket is not to be read, `Later` where the server does not answer.
    """
    place = bucket_of(address, fetching.own_store)
    with _troubles(place, address):
        listed = list(
            islice(
                _client(fetching, place).list_objects(
                    place.name, place.key, recursive=True, start_after=after
                ),
                PAGE,
            )
        )
    found: list[Entry | BadInput] = []
    for each in listed:
        key = each.object_name or ""
        own = key.rpartition("/")[2]
        if not own or any(part.startswith(".") for part in key.split("/")):
            continue
        if os.path.splitext(own)[1].lower() in SIDE_SUFFIXES:  # noqa: PTH122 (a key is no path)
            continue
        if (each.size or 0) > fetching.max_bytes:
            found.append(
                BadInput(
                    shown(f"s3://{place.name}/{key}"),
                    f"it is larger than the limit of {fetching.max_bytes:,} bytes",
                    "split it, or raise LEDGERMILL_MAX_BYTES",
                )
            )
        else:
            found.append(Entry("", place.at(key)))
    if after is None and not listed:
        raise BadInput(address, "nothing is there that begins so", "check bucket and prefix")
    return found, listed[-1].object_name if len(listed) == PAGE else None


def get(fetching: Fetching, address: str) -> Fetched:
    """Return an object. Raises as `list_page` does."""
    place = bucket_of(address, fetching.own_store)
    deadline = time.monotonic() + fetching.seconds
    with _troubles(place, address):
        answer = _client(fetching, place).get_object(place.name, place.key)
        try:
            data = body(answer, shown(address), fetching.max_bytes, deadline, fetching)
            return Fetched(address, data, answer.headers.get("ETag"))
        finally:
            answer.close()


def _client(fetching: Fetching, place: Bucket) -> Minio:
    from minio import Minio
    from minio.credentials.providers import (
        AWSConfigProvider,
        ChainedProvider,
        EnvAWSProvider,
        EnvMinioProvider,
    )

    address = f"s3://{place.name}"
    fetching.allowed.check_bucket(place.name, address)
    own = fetching.own_store
    is_own = bool(own and own.startswith("s3://") and bucket_of(own, None).host == place.host)
    if not is_own:  # our own server's address was chosen by who runs it, wherever it may lead
        fetching.allowed.check_host(place.hostname, address)
    credentials: ChainedProvider | None = ChainedProvider(
        [EnvAWSProvider(), EnvMinioProvider(), AWSConfigProvider()]
    )
    try:
        assert credentials is not None
        credentials.retrieve()
    except ValueError:
        credentials = None
    return Minio(
        place.host,
        credentials=credentials,
        secure=place.secure,
        region=place.region,
        http_client=pool_manager(
            None if is_own else fetching.allowed,
            ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
        ),
    )


@contextmanager
def _troubles(place: Bucket, address: str) -> Iterator[None]:
    from minio.error import MinioException, S3Error
    from urllib3.exceptions import HTTPError

    what = shown(address.partition("?")[0])
    try:
        yield
    except S3Error as error:
        if error.code in _MISSING:
            raise BadInput(what, "it is not there", "check bucket and prefix") from error
        if error.code in _DENIED:
            raise BadInput(
                what,
                f"its server says {error.code}",
                "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where the workers run",
            ) from error
        raise Later(f"{what}: {place.host} says {error.code}; it is tried again") from error
    except (MinioException, HTTPError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise Later(f"{what}: {place.host}: {reason}; it is tried again") from error

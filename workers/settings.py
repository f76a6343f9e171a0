"""Settings: environment variables `LEDGERMILL_*` over an optional `ledgermill.toml`.

The toml file is read from the working folder. `DATABASE_URL`, `BROKER_URL`, `OBJECT_STORE` and
`DEVICE` are also accepted without the prefix. Addresses, which hold passwords, may be in files that
`LEDGERMILL_DATABASE_URL_FILE` and so on name. One that is not set means that the embedded service
is used (see `workers.services`).
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from pipeline.errors import LedgermillError

FILE = "ledgermill.toml"
PREFIX = "LEDGERMILL_"
_PLAIN = ("database_url", "broker_url", "object_store", "device")
_ADDRESSES = ("database_url", "broker_url", "reader_url", "object_store")
"""They hold passwords, and may be in files of their own, as secrets of containers are."""


class SettingsError(LedgermillError):
    """A setting that cannot be used as it stands."""


def default_home() -> Path:
    """Return the data folder used where `LEDGERMILL_HOME` is not set.

    It is the user's data folder; for root `/var/lib/ledgermill`, because Postgres refuses to run
    as root and the account it runs as cannot reach into root's home folder.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/ledgermill")
    return Path(platformdirs.user_data_dir("ledgermill"))


class Settings(BaseSettings):
    """Every setting, with its unit in the name or the comment."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid"
    )

    home: Path = Field(default_factory=default_home)
    """The one folder that everything embedded lives in."""

    database_url: str | None = Field(default=None, repr=False)
    broker_url: str | None = Field(default=None, repr=False)
    reader_url: str | None = Field(default=None, repr=False)
    """How `ledgermill sql` logs in, as the role `ledgermill_reader`, where the server of
    `database_url` asks that role for a password."""
    object_store: str | None = Field(default=None, repr=False)
    """`file:///folder` or `s3://bucket/prefix?endpoint=host:port`."""

    device: str = "auto"
    readers: int | None = Field(default=None, ge=1)
    """Processes of one worker that read pages; `None` is one for each core, as far as memory goes,
    and one with a GPU."""
    threads: int | None = Field(default=None, ge=1)
    """Processor threads of one process; `None` is all that it may use, in a worker its share."""

    # Limits on what is read, checked at ingest.
    max_bytes: int = Field(default=2 * 1024**3, ge=1)
    """Of one source file, and of what a ZIP holds, unpacked."""
    max_pixels: int = Field(default=200_000_000, ge=1)
    max_pages: int = Field(default=5_000, ge=1)
    max_open_seconds: float = Field(default=120, gt=0)
    """For opening one source, and again for making each of its page images."""
    max_open_memory: int = Field(default=4 * 1024**3, ge=256 * 1024**2)
    """Bytes of the process that opens a source."""

    # Sources on other machines.
    allowed_hosts: Annotated[tuple[str, ...] | None, NoDecode] = None
    """The only hosts that may be asked: names, patterns (`*.example.org`), and the addresses or
    networks that need not be public, separated by commas. None is whoever a command names."""
    allowed_buckets: Annotated[tuple[str, ...] | None, NoDecode] = None
    """The only buckets that may be read, as names or patterns; None is what a command names."""
    fetch_seconds: float = Field(default=300, gt=0)
    """For one file to arrive."""
    fetches_per_second: float = Field(default=5, gt=0)
    """Requests to one host, of all workers together."""

    # The queue.
    shard_pages: int = Field(default=16, ge=1, le=1024)
    window_shards: int = Field(default=64, ge=1)
    """Shards that wait in the broker at most; the rest wait in Postgres."""
    max_attempts: int = Field(default=3, ge=1)
    heartbeat_seconds: float = Field(default=5, gt=0)
    stale_seconds: float = Field(default=60, gt=0)
    """A page without a heartbeat for so long is given to another worker."""
    page_seconds: float = Field(default=300, gt=0)
    max_read_memory: int | None = Field(default=None, ge=256 * 1024**2)
    """Bytes of the process that reads pages; `None` is four fifths of what there is."""

    # Questions.
    sql_seconds: float = Field(default=10, gt=0)
    sql_rows: int = Field(default=10_000, ge=1)

    # The web application.
    public_url: str | None = None
    """Where people reach it, such as https://ledgers.example.org; None is where it listens."""
    public_reading: bool = False
    """Whether anybody may look at scans and what was read on them, without signing in."""
    requests_per_minute: int = Field(default=30_000, ge=1)
    """Of one user at one address; what costs much and who is not signed in have less."""

    # Being watched.
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Where `ledgermill worker` answers `/metrics` and `/healthz`; None is nowhere."""
    metrics_host: str = "127.0.0.1"
    """The address to listen on; whoever reaches it sees numbers, but no pages and no names."""
    health_seconds: float = Field(default=600, gt=0)
    """A worker that has work and finishes nothing for so long is unhealthy; let it be more than
    `page_seconds`, after which a stuck page is given up."""
    task_events: bool = False
    """Tell whoever listens at the broker, such as Flower, which shards are begun and ended."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("allowed_hosts", "allowed_buckets", mode="before")
    @classmethod
    def _listed(cls, said: object) -> object:
        if isinstance(said, str):
            return tuple(item.strip() for item in said.split(",") if item.strip())
        return said

    @field_validator("device")
    @classmethod
    def _known(cls, device: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
            raise ValueError("a device is auto, cpu, cuda or, say, cuda:0")
        return device

    @field_validator("database_url", "reader_url")
    @classmethod
    def _psycopg(cls, url: str | None) -> str | None:
        if url is None:
            return None
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
            raise ValueError("a Postgres address looks like postgresql://user:password@host/name")
        return f"postgresql+psycopg://{rest}"

    @field_validator("public_url")
    @classmethod
    def _web(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not re.fullmatch(r"https?://[\w.-]+(:\d+)?/?|https?://\[[\da-f:]+\](:\d+)?/?", url):
            raise ValueError("an address of the web looks like https://ledgers.example.org")
        return url.rstrip("/")

    @field_validator("broker_url")
    @classmethod
    def _redis(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("redis://", "rediss://", "redis+socket://")):
            raise ValueError("a broker address looks like redis://host:6379/0")
        return url

    @field_validator("object_store")
    @classmethod
    def _store(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("file:///", "s3://")):
            raise ValueError("an object store looks like file:///folder or s3://bucket/prefix")
        return url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the signature is given)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
            env_settings,
            _Source(settings_cls, _plain_environment()),
            _Source(settings_cls, _secret_files()),
            _Source(settings_cls, _file(Path(FILE))),
        )


class _Source(PydanticBaseSettingsSource):
    """Values that were read beforehand."""

    def __init__(self, settings_cls: type[BaseSettings], values: dict[str, Any]) -> None:
        super().__init__(settings_cls)
        self._values = values

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._values


def _plain_environment() -> dict[str, Any]:
    return {name: os.environ[name.upper()] for name in _PLAIN if os.environ.get(name.upper())}


def _secret_files() -> dict[str, Any]:
    """Return what the files hold that `LEDGERMILL_NAME_FILE` or `NAME_FILE` lead to."""
    found = {}
    for name in _ADDRESSES:
        for variable in (f"{PREFIX}{name.upper()}_FILE", f"{name.upper()}_FILE"):
            if path := os.environ.get(variable):
                try:
                    found[name] = Path(path).read_text("utf-8").strip()
                except (OSError, ValueError) as error:
                    raise SettingsError(f"{variable}: {path} cannot be read ({error})") from error
                break
    return found


def _file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IWOTH:
                raise SettingsError(
                    f"{path.absolute()}: anybody may write to it, and it says where everything "
                    f"goes; chmod o-w {path}"
                )
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path.absolute()}: cannot be read ({error}); mend it") from error


@cache
def settings() -> Settings:
    """Return the settings of this process. Raises `SettingsError` with the one at fault."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"{name}: no such setting; remove it from {FILE}") from None
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(
            f"{PREFIX}{name.upper()}: {reason}; change it in the environment or in {FILE}"
        ) from None


def without_password(url: str) -> str:
    """Return `url` with its password, also one given as a query parameter, shown as `***`."""
    url = re.sub(r"(://[^/?@:]*):[^/?]*@", r"\1:***@", url, count=1)
    hidden = "password|secret|token|signature|credential|api_?key"
    return re.sub(rf"(?i)([?&][^=&]*(?:{hidden})[^=&]*=)[^&]*", r"\1***", url)


def hide_passwords(text: str) -> str:
    """Return `text` with the passwords of all addresses in it shown as `***`."""
    return re.sub(r"(\b[a-z][a-z0-9+]*://[^\s/?@:]*):[^\s/?@]*@", r"\1:***@", text, flags=re.I)

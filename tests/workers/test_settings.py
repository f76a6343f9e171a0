from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.settings import (
    Settings,
    SettingsError,
    hide_passwords,
    settings,
    without_password,
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Each test reads its own settings, in a working folder without a settings file."""
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_nothing_set_means_embedded() -> None:
    found = settings()
    assert (found.database_url, found.broker_url, found.object_store) == (None, None, None)
    assert found.shard_pages == 16
    assert found.max_attempts == 3
    assert settings() is found


def test_the_environment_goes_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ledgermill.toml").write_text('max_pages = 7\nthreads = 2\ndevice = "cpu"\n')
    monkeypatch.setenv("LEDGERMILL_THREADS", "3")
    found = settings()
    assert (found.max_pages, found.threads, found.device) == (7, 3, "cpu")


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("DATABASE_URL", "postgres://u@h/d", "database_url"),
        ("BROKER_URL", "redis://h/0", "broker_url"),
        ("OBJECT_STORE", "s3://bucket/prefix?endpoint=h:1", "object_store"),
        ("DEVICE", "cuda:0", "device"),
    ],
)
def test_addresses_need_no_prefix(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, field: str
) -> None:
    (tmp_path / "ledgermill.toml").write_text('device = "cpu"\n')
    monkeypatch.setenv(name, value)
    expected = value.replace("postgres://", "postgresql+psycopg://")
    assert getattr(settings(), field) == expected


def test_the_prefix_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICE", "cuda:1")
    monkeypatch.setenv("LEDGERMILL_DEVICE", "cpu")
    assert settings().device == "cpu"


@pytest.mark.parametrize("name", ["DATABASE_URL", "BROKER_URL", "OBJECT_STORE", "DEVICE"])
def test_an_empty_address_is_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    monkeypatch.setenv(f"LEDGERMILL_{name}", "")
    assert settings().database_url is None
    assert settings().device == "auto"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://h/d"),
        ("BROKER_URL", "amqp://h"),
        ("OBJECT_STORE", "/folder"),
        ("DEVICE", "gpu"),
        ("MAX_PIXELS", "-1"),
        ("SHARD_PAGES", "many"),
    ],
)
def test_a_wrong_value_names_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"LEDGERMILL_{name}", value)
    with pytest.raises(SettingsError, match=rf"^LEDGERMILL_{name}: .*; change it") as caught:
        settings()
    assert "\n" not in str(caught.value)


def test_a_password_in_a_wrong_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://joe:hunter2@h/d")
    with pytest.raises(SettingsError) as caught:
        settings()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["no_such = 1\n", "broken", "threads = 'x'\n"])
def test_a_wrong_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "ledgermill.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"ledgermill\.toml"):
        settings()


def test_nothing_secret_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://joe:hunter2@h/d")
    assert "hunter2" not in repr(settings())


def test_a_home_is_absolute() -> None:
    assert Settings(home=Path("relative")).home.is_absolute()
    assert Settings(home=Path("~/mill")).home == Path.home() / "mill"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://joe:hunter2@h/d", "postgresql://joe:***@h/d"),
        ("postgresql://joe:hunter@2@h/d?x=1", "postgresql://joe:***@h/d?x=1"),
        (
            "postgresql:///d?host=/tmp/a&password=x&c=2",
            "postgresql:///d?host=/tmp/a&password=***&c=2",
        ),
        ("redis://:hunter2@h:1/0", "redis://:***@h:1/0"),
        ("redis+socket:///a/b", "redis+socket:///a/b"),
        (
            "s3://bucket/prefix?endpoint=localhost:9000",
            "s3://bucket/prefix?endpoint=localhost:9000",
        ),
        ("file:///a@b/c", "file:///a@b/c"),
    ],
)
def test_without_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_a_file_that_anybody_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledgermill.toml"
    path.write_text("threads = 2\n")
    path.chmod(0o646)
    with pytest.raises(SettingsError, match=r"anybody may write to it.*chmod o-w"):
        settings()
    path.chmod(0o644)
    assert settings().threads == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:pw@h/0 is away", "redis://:***@h/0 is away"),
        ("(postgresql+psycopg://u:p%40w@h:1/d)", "(postgresql+psycopg://u:***@h:1/d)"),
        ("a://u:1@h b://u:2@h", "a://u:***@h b://u:***@h"),
        ("s3://bucket/prefix?endpoint=http://h:9000", "s3://bucket/prefix?endpoint=http://h:9000"),
        ("at 12:30, mail a@b.c", "at 12:30, mail a@b.c"),
    ],
)
def test_passwords_are_hidden_wherever_they_stand(text: str, shown: str) -> None:
    assert hide_passwords(text) == shown


def test_addresses_may_be_in_files_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("postgresql://joe:hunter2@h/d\n")
    monkeypatch.setenv("LEDGERMILL_DATABASE_URL_FILE", str(tmp_path / "secret"))
    assert settings().database_url == "postgresql+psycopg://joe:hunter2@h/d"
    assert "hunter2" not in repr(settings())
    monkeypatch.setenv("LEDGERMILL_DATABASE_URL", "postgresql://u@other/d")
    settings.cache_clear()
    assert settings().database_url == "postgresql+psycopg://u@other/d"
    monkeypatch.setenv("BROKER_URL_FILE", str(tmp_path / "none"))
    settings.cache_clear()
    with pytest.raises(SettingsError, match=r"^BROKER_URL_FILE: .*none cannot be read"):
        settings()


def test_who_may_be_asked_is_a_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert settings().allowed_hosts is None
    (tmp_path / "ledgermill.toml").write_text('allowed_buckets = ["scans", "in-*"]\n')
    monkeypatch.setenv("LEDGERMILL_ALLOWED_HOSTS", " iiif.example.org, 10.0.0.0/8,")
    settings.cache_clear()
    assert settings().allowed_hosts == ("iiif.example.org", "10.0.0.0/8")
    assert settings().allowed_buckets == ("scans", "in-*")

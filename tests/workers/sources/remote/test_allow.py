"""Nothing leads into this machine or its networks, unless somebody said so."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BadInput, Unavailable
from tests.workers.sources.remote.server import serving
from workers.settings import Settings
from workers.sources.remote.allow import Allowed, is_public
from workers.sources.remote.errors import Later
from workers.sources.remote.http import Fetching, _pause, fetch


def allowed(hosts: str | None = None, granted: tuple[str, ...] = ()) -> Allowed:
    return Allowed.by(Settings(allowed_hosts=hosts), granted)


class NoPace:
    def turn(self, host: str) -> None:
        pass

    def hold(self, host: str, seconds: float) -> None:
        pass


def fetching(allowed: Allowed, seconds: float = 5, most: int = 10**6) -> Fetching:
    return Fetching(allowed, NoPace(), most, seconds)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1 127.8.9.1 0.0.0.0 10.0.0.1 172.16.3.4 192.168.1.1 169.254.169.254 100.64.0.1",
        "224.0.0.1 255.255.255.255 240.0.0.1 192.0.2.1 198.18.0.1",
        ":: ::1 fe80::1 fc00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1",
        "2002:7f00:1:: 2001:db8::1",
    ],
)
def test_what_is_not_public(address: str) -> None:
    for each in address.split():
        assert not is_public(ipaddress.ip_address(each)), each


@pytest.mark.parametrize("address", ["8.8.8.8", "193.0.14.129", "2a00:1450:4001:81d::200e"])
def test_what_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@settings(max_examples=50, deadline=None)
@given(st.ip_addresses(v=4))
def test_an_address_is_as_public_inside_of_another(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.ip_address(f"::ffff:{address}")
    assert is_public(mapped) == is_public(address)


def test_without_a_list_only_what_was_written_down_is_asked() -> None:
    own = allowed(None, ("iiif.example.org",))
    assert own.host("IIIF.example.org")
    assert not own.host("images.example.org")
    assert not own.host("169.254.169.254")


def test_a_list_says_all() -> None:
    listed = allowed("*.example.org, 10.1.0.0/16", ("elsewhere.net",))
    assert listed.host("images.example.org")
    assert not listed.host("elsewhere.net"), "what was written down does not count beside a list"
    assert not listed.host("example.org.evil.net")
    assert listed.host("10.1.2.3")
    assert not listed.host("10.2.0.1")
    assert not allowed("none").host("none.example.org")


def test_a_name_must_not_stand_for_this_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def stands_for(*addresses: str) -> None:
        found = [(0, 0, 0, "", (each, 80)) for each in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    own = allowed("evil.example.org,10.1.0.0/16")
    stands_for("93.184.215.14", "10.1.2.3")
    assert own.addresses("evil.example.org", 80) == ["93.184.215.14", "10.1.2.3"]
    stands_for("93.184.215.14", "127.0.0.1")
    with pytest.raises(BadInput, match=r"stands for 127\.0\.0\.1, which is no public address; add"):
        own.addresses("evil.example.org", 80)


def test_a_name_that_changes_its_mind_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: public when it is checked, this machine when it is connected to."""
    real = socket.getaddrinfo
    asked: list[str] = []

    def rebinding(host: str, *rest: object, **more: object) -> object:
        if host != "rebind.example.org":
            return real(host, *rest, **more)  # type: ignore[arg-type]
        asked.append(host)
        address = "192.0.0.9" if len(asked) == 1 else "127.0.0.1"  # public, and nobody's
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    connected: list[object] = []

    def connect(address: object, *_: object, **__: object) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("workers.sources.remote.http.create_connection", connect)
    own = allowed(None, ("rebind.example.org",))
    with pytest.raises(Later):
        fetch(fetching(own), "http://rebind.example.org/")
    assert connected == [("192.0.0.9", 80)], "the address that was checked, by number"
    with pytest.raises(BadInput, match="no public address"):
        fetch(fetching(own), "http://rebind.example.org/")
    assert len(connected) == 1


@pytest.mark.parametrize(
    "address",
    [
        *("ftp://h/x", "file:///etc/passwd", "http://", "http:///x", "http://h:99999/"),
        *("gopher://127.0.0.1/", "http://h /x", "http://h\\@127.0.0.1/", "//h/x", "javascript:1"),
    ],
)
def test_other_addresses_are_none(address: str) -> None:
    with pytest.raises(BadInput, match=r"no address of the web|not among the hosts"):
        fetch(fetching(allowed(None, ("h",))), address)


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(BadInput) as caught:
        fetch(fetching(allowed(None, ("h",))), "http://joe:hunter2@h/x")
    assert "hunter2" not in str(caught.value)


def test_limits_of_bytes_and_time() -> None:
    own = allowed("127.0.0.1")
    with serving() as site:
        large = site.add("/large", bytes(2000))
        with pytest.raises(BadInput, match="larger than the limit of 1,000 bytes"):
            fetch(fetching(own, most=1000), large)
        site.fault = lambda path, count: "slow"
        with pytest.raises(Later, match=r"took longer than 0\.1 seconds"):
            fetch(fetching(own, seconds=0.1), large)


def test_what_has_not_changed_is_not_sent_again() -> None:
    with serving() as site:
        address = site.add(
            "/x",
            lambda headers: (
                (304, {}, b"")
                if headers.get("If-None-Match") == '"1"'
                else (200, {"ETag": '"1"'}, b"data")
            ),
        )
        first = fetch(fetching(allowed("127.0.0.1")), address)
        assert (first.data, first.mark) == (b"data", '"1"')
        assert fetch(fetching(allowed("127.0.0.1")), address, mark=first.mark).data is None


def test_a_host_that_is_not_there_may_come() -> None:
    own = allowed(None, ("no-such-host.invalid",))
    with pytest.raises(Unavailable):
        fetch(fetching(own), "http://no-such-host.invalid/x")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("-3", 0.0),
        ("nan", None),
        ("1e9", 3600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after(said: str | None, seconds: float | None) -> None:
    assert _pause(said) == seconds

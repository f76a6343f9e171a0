"""Which servers may be asked: the allow-list, and the addresses that its names may stand for.

A name is allowed where it is listed, or where whoever started the job wrote it down and there is no
list. The address that it stands for must be public, unless the list holds it or its network: so no
name that somebody else controls leads into this network, whatever it resolves to, and when.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pipeline.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from workers.settings import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
SETTING = "LEDGERMILL_ALLOWED_HOSTS"
BUCKETS = "LEDGERMILL_ALLOWED_BUCKETS"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may be asked. `names` is None where nobody made a list, and what is `granted` counts.

    Names are in lower case and may hold `*`; `networks` are addresses that need not be public.
    """

    names: frozenset[str] | None
    networks: tuple[Network, ...]
    buckets: frozenset[str] | None
    granted: frozenset[str]

    @classmethod
    def by(cls, settings: Settings, granted: Collection[str] = ()) -> Allowed:
        """Return what the settings allow; `granted` are the hosts and buckets of the command."""
        listed = settings.allowed_hosts
        networks = [network for item in listed or () if (network := _network(item))]
        buckets = settings.allowed_buckets
        return cls(
            names=None if listed is None else frozenset(item.lower() for item in listed),
            networks=tuple(networks),
            buckets=None if buckets is None else frozenset(buckets),
            granted=frozenset(granted),
        )

    def host(self, host: str) -> bool:
        """Tell whether a host may be asked, by its name alone."""
        name = host.lower().rstrip(".")
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            pass
        else:
            if any(address in network for network in self.networks):
                return True
        if self.names is None:
            return name in self.granted
        return any(fnmatchcase(name, listed) for listed in self.names)

    def check_host(self, host: str, what: str) -> None:
        """Raise `BadInput` where a host may not be asked."""
        if not self.host(host):
            raise BadInput(
                what, f"{host} is not among the hosts that may be asked", remedy(self, host)
            )

    def check_bucket(self, bucket: str, what: str) -> None:
        """Raise `BadInput` where a bucket may not be read."""
        if self.buckets is None and f"s3://{bucket}" in self.granted:
            return
        if not any(fnmatchcase(bucket, listed) for listed in self.buckets or ()):
            raise BadInput(
                what,
                f"{bucket} is not among the buckets that may be read",
                f"add it to {BUCKETS} where the workers run, if it is to be",
            )

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses to connect to, every one of them checked.

        Raises `BadInput` where any is neither public nor allowed, and `Unavailable` where the
        name stands for none at the moment.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Unavailable(f"{host}: no such host ({error}); check the address") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for text in addresses:
            address = ipaddress.ip_address(text.partition("%")[0])
            if not (is_public(address) or any(address in network for network in self.networks)):
                raise BadInput(
                    host,
                    f"it stands for {text}, which is no public address",
                    f"add {text} to {SETTING} if it is to be asked",
                )
        return addresses


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the open Internet: none of this machine or its networks."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo:
            inner = address.teredo[1]
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_link_local
    )


def remedy(allowed: Allowed, *hosts: str) -> str:
    """Return what to do so that hosts are asked."""
    known = sorted(allowed.names if allowed.names is not None else allowed.granted)
    named = ",".join(dict.fromkeys([*(x for x in known if "://" not in x), *hosts]))
    return f"if you trust it, set {SETTING}={named} where the workers run"


def _network(item: str) -> Network | None:
    try:
        return ipaddress.ip_network(item, strict=False)
    except ValueError:
        return None

"""The addresses under which a server is reached: those it prints, and those it answers to."""

from __future__ import annotations

import contextlib
import ipaddress
import socket

import ifaddr

_LOCAL = ("127.0.0.1", "localhost", "[::1]")


def allowed_hosts(host: str, port: int) -> frozenset[str]:
    """Return the values of the header ``Host`` that a server accepts which listens on ``host``.

    With DNS rebinding, a page of another site can make a browser send requests to this server, but only under the name
    of that site. The port is compared too, which starlette's ``TrustedHostMiddleware`` does not do.
    """
    names = set(_LOCAL)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        names.add(host.lower())
    else:
        names.add(f"[{address}]" if address.version == 6 else str(address))
        if address.is_unspecified:
            names |= {socket.gethostname().lower(), socket.getfqdn().lower(), *own_addresses()}
    return frozenset({f"{name}:{port}" for name in names} | (names if port in (80, 443) else set()))


def own_addresses() -> list[str]:
    """Return the addresses of this machine's network interfaces, as they stand in a URL, those of IPv4 first.

    The name of the machine does not tell them: on Debian it stands for 127.0.1.1.
    """
    found: set[ipaddress.IPv4Address | ipaddress.IPv6Address] = set()
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            with contextlib.suppress(ValueError):
                found.add(ipaddress.ip_address(entry.ip if isinstance(entry.ip, str) else entry.ip[0]))
    usable = [address for address in found if not (address.is_loopback or address.is_link_local)]
    ordered = sorted(usable, key=lambda address: (address.version, address.packed))
    return [f"[{address}]" if address.version == 6 else str(address) for address in ordered]


def is_local(host: str) -> bool:
    """Return whether a server that listens on ``host`` can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def addresses(host: str, port: int, token: str, scheme: str = "http") -> list[str]:
    """Return the addresses to open, token included: of a server that listens on all interfaces first the local one."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        names = ["127.0.0.1", *own_addresses()]
    else:
        names = ["127.0.0.1" if host == "localhost" else f"[{host}]" if ":" in host else host]
    return [f"{scheme}://{name}:{port}/?token={token}" for name in names]

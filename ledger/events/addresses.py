"""Where webhooks may lead: public addresses over https, unless the installation allows others."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from ledger.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_URL_LENGTH = 2000
# IPv6 addresses that carry an IPv4 address in their last 32 bits.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """Host and port that a URL leads to."""

    host: str
    port: int


def check_url(url: str) -> Target:
    """The URL's host and port; a public address now, whatever it will be later.

    Raises Refused `webhook_url_malformed`, `webhook_not_https`, `webhook_host_unknown`, `webhook_address_private`.
    """
    target = parse_url(url)
    resolve(target.host, target.port)
    return target


def parse_url(url: str) -> Target:
    """The URL's host and port, without a look at where it is.

    Raises Refused `webhook_url_malformed`, `webhook_not_https`.
    """
    malformed = Refused("webhook_url_malformed", f"{url[:200]!r} is not the URL of a web server", field="url")
    if len(url) > _URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        raise malformed
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise malformed from None
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None or port == 0 or parts.fragment:
        raise malformed
    if parts.scheme == "http" and not settings.WEBHOOKS_ALLOW_PRIVATE:
        raise Refused("webhook_not_https", f"{url[:200]} is not sent over https", field="url")
    return Target(host, port or (443 if parts.scheme == "https" else 80))


def resolve(host: str, port: int) -> list[str]:
    """Addresses of the host, every one of them allowed.

    Raises Refused `webhook_host_unknown`, `webhook_address_private`.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused("webhook_host_unknown", f"{host} has no address", field="url") from None
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    for address in addresses:
        if not (settings.WEBHOOKS_ALLOW_PRIVATE or is_public(address)):
            detail = f"{host} is at {address}, which is no public address"
            raise Refused("webhook_address_private", detail, field="url")
    return addresses


def is_public(text: str) -> bool:
    """Whether an address is one of the public internet, also the IPv4 address that an IPv6 one stands for."""
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:
        # One with a zone is of a local network.
        return False
    inner = _inner(address)
    if inner is not None:
        return is_public(str(inner))
    local = address.is_private or address.is_loopback or address.is_link_local or address.is_reserved
    other = address.is_multicast or address.is_unspecified or getattr(address, "is_site_local", False)
    return address.is_global and not local and not other


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour

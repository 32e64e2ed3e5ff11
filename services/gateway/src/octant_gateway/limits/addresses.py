"""Who a client is: the peer, or whom a proxy that we trust names in `X-Real-IP`."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from octant_gateway.edge import App, Message, Receive, Send

REAL_IP = b"x-real-ip"
UNKNOWN = "127.0.0.1"  # of a peer without an address
PRIVATE = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"


class Proxies:
    """`networks`: a list with commas; ValueError when it is none."""

    def __init__(self, networks: str) -> None:
        self._networks = [ip_network(text.strip()) for text in networks.split(",") if text.strip()]
        self.trusts = lru_cache(4096)(self._trusts)

    def __repr__(self) -> str:
        return ",".join(map(str, self._networks))

    def _trusts(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def behind(proxies: Proxies, app: App) -> App:
    """`app`, which finds `X-Real-IP` only where it can be believed."""

    async def respond(scope: Message, receive: Receive, send: Send) -> None:
        if real_ip(scope) is not None and not proxies.trusts(peer_address(scope)):
            scope["headers"] = [item for item in scope["headers"] if item[0] != REAL_IP]
        await app(scope, receive, send)

    return respond


def real_ip(scope: Message) -> str | None:
    """As the ingress tells it, empty or not; None when it tells nothing. The last one counts."""
    told: bytes | None = None
    for name, value in scope["headers"]:
        if name == REAL_IP:
            told = value
    return None if told is None else told.decode("latin-1")


def peer_address(scope: Message) -> str:
    peer: str = (scope.get("client") or (UNKNOWN,))[0]
    return peer


def client_address(scope: Message) -> str:
    """Of a request that came through `behind`."""
    return real_ip(scope) or peer_address(scope)

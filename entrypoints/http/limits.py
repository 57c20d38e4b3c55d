"""How much one caller may ask for, and all of them together."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes, seconds and counts."""

    body_bytes: int = 4 * 1024 * 1024  # as the MCP library's own
    header_bytes: int = 16 * 1024
    headers: int = 64
    header_seconds: float = 10.0  # from a connection's begin, or from a request's first byte, to its last header
    idle_seconds: float = 30.0  # an open connection without a request
    body_seconds: float = 30.0
    write_seconds: float = 30.0  # in which a reader must take a piece of an answer
    connections: int = 1_000
    requests: int = 64  # at once, all callers together
    requests_per_token: int = 32
    streams: int = 256  # open for the server's own messages
    streams_per_token: int = 16
    sessions: int = 1_000  # of clients that shake hands, a role
    session_seconds: float = 1_800.0  # after so long without a request it is forgotten
    rate: float = 100.0  # requests a second and token,
    burst: int = 200  # and so many at once
    failure_rate: float = 0.2  # failed authentications a second and address,
    failure_burst: int = 10
    stream_check_seconds: float = 5.0  # so soon a stream ends whose token was revoked


class Buckets:
    """A token bucket a caller; of the callers, only the latest are remembered.

    >>> buckets = Buckets(rate=1, burst=2, clock=lambda: 0.0)
    >>> [buckets.take("a"), buckets.take("a"), buckets.take("a"), buckets.take("b")]
    [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(
        self, rate: float, burst: int, most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._most = most
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """0 when it had one left; else the seconds until it has."""
        level, now = self._level(caller)
        wait = max(0.0, (1.0 - level) / self._rate)
        self._levels[caller] = (level if wait else level - 1.0, now)
        self._levels.move_to_end(caller)
        while len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return wait

    def wait(self, caller: str) -> float:
        """What `take` would say, without taking."""
        return max(0.0, (1.0 - self._level(caller)[0]) / self._rate)

    def __len__(self) -> int:
        return len(self._levels)

    def _level(self, caller: str) -> tuple[float, float]:
        now = self._clock()
        level, then = self._levels.get(caller, (self._burst, now))
        return min(self._burst, level + (now - then) * self._rate), now


class Recent:
    """The latest so many names."""

    def __init__(self, most: int = 1_000) -> None:
        self._most = most
        self._names: OrderedDict[str, None] = OrderedDict()

    def add(self, name: str) -> None:
        self._names[name] = None
        self._names.move_to_end(name)
        while len(self._names) > self._most:
            self._names.popitem(last=False)

    def discard(self, name: str) -> None:
        self._names.pop(name, None)

    def __contains__(self, name: str) -> bool:
        return name in self._names


def neighbourhood(address: str) -> str:
    """Whose failures count together: an address; of IPv6, its /64, which one subscriber has whole.

    >>> neighbourhood("2001:db8::7:1"), neighbourhood("192.0.2.7")
    ('2001:db8::/64', '192.0.2.7')
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address) or parsed.ipv4_mapped:
        return str(getattr(parsed, "ipv4_mapped", None) or parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))

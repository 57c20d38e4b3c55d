"""Which names a request may call us by, and which pages may send one: what stops DNS rebinding."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from session_mgmt_mcp.http.refusal import Refusal
from session_mgmt_mcp.ports.errors import Invalid

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Names:
    """`hosts` without ports, `origins` as `https://name:port`; both in small letters."""

    hosts: frozenset[str]
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, hosts: Collection[str] = (), origins: Collection[str] = ()) -> "Names":
        """Beside the loopback's own, which are always known. Raises Invalid."""
        for host in hosts:
            if not bare(host) or set(host) & set("*/@ "):
                raise Invalid(
                    f"--allow-host {host[:100]}: give a name or an address without a port, as memory.example.org."
                )
        for one in origins:
            if not origin(one):
                raise Invalid(f"--allow-origin {one[:100]}: give scheme, name and port, as https://app.example.org.")
        return cls(LOOPBACK | {bare(host) for host in hosts}, frozenset(origin(one) for one in origins))

    def check(self, host: str, sent_from: str | None, scheme: str) -> None:
        """`host` and `sent_from` are the headers Host and Origin. Raises Refusal."""
        if bare(host) not in self.hosts:
            raise Refusal(421, "This server does not go by that name: whoever runs it can allow it with --allow-host.")
        if sent_from is None or origin(sent_from) in self.origins or origin(sent_from) == origin(f"{scheme}://{host}"):
            return
        raise Refusal(403, "Pages of that origin may not call: whoever runs the server can --allow-origin it.")


def bare(host: str) -> str:
    """A name without its port.

    >>> bare("LOCALHOST:80"), bare("[::1]:80"), bare("::1"), bare("a.example.")
    ('localhost', '::1', '::1', 'a.example')
    """
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return (name if name.count(":") > 1 else name.partition(":")[0]).rstrip(".")


def origin(text: str) -> str:
    """In one spelling; what is no origin, such as `null`, is empty and equals none.

    >>> origin("HTTPS://a.example:443"), origin("null")
    ('https://a.example', '')
    """
    try:
        parsed = urlsplit(text.strip().lower())
        port = parsed.port
    except ValueError:
        return ""
    if not parsed.scheme or not parsed.hostname or parsed.path.strip("/") or parsed.query or parsed.fragment:
        return ""
    usual = {"http": 80, "https": 443}.get(parsed.scheme)
    name = f"[{parsed.hostname}]" if ":" in parsed.hostname else parsed.hostname.rstrip(".")
    return f"{parsed.scheme}://{name}" + (f":{port}" if port not in (None, usual) else "")

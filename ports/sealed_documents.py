"""A document as bytes that tell whether they are whole: what adapters over files and objects keep.

Two lines of JSON: the SHA-256 of the second, and the document.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from session_mgmt_mcp.ports.errors import Unsupported
from session_mgmt_mcp.ports.session_storage import Document
from session_mgmt_mcp.ports.vector_store import Json

FORMAT = 1


def sealed(collection: str, document: Document, text: str, **beside: Json) -> bytes:
    """`text` is the body as `as_json` gives it; `beside` is kept with it and is no part of the document."""
    about = {
        "format": FORMAT,
        "collection": collection,
        "id": document.id,
        "version": document.version,
        "updated": document.updated.isoformat(),
        "expires": document.expires and document.expires.isoformat(),
        **beside,
    }
    line = f'{json.dumps(about)[:-1]}, "body": {text}}}\n'.encode()
    return _seal(line) + line


def unsealed(data: bytes, collection: str, id: str) -> tuple[Document, Mapping[str, Any]]:
    """The document, and the whole line with what was kept beside it.

    Raises ValueError, which says how it is damaged, and Unsupported for what a newer version wrote.
    """
    seal, end, line = data.partition(b"\n")
    if seal + end != _seal(line):
        raise ValueError("is damaged")
    found: dict[str, Any] = json.loads(line)
    if found["format"] != FORMAT:
        raise Unsupported(f"{collection}/{id} was written by a newer session-mgmt-mcp: install that one.")
    if (found["collection"], found["id"]) != (collection, id):
        raise ValueError("holds another document")
    expires = found["expires"] and datetime.fromisoformat(found["expires"])
    return Document(id, found["version"], found["body"], datetime.fromisoformat(found["updated"]), expires), found


def _seal(line: bytes) -> bytes:
    return b'{"sha256": "%s"}\n' % hashlib.sha256(line).hexdigest().encode()

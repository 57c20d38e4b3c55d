"""Vectors for a copy: those of the original where its text is the same, made in the call where it is not."""

from collections.abc import Sequence
from dataclasses import replace

from session_mgmt_mcp.domain.parts import embedding_text
from session_mgmt_mcp.ports.embedder import Embedder
from session_mgmt_mcp.ports.errors import Corrupt, Unavailable
from session_mgmt_mcp.ports.vector_store import Record, VectorStore


async def embedded(
    copies: Sequence[Record], original: str, store: VectorStore, embedder: Embedder
) -> tuple[list[Record], str]:
    """The copies with their vectors, and why one may lack its own: then it is found by word only.

    `copies` are a whole record and its parts; `store` has the `original`.
    """
    try:
        model = embedder.model_id
        ready = await _copied(copies, original, store, model)
        missing = [record for record in ready if record.vector is None]
        if not missing:
            return ready, ""
        vectors = await embedder.embed_documents([embedding_text(record) for record in missing])
    except (Unavailable, Corrupt) as error:
        return list(copies), f"Found by word only until it is shared again: {error}"
    made = dict(zip((record.id for record in missing), vectors, strict=True))
    return [replace(one, vector=made[one.id], model_id=model) if one.id in made else one for one in ready], ""


async def _copied(copies: Sequence[Record], original: str, store: VectorStore, model: str) -> list[Record]:
    from_id = {copy.id: original + copy.id.removeprefix(copies[0].id) for copy in copies}
    known = {one.id: one for one in await store.get(list(from_id.values()))}
    vectors = await store.vectors(list(known))

    def taken(copy: Record) -> Record:
        one = known.get(from_id[copy.id])
        same = one is not None and (one.text, one.role, one.model_id) == (copy.text, copy.role, model)
        vector = vectors.get(from_id[copy.id]) if same else None
        return copy if vector is None else replace(copy, vector=vector, model_id=model)

    return [taken(copy) for copy in copies]

"""XML as it streams by: no tree, no entities, nothing fetched."""

from collections.abc import Callable, Mapping, Sequence
from xml.parsers import expat

Start = Callable[[Sequence[str], Mapping[str, str]], None]
"""Is given the open elements, the outermost first, and the attributes of the innermost."""


class NotRead(ValueError):
    """Not well-formed, or with entities of its own."""


def stream(raw: bytes, start: Start) -> None:
    """Calls `start` for each element. Raises NotRead."""
    parser = expat.ParserCreate(namespace_separator=None)
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    opened: list[str] = []

    def begin(name: str, attributes: Mapping[str, str]) -> None:
        opened.append(name.rpartition(":")[2])
        start(opened, attributes)

    def end(_: str) -> None:
        opened.pop()

    def entity(*_: object) -> None:
        raise NotRead("it declares entities")

    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise NotRead(str(error)) from None

"""What every CodeParser does."""

from session_mgmt_mcp.ports.code_parser import CodeParser, ConstructKind, Parsed, Source

PYTHON = """\
import os

class Cart:
    def total(self):
        # sum
        for price in self.prices:
            if price:
                return price
tax = 3
"""
GO = "func (c *Cart) Total() int {\n\tfor _, price := range c.prices {\n\t\treturn price\n\t}\n}"


def kinds(parsed: Parsed, kind: ConstructKind) -> list[tuple[str, int, int]]:
    return [(one.name, one.first, one.last) for one in parsed.constructs if one.kind is kind]


class CodeParserContract:
    """Subclass it and give a `parser` fixture that reads Python and Go at least."""

    async def test_constructs_have_a_kind_a_name_and_lines(self, parser: CodeParser) -> None:
        [found] = await parser.parse([Source(PYTHON, "python")])
        assert found.language == "python" and found.broken == 0
        assert kinds(found, ConstructKind.CLASS) == [("Cart", 3, 8)]
        assert kinds(found, ConstructKind.FUNCTION) == [("total", 4, 8)]
        assert kinds(found, ConstructKind.IMPORT) == [("import os", 1, 1)]
        assert kinds(found, ConstructKind.LOOP)[0][1:] == (6, 8)
        assert kinds(found, ConstructKind.CONDITIONAL)[0][1:] == (7, 8)
        assert kinds(found, ConstructKind.COMMENT) == [("", 5, 5)]
        assert ("tax", 9, 9) in kinds(found, ConstructKind.ASSIGNMENT)

    async def test_several_sources_are_read_in_order(self, parser: CodeParser) -> None:
        first, second, none = await parser.parse([Source(GO, "go"), Source(PYTHON, "python"), Source("", "python")])
        assert (first.language, second.language) == ("go", "python") and none.constructs == []
        assert kinds(first, ConstructKind.FUNCTION) == [("Total", 1, 5)]

    async def test_a_language_that_is_not_told_is_found_out(self, parser: CodeParser) -> None:
        found = await parser.parse([Source(GO), Source(PYTHON), Source("just words, nothing to read here")])
        assert [one.language for one in found] == ["go", "python", ""]

    async def test_an_unknown_language_has_no_constructs(self, parser: CodeParser) -> None:
        [found] = await parser.parse([Source("SELECT 1", "sql")])
        assert (found.language, list(found.constructs)) == ("sql", [])
        assert {"python", "go"} <= parser.languages and "sql" not in parser.languages

    async def test_a_fragment_is_read_as_far_as_it_goes(self, parser: CodeParser) -> None:
        [found] = await parser.parse(
            [Source("        return 1\n    def total(self):\n        x = 1\n    ((", "python")]
        )
        assert ("total", 2) in [(name, first) for name, first, _ in kinds(found, ConstructKind.FUNCTION)]

    async def test_any_text_will_do(self, parser: CodeParser) -> None:
        texts = ["\0\0", "\ud800", "((((" * 500, "é" * 50, "}\n" * 300, "def " * 400]
        for language in sorted(parser.languages):
            assert len(await parser.parse([Source(text, language) for text in texts])) == len(texts)

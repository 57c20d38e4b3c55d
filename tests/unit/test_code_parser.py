"""CodeParser on tree-sitter and its fake."""

import subprocess
import sys

import pytest
from session_mgmt_mcp.adapters.memory.code_parser import MemoryCodeParser
from session_mgmt_mcp.adapters.treesitter.grammars import GRAMMARS
from session_mgmt_mcp.adapters.treesitter.parser import TreeSitterCodeParser
from session_mgmt_mcp.contracts.code_parser import CodeParserContract
from session_mgmt_mcp.ports.code_parser import Source


class TestMemory(CodeParserContract):
    @pytest.fixture
    def parser(self):
        return MemoryCodeParser()


class TestTreeSitter(CodeParserContract):
    @pytest.fixture
    def parser(self):
        return TreeSitterCodeParser()


async def read(text, language=""):
    [found] = await TreeSitterCodeParser().parse([Source(text, language)])
    return found


WHOLE = {
    "python": "import os\nclass A:\n  @b\n  def f(self):\n    # c\n    x = g()\n    for i in x:\n      if i: return i\n    try: pass\n    except E: pass",
    "javascript": "import a from 'b';\nclass A { f() { // c\n let x = g(); for (const i of x) { if (i) return i } try { h() } catch (e) {} } }",
    "typescript": "import a from 'b';\ninterface A { n: number }\nfunction f(): void { /* c */ let x: A = g(); while (x) { if (x) return } try { h() } finally {} }",
    "tsx": "import a from 'b';\nclass A {}\nfunction f() { // c\n const x = g(); for (;;) { if (x) { return <b>{x}</b> } } try { h() } catch {} }",
    "go": "import \"os\"\ntype A struct{}\nfunc f() int { // c\n x := g(); for { if x { return 1 } }; defer h() }",
    "rust": "use a::b;\nstruct A;\nfn f() -> i32 { // c\n let x = g(); loop { if x { return 1 } } }",
    "java": "import a.B;\nclass A { int f() { // c\n int x = g(); for (;;) { if (x) return x; } try { h(); } finally {} } }",
    "c": "#include <a.h>\nstruct a { int n; };\nint f(void) { /* c */ int x = g(); while (x) { if (x) return x; } }",
    "cpp": "#include <a>\nclass A { };\nint f() { // c\n auto x = g(); for (auto i : x) { if (i) return i; } try { h(); } catch (...) {} }",
    "ruby": "class A\n def f\n  # c\n  x = g(1)\n  while x\n   if x then return x end\n  end\n  begin\n   h(1)\n  rescue\n  end\n end\nend",
    "bash": "f() {\n # c\n x=1\n for i in $x; do\n  if test $i; then return 1; fi\n done\n}",
}  # fmt: skip
MISSING = {
    "rust": {"error_handling"},
    "c": {"error_handling"},
    "ruby": {"import"},
    "bash": {"import", "class", "return", "error_handling"},
}


@pytest.mark.parametrize("language", GRAMMARS)
async def test_each_construct_of_each_language_is_told(language):
    found = await read(WHOLE[language], language)
    expected = {
        "function",
        "class",
        "import",
        "assignment",
        "loop",
        "conditional",
        "call",
        "comment",
        "return",
        "error_handling",
    }
    assert found.broken == 0
    assert {one.kind for one in found.constructs} >= expected - MISSING.get(language, set())
    assert "f" in [one.name for one in found.constructs if one.kind == "function"]
    assert language == "bash" or "A" in [one.name for one in found.constructs if one.kind == "class"] or language == "c"


@pytest.mark.parametrize(
    ("language", "fragment", "name"),
    [
        ("typescript", "  async total(x: number): Promise<void> {\n    return\n  }", "total"),
        ("javascript", "const total = (cart) => cart.sum()", "total"),
        ("tsx", "export const Total: FC = () => <b/>", "Total"),
        ("java", "    public int total() { return 1; }", "total"),
        ("java", "@Override\nint total() { return 1; }\nint other() {", "total"),
        ("go", "\t}\n\treturn nil\n}\n\nfunc (s *Shop) total() (int, error) {", "total"),
        ("python", "    def total(self):\n        return 1", "total"),
        ("python", "        x = 1\n        return x\n\n    async def total(self): ...", "total"),
        ("rust", "    pub fn total(&self) -> i32 { 1 }", "total"),
        ("cpp", "int Cart::total() const {", "Cart::total"),
        ("c", "static char **total(int *a[]) { return 0; }", "total"),
        ("ruby", "  def self.total(x) = x", "total"),
    ],
)
async def test_a_fragment_without_its_head_is_read(language, fragment, name):
    found = await read(fragment, language)
    assert name in [one.name for one in found.constructs if one.kind == "function"]


@pytest.mark.parametrize("language", GRAMMARS)
async def test_a_language_is_guessed_by_what_reads_it_best(language):
    alike = {"javascript": {"typescript", "tsx"}, "c": {"cpp", "java"}, "typescript": set(), "tsx": {"javascript"}}
    found = await read(WHOLE[language])
    assert found.language in {language, *alike.get(language, set())}


async def test_lines_are_those_of_the_text_even_when_it_had_to_be_wrapped():
    found = await read("\n  total() {\n    return 1\n  }\n", "typescript")
    assert [(one.name, one.first, one.last) for one in found.constructs if one.kind == "function"] == [("total", 2, 4)]


def test_no_grammar_is_loaded_before_it_is_needed():
    code = "import sys, session_mgmt_mcp.adapters.treesitter.parser; sys.exit(any('tree_sitter' in m for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

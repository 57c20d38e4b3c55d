"""Which nodes of which grammar are which construct."""

from collections.abc import Mapping
from dataclasses import dataclass

from session_mgmt_mcp.ports.code_parser import ConstructKind

Kinds = Mapping[str, ConstructKind]
Wraps = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where a language comes from, what its nodes are, and what a fragment may have stood in, on the same line."""

    module: str
    function: str
    kinds: Kinds
    wraps: Wraps = ()


_WORDS = {
    ConstructKind.FUNCTION: "function_definition function_declaration function_expression function_item method_definition "
    "method_declaration constructor_declaration generator_function_declaration generator_function function_signature_item "
    "function_signature method_signature abstract_method_signature arrow_function func_literal method singleton_method",
    ConstructKind.CLASS: "class_definition class_declaration abstract_class_declaration class_specifier struct_specifier "
    "union_specifier enum_specifier interface_declaration enum_declaration record_declaration annotation_type_declaration "
    "struct_item enum_item trait_item impl_item union_item mod_item type_item type_alias_declaration type_spec type_alias "
    "type_alias_statement alias_declaration type_definition namespace_definition internal_module class module",
    ConstructKind.IMPORT: "import_statement import_from_statement future_import_statement import_spec import_declaration "
    "use_declaration extern_crate_declaration preproc_include using_declaration",
    ConstructKind.ASSIGNMENT: "assignment augmented_assignment assignment_expression augmented_assignment_expression "
    "variable_declarator short_var_declaration assignment_statement var_spec const_spec let_declaration const_item static_item "
    "compound_assignment_expr init_declarator operator_assignment variable_assignment named_expression",
    ConstructKind.LOOP: "for_statement while_statement do_statement for_in_statement enhanced_for_statement for_range_loop "
    "for_expression while_expression loop_expression c_style_for_statement for while until while_modifier until_modifier "
    "list_comprehension set_comprehension dictionary_comprehension generator_expression",
    ConstructKind.CONDITIONAL: "if_statement match_statement switch_statement switch_expression expression_switch_statement "
    "type_switch_statement select_statement if_expression match_expression conditional_expression ternary_expression "
    "case_statement case if unless if_modifier unless_modifier conditional case_match",
    ConstructKind.CALL: "call call_expression new_expression method_invocation object_creation_expression macro_invocation "
    "command explicit_constructor_invocation",
    ConstructKind.ERROR_HANDLING: "try_statement try_with_resources_statement try_expression begin rescue_modifier "
    "throw_statement raise_statement defer_statement",
    ConstructKind.RETURN: "return_statement return_expression return yield",
    ConstructKind.DECORATOR: "decorator annotation marker_annotation attribute_item",
    ConstructKind.COMMENT: "comment line_comment block_comment",
}  # fmt: skip
_ALL: Kinds = {word: kind for kind, words in _WORDS.items() for word in words.split()}


def _without(*names: str) -> Kinds:
    return {name: kind for name, kind in _ALL.items() if name not in names}


_CLASS = (("class _ {", "\n}"),)
_BODY = ("void _() {", "\n}")
_SCRIPT = _without("module", "class", "import_spec")

GRAMMARS: Mapping[str, Grammar] = {
    "python": Grammar("tree_sitter_python", "language", _without("module")),
    "typescript": Grammar("tree_sitter_typescript", "language_typescript", _SCRIPT, _CLASS),
    "javascript": Grammar("tree_sitter_javascript", "language", _SCRIPT, _CLASS),
    "tsx": Grammar("tree_sitter_typescript", "language_tsx", _SCRIPT, _CLASS),
    "go": Grammar("tree_sitter_go", "language", _without("import_declaration"), (("type _ struct {", "\n}"),)),
    "rust": Grammar("tree_sitter_rust", "language", _ALL, (("fn _() {", "\n}"), ("impl _ {", "\n}"))),
    "java": Grammar("tree_sitter_java", "language", _ALL, (*_CLASS, ("class _ { void _() {", "\n}}"))),
    "c": Grammar("tree_sitter_c", "language", _ALL, (_BODY,)),
    "cpp": Grammar("tree_sitter_cpp", "language", _ALL, (_BODY, ("class _ {", "\n};"))),
    "ruby": Grammar("tree_sitter_ruby", "language", _ALL, (("class X; ", "\nend"),)),
    "bash": Grammar("tree_sitter_bash", "language", _ALL),
}
"""In the order in which a language is guessed: one that reads nearly everything stands last."""

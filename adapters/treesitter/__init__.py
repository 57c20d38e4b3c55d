"""CodeParser on tree-sitter's own grammars."""

#!/bin/sh
# Finds the installed program where pip, pipx and uv put it; Claude Code may run with a shorter PATH than your shell.
PATH="$PATH:${PIPX_BIN_DIR:-$HOME/.local/bin}:${UV_TOOL_BIN_DIR:-$HOME/.local/bin}"
command -v session-mgmt-mcp >/dev/null && exec session-mgmt-mcp "$@"

missing="session-mgmt-mcp is not installed: run 'pipx install session-mgmt-mcp' or 'uv tool install session-mgmt-mcp' and start Claude Code again."
case "$1 $2" in
    "hook SessionStart") echo "{\"systemMessage\": \"$missing\"}" ;;
    "hook "*) ;; # said once a session, and never in the way of a turn
    *) echo "$missing" >&2; exit 127 ;;
esac

"""MCP prompts: the slash commands for clients that know no plugins."""

from typing import Any

from fastmcp import FastMCP
from fastmcp.prompts import Prompt, PromptArgument
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS
from session_mgmt_mcp.commands import COMMANDS, Command, prompt_text


class CommandPrompt(Prompt):
    """One slash command."""

    command: Command

    async def render(self, arguments: dict[str, Any] | None = None) -> str:
        given = {name: str(value).strip() for name, value in (arguments or {}).items()}
        for argument in self.command.arguments:
            if argument.required and not given.get(argument.name):
                raise MCPError(INVALID_PARAMS, f"{self.name} needs {argument.name}: {argument.description}")
        return prompt_text(self.command, " ".join(given.get(argument.name, "") for argument in self.command.arguments))


def register(server: FastMCP) -> None:
    for command in COMMANDS:
        arguments = [
            PromptArgument(name=argument.name, description=argument.description, required=argument.required)
            for argument in command.arguments
        ]
        prompt = CommandPrompt(name=command.name, description=command.description, arguments=arguments, command=command)
        server.add_prompt(prompt)

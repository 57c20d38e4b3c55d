"""The installed git keeps the contracts of both ports."""

from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.git.workspace import SubprocessGitWorkspace
from session_mgmt_mcp.contracts.git_repository import GitRepositoryContract
from session_mgmt_mcp.contracts.git_workspace import GitWorkspaceContract


@pytest.fixture
def worktree(shop: Path) -> Path:
    return shop


class TestSubprocessGitRepository(GitRepositoryContract):
    @pytest.fixture
    def git(self) -> SubprocessGitRepository:
        return SubprocessGitRepository()


class TestSubprocessGitWorkspace(GitWorkspaceContract):
    @pytest.fixture
    def workspace(self, tmp_path: Path) -> SubprocessGitWorkspace:
        (tmp_path / "home" / ".gitconfig").write_text("[user]\n\tname = Grace\n\temail = grace@example.org\n")
        return SubprocessGitWorkspace()

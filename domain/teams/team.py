"""A team and who belongs to it, as one value: each change is checked where it is made. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from session_mgmt_mcp.domain.teams.roles import Role, manages, outranks
from session_mgmt_mcp.ports.errors import Invalid, NotFound
from session_mgmt_mcp.ports.session_storage import Document
from session_mgmt_mcp.ports.vector_store import Json

MOST_MEMBERS = 2_000


@dataclass(frozen=True, slots=True)
class Member:
    role: Role
    since: datetime
    by: str  # who added them, or gave them this role


@dataclass(frozen=True, slots=True)
class Team:
    """`key` tells it from another team that had the same id before."""

    id: str
    key: str
    name: str
    description: str
    created: datetime
    members: Mapping[str, Member] = field(default_factory=dict)
    closing: bool = False  # being deleted: nobody is in it any more

    @property
    def mark(self) -> str:
        """The fact that each of its shared records carries."""
        return f"team:{self.id}@{self.key}"

    @property
    def managers(self) -> list[str]:
        return sorted(user for user, member in self.members.items() if manages(member.role))

    def role_of(self, user: str) -> Role | None:
        member = self.members.get(user)
        return None if member is None or self.closing else member.role

    def joined(self, user: str, role: Role, by: str, now: datetime) -> "Team":
        """With `user` in that role; itself when they have it already. `by` is a member. Raises Invalid."""
        acting, before = self.members[by].role, self.role_of(user)
        if not (outranks(acting, role) and (before is None or outranks(acting, before))):
            raise Invalid(f"{self._who_may(role, before)} may make {user} {_a(role)} of {self.id}: ask one of them.")
        if before is role:
            return self
        if before is None and len(self.members) >= MOST_MEMBERS:
            raise Invalid(f"{self.id} has {MOST_MEMBERS:,} members, and no more are taken: remove somebody first.")
        if before is Role.OWNER:
            self._check_another_owner(user)
        return replace(self, members={**self.members, user: Member(role, now, by)})

    def left(self, user: str, by: str) -> "Team":
        """Without `user`; everybody may leave. `by` is a member. Raises Invalid, and NotFound for who is no member."""
        acting, before = self.members[by].role, self.role_of(user)
        if user != by and not manages(acting):
            raise Invalid(f"{self._who_may(Role.MEMBER)} may remove members of {self.id}: ask one of them.")
        if before is None:
            raise NotFound(f"{user} is not in {self.id}: get_team_statistics tells who is.")
        if user != by and not outranks(acting, before):
            raise Invalid(f"{self._who_may(before)} may remove {_a(before)} of {self.id}: ask one of them.")
        if before is Role.OWNER:
            self._check_another_owner(user)
        return replace(self, members={name: one for name, one in self.members.items() if name != user})

    def _check_another_owner(self, user: str) -> None:
        if not any(one.role is Role.OWNER for name, one in self.members.items() if name != user):
            raise Invalid(
                f"{user} is the last owner of {self.id}: make somebody else an owner first, or delete the team."
            )

    def _who_may(self, *roles: Role | None) -> str:
        able = [user for user in self.managers if all(outranks(self.members[user].role, one) for one in roles if one)]
        return f"Only {', '.join(able[:5])}{' and others' if len(able) > 5 else ''}"


def _a(role: Role) -> str:
    return f"{'an' if role in (Role.OWNER, Role.ADMIN) else 'a'} {role}"


def body_of(team: Team) -> Mapping[str, Json]:
    return {
        "key": team.key,
        "name": team.name,
        "description": team.description,
        "created": team.created.isoformat(),
        "closing": team.closing,
        "members": {
            user: {"role": member.role, "since": member.since.isoformat(), "by": member.by}
            for user, member in team.members.items()
        },
    }


def team_of(document: Document) -> Team:
    body = document.body
    members = body["members"]
    assert isinstance(members, Mapping)
    return Team(
        document.id,
        str(body["key"]),
        str(body["name"]),
        str(body["description"]),
        datetime.fromisoformat(str(body["created"])),
        {user: _member(told) for user, told in members.items()},
        bool(body.get("closing")),
    )


def _member(told: Json) -> Member:
    assert isinstance(told, Mapping)
    return Member(Role(str(told["role"])), datetime.fromisoformat(str(told["since"])), str(told["by"]))

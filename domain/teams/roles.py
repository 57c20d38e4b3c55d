"""What a member of a team may do: a closed set."""

from enum import StrEnum


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


def shares(role: Role) -> bool:
    """Whether they share and vote; a viewer only searches."""
    return role is not Role.VIEWER


def manages(role: Role) -> bool:
    """Whether they say who belongs to the team."""
    return role in (Role.OWNER, Role.ADMIN)


def outranks(acting: Role, other: Role) -> bool:
    """Whether `acting` may give and take the role `other`: only owners make and unmake owners."""
    return manages(acting) and (acting is Role.OWNER or other is not Role.OWNER)

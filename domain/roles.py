"""What the bearer of a token may do."""

from enum import StrEnum


class Role(StrEnum):
    """`member`: what a team shares. `owner`: everything, as if they sat at this machine."""

    MEMBER = "member"
    OWNER = "owner"

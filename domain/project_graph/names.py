"""Which project somebody means. Pure."""

from collections.abc import Collection

from session_mgmt_mcp.domain.projects import bare_name, is_id
from session_mgmt_mcp.ports.errors import Invalid

SHOWN = 5


def named(name: str, known: Collection[str], own: str) -> str:
    """The project that a name means: an id, or the bare name of one that is `known`. Raises Invalid.

    A project of which nothing is known may be named when it is the caller's `own`, or by its exact id.

    >>> named("shop", {"shop-1a2b3c"}, "blog-000000"), named("core-2b3c4d", (), "blog-000000")
    ('shop-1a2b3c', 'core-2b3c4d')
    """
    if name == own or (is_id(name) and name in known):
        return name
    if bare_name(own) == name:
        return own
    found = sorted(project for project in known if bare_name(project) == name)
    # what the original product stored under a bare name belongs to the one project of that name
    found = [project for project in found if project != name] or found
    if len(found) > 1:
        raise Invalid(f"{name[:60]} may be any of {', '.join(found[:SHOWN])}: name one of them.")
    if found or is_id(name):
        return found[0] if found else name
    raise Invalid(
        f"No project is known as {name[:60]!r}: give a name or id that searches show, the path of its folder, or its"
        " exact id."
    )


def names_of(projects: Collection[str]) -> dict[str, str]:
    """What to call each: its bare name where no other one has it, else its id."""
    bare = [bare_name(project) for project in projects]
    return {project: name if bare.count(name) == 1 else project for project, name in zip(projects, bare, strict=True)}

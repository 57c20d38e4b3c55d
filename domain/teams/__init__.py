"""What a team knows together: members, shared memories, votes."""

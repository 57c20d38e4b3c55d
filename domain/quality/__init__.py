"""The score of a project: evidence in, points out, and what to do next."""

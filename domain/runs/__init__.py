"""Runs of a project's quality tools: asked for, kept, compared."""

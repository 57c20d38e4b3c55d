"""What Claude Code leaves on disk: transcripts, settings, hook payloads."""

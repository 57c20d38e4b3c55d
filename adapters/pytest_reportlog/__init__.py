"""TestRecorder by pytest-reportlog."""

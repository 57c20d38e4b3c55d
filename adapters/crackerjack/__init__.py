"""QualityRunner by crackerjack, in a Python of its own."""

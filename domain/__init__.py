"""What the product knows: memory, ranking, redaction, projects. Pure: no I/O, no clock, no engine; talks only to ports."""

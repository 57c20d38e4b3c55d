"""One module a target: `check(data)` raises for a fault, INGREDIENTS are what inputs are made of, `close()` ends it."""

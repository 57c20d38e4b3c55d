"""Language models asked on request: order, budgets, and what is written for a handoff."""

"""Projects that belong together: groups, dependencies, and what they could learn of each other."""

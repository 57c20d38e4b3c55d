"""python-dateutil: recurrence rules."""

"""Documents as files on this machine."""

"""Contract suites, one a port: subclass one to test your own adapter."""

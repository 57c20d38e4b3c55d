"""The keyring of the operating system."""

"""Facts about git repositories, read from git itself."""

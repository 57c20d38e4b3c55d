"""Desktops that follow freedesktop.org: notifications over D-Bus."""

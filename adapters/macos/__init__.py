"""macOS: its Notification Center."""

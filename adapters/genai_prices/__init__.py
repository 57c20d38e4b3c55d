"""What vendors charge, from the package genai-prices."""

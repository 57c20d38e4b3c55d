"""OpenAI, and any server that speaks its format."""

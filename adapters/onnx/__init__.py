"""Embedder on ONNX Runtime, offline from the first minute."""

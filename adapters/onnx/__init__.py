"""Embedder on ONNX Runtime, offline from the first minute."""

import os

# Read when onnxruntime is imported: without it, 1.31 leaves a device id in the home and reports to its maker.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

"""Figures, one command each: recall, speed, redaction."""

import session_mgmt_mcp.adapters.onnx  # noqa: F401 (before any onnxruntime: switches its telemetry off)

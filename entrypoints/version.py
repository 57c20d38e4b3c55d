"""The product's version, where the shim can read it without looking at package metadata."""

VERSION = "1.0.0"

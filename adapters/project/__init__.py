"""Facts of a project folder: manifests, locks, tests, docs, pipelines, reports."""

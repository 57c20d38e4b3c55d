"""VectorStore on one DuckDB file, with derived in-memory indexes for meaning and words."""

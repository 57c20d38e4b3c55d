"""VectorStore on LanceDB, in a folder or on S3."""

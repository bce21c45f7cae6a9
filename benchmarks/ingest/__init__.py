"""The speed of ingest, beside the best that the same machine can do. `python -m benchmarks.ingest`."""

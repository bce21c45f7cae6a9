"""How fast traces come in, beside what the same machine can do at best.  `python -m benchmarks.ingest`."""

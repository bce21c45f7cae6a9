"""Exports rendered by each target's real library, over sampled calls of the demo: `python -m benchmarks.exports`.

Each library runs in an environment of its own (uv, npm), so the product needs none of them. A program reads versions and calls as JSON
and prints how many calls it renders byte for byte.
"""

"""Exports rendered by the real library of their target, over sampled calls of the demo: `python -m benchmarks.exports`.

Each library runs in an environment of its own (uv, npm), so none burdens the product.  A program reads versions and calls as JSON and
prints how many calls came out byte for byte.
"""

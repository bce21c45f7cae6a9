"""Benchmarks of the product, one command each; nothing in the product imports them."""

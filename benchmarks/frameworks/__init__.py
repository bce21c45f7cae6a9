"""Recorded requests of published frameworks, and the templates mined from them."""

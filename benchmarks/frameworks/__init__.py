"""Requests that published frameworks really send, and the templates found in them."""

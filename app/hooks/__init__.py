"""Webhooks: changes as signed messages to hosts that an operator allows."""

"""Webhooks: changes as messages, signed, to hosts that an operator allows."""

"""From a body to a stored, redacted, matched trace."""

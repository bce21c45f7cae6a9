"""What lists and pages ask: queries that read and change nothing."""

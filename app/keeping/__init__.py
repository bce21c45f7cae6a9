"""How long calls stay: partitions by month, retention, deletion."""

"""The end of calls: partitions by month, retention, deletion."""

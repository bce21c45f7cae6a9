"""Queries of lists and pages; they read and change nothing."""

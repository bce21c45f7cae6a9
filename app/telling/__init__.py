"""Finds changes in the hourly figures: jumps of rates and costs, tasks gone quiet, slots that begin or cease to vary."""

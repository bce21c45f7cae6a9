"""One run of one group, from its window to the tasks, versions and values that it saves."""

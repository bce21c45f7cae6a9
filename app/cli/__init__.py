"""The command `promptlode`: translators of a command line into use cases. Exit codes: 0 done, 1 failed, 2 usage."""

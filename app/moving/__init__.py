"""Moves a whole project: into a file, out of one, or to another database while it takes calls. See docs/scale.md."""

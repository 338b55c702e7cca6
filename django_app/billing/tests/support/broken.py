"""A module of a project that cannot be loaded."""

raise RuntimeError("broken")

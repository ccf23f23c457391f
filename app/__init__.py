"""The bridge: one chat turn, the screens and the commands. Knows the three islands; none knows it."""

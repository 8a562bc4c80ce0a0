"""The mirror of the vectors, in which neighbours are found; it can be thrown away and rebuilt at any moment."""

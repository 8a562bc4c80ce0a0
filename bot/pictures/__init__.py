"""Pictures: plain values in, PNG out. Drawing takes a while, the first time longest, and is called in a thread."""

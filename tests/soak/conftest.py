"""What the soak test in short may ask for: the same as the tests of faults."""

from faults.conftest import seed

__all__ = ["seed"]

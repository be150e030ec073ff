"""A package outside Facies whose entry points are all faulty."""

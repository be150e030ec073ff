"""A package outside Facies that adds to it."""

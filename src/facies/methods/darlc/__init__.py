"""`darlc`: representation and groups of sparse, noisy images that advance together (Li et al., ACM MM 2024)."""

from facies.methods.darlc.method import DARLC

__all__ = ["DARLC"]

"""Facies finds the kinds of things in unlabelled scientific images."""

__version__ = "0.1.0"

"""Fitted methods in the forms of other programs."""

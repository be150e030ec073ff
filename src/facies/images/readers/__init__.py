"""Readers of images, one format a file."""

"""Plots of AnnData objects, by scanpy's conventions: ``facies.pl.group_patterns(adata)``."""

from facies.genes.plots import gene, group_patterns

__all__ = ["gene", "group_patterns"]

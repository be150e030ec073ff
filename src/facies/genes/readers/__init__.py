"""Readers of spatial transcriptomics and mass-spectrometry imaging; each makes a `facies.genes.SpatialTable`."""

from facies.genes.readers.registry import GENES, IONS, read_table

__all__ = ["GENES", "IONS", "read_table"]

"""Genes and ions as images of one tissue: readers, patterns, groups and what scanpy shows of them."""

from facies.genes.gene_images import gene_images
from facies.genes.patterns import find_patterns
from facies.genes.spatial_table import SpatialTable

__all__ = ["SpatialTable", "find_patterns", "gene_images"]

"""Tools for AnnData objects, by scanpy's conventions: ``facies.tl.gene_groups(adata)``."""

from facies.genes.tools import gene_groups, similar_genes

__all__ = ["gene_groups", "similar_genes"]

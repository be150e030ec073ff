"""Grains: from photographs of sediment in focal stacks to counts, sizes and their report."""

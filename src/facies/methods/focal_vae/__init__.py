"""`focal-vae`: a variational autoencoder of focal stacks, and k-means with many groups on its code."""

from __future__ import annotations

from facies.methods.focal_vae.method import FocalVAE

__all__ = ["FocalVAE"]

"""Voxel-VAE: a variational autoencoder whose code of each voxel tells structures apart without labels."""

from __future__ import annotations

from facies.methods.voxel_vae.method import VoxelVAE

__all__ = ["VoxelVAE"]

"""`moe-vae`: a mixture of variational autoencoders that finds the number of groups and the latent size by itself."""

from __future__ import annotations

from facies.methods.moe_vae.method import MoEVAE

__all__ = ["MoEVAE"]

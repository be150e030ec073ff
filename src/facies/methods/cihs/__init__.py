"""CIHS: codes in hyperbolic space, where what is part of something lies near it; the baseline of the paper on voxels."""

from __future__ import annotations

from facies.methods.cihs.method import CIHS

__all__ = ["CIHS"]

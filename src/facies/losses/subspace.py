"""Losses of groups that are subspaces of the code, each with a basis of its own (EDESC)."""

from __future__ import annotations

import torch
from torch import Tensor


def subspace_assignment(codes: Tensor, bases: Tensor, smoothing: float = 5.0) -> Tensor:
    """s_ik = (‖D_kᵀ z_i‖² + η d) / Σ_k' (‖D_k'ᵀ z_i‖² + η d), with d the size of a subspace (Cai et al., 2022, eq. 4).

    Parameters
    ----------
    codes
        (B, Z) z.
    bases
        (K, Z, d) D.
    smoothing
        η; larger values make assignments less sure.

    Returns
    -------
    Tensor
        (B, K), rows sum to 1.
    """
    lengths = torch.einsum("bz,kzd->bkd", codes, bases).square().sum(dim=2) + smoothing * bases.shape[2]
    return lengths / lengths.sum(dim=1, keepdim=True)


def basis_length_penalty(bases: Tensor) -> Tensor:
    """½ ‖(DᵀD) ⊙ I − I‖²_F: every column of D = [D_1 … D_K] is to have length 1 (Cai et al., 2022, eq. 7).

    Parameters
    ----------
    bases
        (K, Z, d) D.
    """
    return 0.5 * (bases.square().sum(dim=1) - 1).square().sum()


def basis_overlap_penalty(bases: Tensor) -> Tensor:
    """½ Σ_{k ≠ l} ‖D_kᵀ D_l‖²_F: subspaces of different groups are to be orthogonal (Cai et al., 2022, eq. 8).

    Parameters
    ----------
    bases
        (K, Z, d) D.
    """
    overlaps = torch.einsum("kza,lzb->klab", bases, bases).square().sum(dim=(2, 3))
    return 0.5 * (overlaps.sum() - overlaps.diagonal().sum())

"""Self-distillation: a student is to give what a slow teacher gives, whose outputs are centred and sharpened (DINO, iBOT)."""

from __future__ import annotations

from torch import Tensor


def centred_targets(logits: Tensor, centre: Tensor, temperature: float = 0.04) -> Tensor:
    """Softmax((l − c)/τ), without a gradient (Caron et al., 2021, section 3.1): the centre keeps images from all being alike.

    Parameters
    ----------
    logits
        (..., D) l, of the teacher.
    centre
        (D,) c, their mean over many batches.
    temperature
        τ; smaller values make surer targets.
    """
    return ((logits.detach().float() - centre) / temperature).softmax(dim=-1)


def standardised_targets(logits: Tensor, temperature: float) -> Tensor:
    """Softmax((l − m)/(s·τ)) with m the mean of each output over a batch and s the deviation of all around it, without a gradient.

    However alike the teacher's answers are, they stay as different as τ says; with the centre alone (`centred_targets`) answers
    that have become even stay so.

    Parameters
    ----------
    logits
        (B, D) l, of the teacher.
    temperature
        τ; the softmax is of numbers with a standard deviation of 1/τ.
    """
    logits = logits.detach().float()
    apart = logits - logits.mean(dim=0)
    return (apart / (apart.square().mean().sqrt().clamp(min=1e-8) * temperature)).softmax(dim=-1)


def distillation(logits: Tensor, targets: Tensor, temperature: float = 0.1) -> Tensor:
    """−Σ_d t_d log softmax(l/τ)_d, one number an output (Zhou et al., 2022).

    Parameters
    ----------
    logits
        (..., D) l, of the student.
    targets
        (..., D) t, of the teacher, rows sum to 1.
    temperature
        τ of the student.
    """
    return -(targets * (logits.float() / temperature).log_softmax(dim=-1)).sum(dim=-1)

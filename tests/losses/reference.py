"""The losses written out number by number, in Python floats: slow, and obvious."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

SMALLEST = 1e-8
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def bernoulli(logits: list[float], pixels: list[float]) -> float:
    total = 0.0
    for logit, x in zip(logits, pixels, strict=True):
        p = 1.0 / (1.0 + math.exp(-logit))
        total -= x * math.log(p) + (1.0 - x) * math.log(1.0 - p)
    return total / len(pixels)


def gaussian(drawn: list[float], pixels: list[float]) -> float:
    total = 0.0
    for there, expected in zip(drawn, pixels, strict=True):
        total += (expected - there) ** 2
    return total / len(pixels)


def kl_to_standard_normal(mean: list[float], log_variance: list[float]) -> float:
    total = 0.0
    for mu, log_sigma2 in zip(mean, log_variance, strict=True):
        total += 0.5 * (mu**2 + math.exp(log_sigma2) - log_sigma2 - 1.0)
    return total


def expected_loss(p: list[list[float]], d: list[list[float]]) -> float:
    total = 0.0
    for i in range(len(p)):
        for k in range(len(p[i])):
            total += p[i][k] * d[i][k]
    return total / len(p)


def sample_entropy(p: list[list[float]]) -> float:
    total = 0.0
    for row in p:
        for share in row:
            clamped = max(share, SMALLEST)
            total -= clamped * math.log(clamped)
    return total / len(p)


def batch_entropy(p: list[list[float]]) -> float:
    total = 0.0
    for k in range(len(p[0])):
        mean = 0.0
        for row in p:
            mean += row[k]
        mean = max(mean / len(p), SMALLEST)
        total += mean * math.log(mean)
    return total


def soft_target_divergence(targets: list[list[float]], logits: list[list[float]]) -> float:
    total = 0.0
    for expected, row in zip(targets, logits, strict=True):
        normaliser = sum(math.exp(logit) for logit in row)
        for t, logit in zip(expected, row, strict=True):
            if t > 0:
                total += t * (math.log(t) - math.log(math.exp(logit) / normaliser))
    return total / len(targets)


def kernel(x: list[float], y: list[float]) -> float:
    squared = 0.0
    for a, b in zip(x, y, strict=True):
        squared += (a - b) ** 2
    total = 0.0
    for scale in SCALES:
        constant = 2.0 * len(x) * scale
        total += constant / (constant + squared)
    return total


def inverse_multiquadratic_mmd(codes: list[list[float]], prior: list[list[float]]) -> float:
    n = len(codes)
    among_codes = among_prior = across = 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                among_codes += kernel(codes[i], codes[j])
                among_prior += kernel(prior[i], prior[j])
            across += kernel(codes[i], prior[j])
    return (among_codes + among_prior) / (n * (n - 1)) - 2.0 * across / n**2


def slope(function: Callable[[Tensor], float], at: Tensor, step: float = 1e-5) -> Tensor:
    """Gradient by central differences, one number after the other."""
    found = torch.zeros_like(at)
    for place in range(at.numel()):
        up, down = at.clone(), at.clone()
        up.view(-1)[place] += step
        down.view(-1)[place] -= step
        found.view(-1)[place] = (function(up) - function(down)) / (2 * step)
    return found


def gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Gradient by automatic differentiation."""
    leaf = at.clone().requires_grad_()
    (found,) = torch.autograd.grad(function(leaf), leaf)
    return found


def direction(y: list[float]) -> list[float]:
    length = math.sqrt(sum(value**2 for value in y))
    return [value / length for value in y]


def likeness(a: list[float], b: list[float]) -> float:
    return sum(one * other for one, other in zip(a, b, strict=True))


def binary(value: float, target: float, smallest: float = 1e-7) -> float:
    inside = min(max(value, smallest), 1.0 - smallest)
    return -(target * math.log(inside) + (1.0 - target) * math.log(1.0 - inside))


def all_pairs(y: list[list[float]], alike: list[list[bool]]) -> float:
    f = [direction(row) for row in y]
    total = 0.0
    for i in range(len(f)):
        for j in range(len(f)):
            total += binary(likeness(f[i], f[j]), 1.0 if alike[i][j] else 0.0)
    return total / len(f) ** 2


def certain_pairs(y: list[list[float]], alike: list[list[bool]], unlike: list[list[bool]]) -> float:
    f = [direction(row) for row in y]
    total = 0.0
    for i in range(len(f)):
        for j in range(len(f)):
            if alike[i][j]:
                total += binary(likeness(f[i], f[j]), 1.0)
            if unlike[i][j]:
                total += binary(likeness(f[i], f[j]), 0.0)
    return total / len(f) ** 2


def consistency(y: list[list[float]], clean: list[list[float]]) -> float:
    total = 0.0
    for row, expected in zip(y, clean, strict=True):
        for value, target in zip(row, expected, strict=True):
            total += binary(value, target)
    return total / (len(y) * len(y[0]))


def student_t_assignment(codes: list[list[float]], centres: list[list[float]], alpha: float) -> list[list[float]]:
    assignments = []
    for code in codes:
        kernels = []
        for centre in centres:
            squared = 0.0
            for a, b in zip(code, centre, strict=True):
                squared += (a - b) ** 2
            kernels.append((1.0 + squared / alpha) ** (-(alpha + 1.0) / 2.0))
        assignments.append([value / sum(kernels) for value in kernels])
    return assignments


def target_distribution(q: list[list[float]]) -> list[list[float]]:
    sizes = [sum(row[k] for row in q) for k in range(len(q[0]))]
    targets = []
    for row in q:
        weights = [value**2 / size for value, size in zip(row, sizes, strict=True)]
        targets.append([weight / sum(weights) for weight in weights])
    return targets


def assignment_divergence(p: list[list[float]], q: list[list[float]]) -> float:
    total = 0.0
    for targets, row in zip(p, q, strict=True):
        for target, value in zip(targets, row, strict=True):
            if target > 0:
                total += target * math.log(target / value)
    return total / len(p)


def log_normal(x: list[float], mean: list[float], log_variance: list[float]) -> float:
    total = 0.0
    for value, mu, log_lambda in zip(x, mean, log_variance, strict=True):
        total -= 0.5 * (math.log(2 * math.pi) + log_lambda + (value - mu) ** 2 / math.exp(log_lambda))
    return total


def kl_to_gaussian_mixture(
    mean: list[float],
    log_variance: list[float],
    gamma: list[float],
    log_weights: list[float],
    means: list[list[float]],
    log_variances: list[list[float]],
) -> float:
    total = 0.0
    for k, share in enumerate(gamma):
        for j, mu in enumerate(mean):
            spread = math.exp(log_variances[k][j])
            total += (
                0.5
                * share
                * (log_variances[k][j] + math.exp(log_variance[j]) / spread + (mu - means[k][j]) ** 2 / spread)
            )
        if share > 0:
            total -= share * (log_weights[k] - math.log(share))
    for log_sigma2 in log_variance:
        total -= 0.5 * (1 + log_sigma2)
    return total


def subspace_assignment(
    codes: list[list[float]], bases: list[list[list[float]]], smoothing: float
) -> list[list[float]]:
    assignments = []
    for code in codes:
        lengths = []
        for basis in bases:
            size, total = len(basis[0]), 0.0
            for column in range(size):
                total += sum(value * row[column] for value, row in zip(code, basis, strict=True)) ** 2
            lengths.append(total + smoothing * size)
        assignments.append([length / sum(lengths) for length in lengths])
    return assignments


def bases_apart(bases: list[list[list[float]]]) -> tuple[float, float]:
    """Half the squared entries of DᵀD − I on its diagonal, and of its blocks off the diagonal."""
    columns = [(k, [row[a] for row in basis]) for k, basis in enumerate(bases) for a in range(len(basis[0]))]
    length = overlap = 0.0
    for k, one in columns:
        length += 0.5 * (sum(value**2 for value in one) - 1) ** 2
        for other_k, other in columns:
            if k != other_k:
                overlap += 0.5 * likeness(one, other) ** 2
    return length, overlap


def balanced_distribution(p: list[list[float]]) -> list[list[float]]:
    sizes = [sum(row[k] for row in p) for k in range(len(p[0]))]
    targets = []
    for row in p:
        weights = [value / math.sqrt(size) for value, size in zip(row, sizes, strict=True)]
        targets.append([weight / sum(weights) for weight in weights])
    return targets


def mixture_likelihood(log_p: list[float], errors: list[float]) -> float:
    return -math.log(sum(math.exp(log_share - error) for log_share, error in zip(log_p, errors, strict=True)))


def group_variance_divergence(codes: list[list[float]], groups: list[int], n_groups: int) -> float:
    divergences = []
    for group in range(n_groups):
        members = [code for code, own in zip(codes, groups, strict=True) if own == group]
        if len(members) < 2:
            continue
        total = 0.0
        for column in zip(*members, strict=True):
            mean = sum(column) / len(column)
            variance = sum((value - mean) ** 2 for value in column) / (len(column) - 1)
            total += 0.5 * (variance - math.log(variance) - 1)
        divergences.append(total)
    return sum(divergences) / len(divergences)

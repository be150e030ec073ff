"""What two views say of one another, triplets, queues, self-distillation and prototypes, against slow references in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from facies.losses import (
    centred_targets,
    cross_view_information,
    distillation,
    double_softmax_cross_entropy,
    prototype_targets,
    queue_contrast,
    sharpened,
    standardised_targets,
    target_distribution,
    weighted_triplet,
)
from tests.losses import reference as slow


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def softmax(row, temperature=1.0):
    powers = [math.exp(each / temperature) for each in row]
    return [each / sum(powers) for each in powers]


def slow_information(first, second, a):
    count, size = len(first), len(first[0])
    joint = [[sum(first[i][c] * second[i][d] for i in range(count)) / count for d in range(size)] for c in range(size)]
    joint = [[(joint[c][d] + joint[d][c]) / 2 for d in range(size)] for c in range(size)]
    total = sum(map(sum, joint))
    joint = [[each / total for each in row] for row in joint]
    own = [sum(row) for row in joint]
    return -sum(
        joint[c][d] * (math.log(joint[c][d]) - a * math.log(own[c]) - a * math.log(own[d]))
        for c in range(size)
        for d in range(size)
    )


@pytest.mark.parametrize("a", [1.0, 10.0])
def test_cross_view_information(a):
    one, other = normal(6, 3).softmax(dim=1), normal(6, 3, seed=1).softmax(dim=1)
    value = float(cross_view_information(one, other, a))
    assert value == pytest.approx(slow_information(one.tolist(), other.tolist(), a))
    gradient = slow.gradient(lambda x: cross_view_information(x, other, a), one)
    slope = slow.slope(lambda x: slow_information(x.tolist(), other.tolist(), a), one)
    torch.testing.assert_close(gradient, slope, atol=1e-6, rtol=1e-5)


def test_codes_that_agree_and_differ_between_images_tell_most_of_one_another():
    sure = torch.eye(4, dtype=torch.float64)
    same, mixed = cross_view_information(sure, sure, 1.0), cross_view_information(sure, sure.flip(0).roll(1, 0), 1.0)
    alike = cross_view_information(sure[[0, 0, 0, 0]], sure[[0, 0, 0, 0]], 1.0)
    assert float(same) == pytest.approx(-math.log(4), abs=1e-6)
    assert same <= mixed
    assert same < alike


def slow_triplet(anchors, positives, negatives, margin, gamma):
    def square(a, b):
        return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))

    terms = [
        max(0.0, gamma * square(anchor, positive) - square(anchor, negative) + margin)
        for anchor, positive, several in zip(anchors, positives, negatives, strict=True)
        for negative in several
    ]
    return sum(terms) / len(terms)


def test_weighted_triplet():
    anchors, positives, negatives = normal(4, 3), normal(4, 3, seed=1), normal(4, 5, 3, seed=2)
    expected = slow_triplet(anchors.tolist(), positives.tolist(), negatives.tolist(), 0.2, 0.7)
    assert float(weighted_triplet(anchors, positives, negatives, 0.2, 0.7)) == pytest.approx(expected)
    gradient = slow.gradient(lambda x: weighted_triplet(x, positives, negatives, 0.2, 0.7), anchors)
    slope = slow.slope(lambda x: slow_triplet(x.tolist(), positives.tolist(), negatives.tolist(), 0.2, 0.7), anchors)
    torch.testing.assert_close(gradient, slope, atol=1e-6, rtol=1e-5)


def slow_queue(queries, keys, queue, temperature):
    def cosine(a, b):
        return float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))

    total = 0.0
    for query, key in zip(queries, keys, strict=True):
        own = math.exp(cosine(query, key) / temperature)
        total -= math.log(own / (own + sum(math.exp(cosine(query, each) / temperature) for each in queue)))
    return total / len(queries)


def test_queue_contrast():
    queries, keys, queue = normal(4, 3), normal(4, 3, seed=1), normal(7, 3, seed=2)
    expected = slow_queue(queries.tolist(), keys.tolist(), queue.tolist(), 0.2)
    assert float(queue_contrast(queries, keys, queue, 0.2)) == pytest.approx(expected, rel=1e-5)
    gradient = slow.gradient(lambda x: queue_contrast(x, keys, queue, 0.2), queries)
    slope = slow.slope(lambda x: slow_queue(x.tolist(), keys.tolist(), queue.tolist(), 0.2), queries)
    torch.testing.assert_close(gradient, slope, atol=2e-5, rtol=1e-4)
    for still in (keys, queue):
        still.requires_grad_(True)
    queue_contrast(queries.requires_grad_(True), keys, queue, 0.2).backward()
    assert keys.grad is None
    assert queue.grad is None


def test_self_distillation():
    student, teacher, centre = normal(2, 3, 5), normal(2, 3, 5, seed=1), normal(5, seed=2)
    targets = centred_targets(teacher.requires_grad_(True), centre, 0.5)
    assert not targets.requires_grad
    losses = distillation(student, targets, 0.3)
    assert losses.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            wanted = softmax((teacher[i, j] - centre).tolist(), 0.5)
            given = softmax(student[i, j].tolist(), 0.3)
            expected = -sum(t * math.log(s) for t, s in zip(wanted, given, strict=True))
            assert float(losses[i, j]) == pytest.approx(expected, rel=1e-5)


def test_standardised_targets_differ_however_alike_the_answers_are():
    alike = 0.3 + 1e-4 * normal(6, 5)
    targets = standardised_targets(alike.requires_grad_(True), 0.5)
    assert not targets.requires_grad
    values = alike.detach().double().numpy()
    apart = values - values.mean(axis=0)
    for row, target in zip(apart / apart.std(), targets, strict=True):
        assert target.tolist() == pytest.approx(softmax(row.tolist(), 0.5), rel=1e-3)
    assert torch.isfinite(standardised_targets(torch.ones(3, 4), 0.5)).all()


def test_each_group_is_taught_from_as_many_images_which_are_most_like_its_surest():
    embedding, scores = normal(12, 4), normal(2, 12, 3, seed=1).softmax(dim=-1)
    targets = prototype_targets(embedding, scores)
    for head in range(2):
        for group in range(3):
            surest = sorted(range(12), key=lambda i: -float(scores[head, i, group]))[:2]
            prototype = (embedding / embedding.norm(dim=1, keepdim=True))[surest].mean(dim=0)
            likeness = torch.cosine_similarity(embedding, prototype[None])
            nearest = sorted(range(12), key=lambda i: -float(likeness[i]))[:4]
            assert targets[head, :, group].nonzero()[:, 0].tolist() == sorted(nearest)


def test_double_softmax_bounds_what_an_image_costs():
    logits, targets = normal(2, 5, 3), torch.zeros(2, 5, 3)
    targets[0, 1, 2] = targets[0, 1, 0] = targets[0, 4, 1] = 1
    found = double_softmax_cross_entropy(logits, targets)
    expected = -sum(math.log(softmax(softmax(logits[0, i].tolist()))[k]) for i, k in ((1, 2), (1, 0), (4, 1))) / 3
    assert found.tolist() == pytest.approx([expected, 0.0])
    assert float(double_softmax_cross_entropy(1e6 * logits, targets).max()) <= math.log(2 + math.e) + 1e-6


def test_sharpened_assignments_have_a_gradient_and_targets_none():
    q = normal(6, 3).softmax(dim=1).requires_grad_(True)
    torch.testing.assert_close(sharpened(q), target_distribution(q))
    assert sharpened(q).requires_grad
    assert not target_distribution(q).requires_grad

"""Groups judged without labels: true ones before chance, split and merged ones."""

from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from facies.metrics.without_labels import SCORED, _density_validity, judge, look_at

N, K = 160, 4
KINDS = np.repeat(np.arange(K), N // K)


def embedding(seed, signal=8.0):
    return np.random.default_rng(seed).normal(size=(N, 6)) + signal * np.eye(6)[KINDS]


@pytest.fixture(scope="module")
def views():
    return look_at(embedding(0)), look_at(embedding(1))


def test_true_groups_score_best(views):
    own, other = views
    chance = np.random.default_rng(2).permutation(KINDS)
    merged, halved = KINDS // 2, 2 * KINDS + np.arange(N) % 2
    scores = [judge(groups, own, [other])["score"] for groups in (KINDS, merged, halved, chance)]
    assert scores[0] == max(scores)
    assert scores[3] == min(scores)


def test_what_another_encoder_does_not_see_agrees_with_nothing(views):
    blind = look_at(np.random.default_rng(5).normal(size=(N, 6)))
    seen, unseen = (judge(KINDS, views[0], [other])["agreement"] for other in (views[1], blind))
    assert seen > 0.7
    assert abs(unseen) < 0.15


def test_the_score_is_the_mean_of_its_parts_and_numbers_of_groups_do_not_matter(views):
    found = judge(KINDS, views[0], [views[1]])
    assert found["score"] == pytest.approx(np.mean([found[name] for name in SCORED]))
    assert judge((KINDS * 3 + 2) % 11, views[0], [views[1]]) == pytest.approx(found)
    alone = judge(KINDS, views[0])
    assert "agreement" not in alone
    assert alone["information"] == pytest.approx(np.log(K) / np.log(N))


def test_one_group_and_noise_are_judged_too(views):
    one = judge(np.zeros(N, int), views[0])
    assert one["silhouette"] == one["information"] == 0
    noisy = np.where(np.arange(N) % 7 == 0, -1, KINDS)
    assert judge(noisy, views[0])["score"] == pytest.approx(judge(KINDS, views[0])["score"], abs=0.05)


def test_too_few_images_are_refused():
    with pytest.raises(InputError, match="19 images are too few"):
        look_at(np.zeros((19, 3)))


def test_groups_of_one_or_two_images_count_as_noise_for_the_density():
    rng = np.random.default_rng(0)
    layout = np.concatenate([rng.normal(size=(30, 2)), rng.normal(size=(30, 2)) + 9]).astype(np.float32)
    labels = np.repeat([0, 1], 30)
    for few in (1, 2):
        rare, noise = labels.copy(), labels.copy()
        rare[:few], noise[:few] = 2, -1
        assert _density_validity(layout, rare) == _density_validity(layout, noise) > 0.5
    assert _density_validity(layout, np.arange(60)) == -1

from __future__ import annotations

import numpy as np
import pytest

from facies.atlas.services import queue_rules as queues
from facies.atlas.services.queue_rules import duplicates_queue, missing_requirement, queue_from_column
from facies.atlas.services.review_queues import ReviewQueues
from facies.atlas.state.columns import Column
from facies.atlas.state.open_run import OpenRun
from facies.runs import RunFolder

RNG = np.random.default_rng(0)
BORDER = Column("touches_border", "category", np.array([1, 2, 1, 2, 0], np.uint16), ["no", "yes"])


def number(name: str, values: list[float]) -> dict[str, Column]:
    return {name: Column(name, "number", np.array(values, np.float32), [])}


def test_those_that_touch_the_border() -> None:
    assert queue_from_column("cut", {"touches_border": BORDER}).rows.tolist() == [1, 3]
    assert queue_from_column("cut", number("touches_border", [0, 1, 0])).rows.tolist() == [1]


def test_the_most_touching_first() -> None:
    queue = queue_from_column("touching", number("touching", [0.2, 0.9, np.nan, 0.5]))
    assert queue.rows.tolist() == [1, 3, 0]
    assert (queue.score >= queue.cut).sum() == 2


def test_few_blurred_among_many_sharp() -> None:
    sharpness = [*RNG.lognormal(3, 0.2, 200), 0.5, 0.1, 0.0]
    queue = queue_from_column("blurred", number("sharpness", sharpness))
    assert queue.rows[:3].tolist() == [202, 201, 200]
    assert 3 <= (queue.score >= queue.cut).sum() <= 20


@pytest.mark.parametrize("exact", [True, False])
def test_duplicates_are_found_once_each(monkeypatch: pytest.MonkeyPatch, exact: bool) -> None:
    if not exact:
        monkeypatch.setattr(queues, "_MAX_EXACT", 10)
    embedding = RNG.normal(size=(300, 6)).astype(np.float32)
    embedding[200] = embedding[20]
    embedding[150] = embedding[30] + 1e-4
    embedding[250] = embedding[251] = embedding[40]
    queue = duplicates_queue(embedding, embedding[:, :2].copy())
    sure = queue.rows[queue.score >= queue.cut]
    assert {150, 200} <= set(sure.tolist())
    # Of the three equal ones, one stays in no queue.
    assert len({40, 250, 251} - set(sure.tolist())) == 1
    assert len(sure) == 4
    twins = dict(zip(queue.rows.tolist(), queue.twins.tolist(), strict=True))
    assert twins[200] == 20
    assert twins[150] == 30


def test_the_progress_of_many_duplicates_is_told_and_can_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "_MAX_EXACT", 10)
    embedding = RNG.normal(size=(3000, 700)).astype(np.float32)
    told: list[float] = []
    duplicates_queue(embedding, embedding[:, :2].copy(), told.append)
    assert told == sorted(told)
    assert len(told) > 2
    assert 0 <= told[0] < 0.1
    assert 0.4 < told[-1] < 1

    def end(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        duplicates_queue(embedding, embedding[:, :2].copy(), end)


def test_a_queue_without_the_excluded() -> None:
    gone = np.array([False, True, False, False, False])
    assert queue_from_column("cut", {"touches_border": BORDER}).without(gone).rows.tolist() == [3]


def test_one_image_has_no_duplicate() -> None:
    assert len(duplicates_queue(np.zeros((1, 3), np.float32), np.zeros((1, 2), np.float32)).rows) == 0


def test_what_is_missing_is_said() -> None:
    assert "touches_border" in str(missing_requirement("cut", {}, has_predictions=True))
    assert missing_requirement("cut", {"touches_border": BORDER}, has_predictions=False) is None
    assert "no classifier" in str(missing_requirement("least_certain", {}, has_predictions=False))
    assert missing_requirement("duplicates", {}, has_predictions=False) is None


def test_before_there_is_a_classifier_the_certainty_of_a_consensus_makes_the_queue(run: RunFolder) -> None:
    table, _ = run.partition()
    certainty = RNG.random(len(run)).astype(np.float32)
    run.add_partition("joined", table.assign(certainty=certainty), {"method": "consensus"})
    opened = OpenRun(run, "run", lambda *_: None)
    try:
        queues_of_run = ReviewQueues(opened)
        assert queues_of_run.to_json("least_certain")["why"] is None
        queue = queues_of_run.queue("least_certain")
        assert queue.rows.tolist() == np.argsort(certainty, kind="stable").tolist()
        np.testing.assert_allclose(queue.score, 1 - np.sort(certainty))
    finally:
        opened.close()

"""Objectives that look at a chunk before its batches, and watches that look at a network after each epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.training import LargeBatchObjective, StageCheckpoints, Trainer, Training
from facies.training import loop as training_loop
from facies.training.batches import in_large_batches
from tests.training.factories import CPU, FromChunk, Interrupted, Redraw, build, look, make_images

RECIPE = Training(epochs=3, batch_size=4, learning_rate=1e-2, chunk_size=12)  # 24 images: 2 chunks of 3 batches


def trained(objective, folder=None, recipe=RECIPE, watch=look):
    network = build()
    trainer = Trainer(0, CPU, StageCheckpoints(folder))
    return network, trainer.fit(network, make_images(), objective, recipe, watch=watch)


def same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_chunks_are_of_whole_batches_in_their_order():
    batches = np.array_split(np.arange(100), 10)
    chunks = in_large_batches(batches, 32)
    assert [len(chunk) for chunk in chunks] == [3, 4, 3]
    np.testing.assert_array_equal(np.concatenate([np.concatenate(chunk) for chunk in chunks]), np.arange(100))
    assert [len(chunk) for chunk in in_large_batches(batches, None)] == [1] * 10
    assert [len(chunk) for chunk in in_large_batches(batches, 1000)] == [10]
    assert [len(chunk) for chunk in in_large_batches(batches, 1)] == [1] * 10


def test_every_image_is_in_one_chunk_an_epoch_and_in_one_batch_of_it():
    objective = FromChunk()
    assert isinstance(objective, LargeBatchObjective)
    assert not isinstance(Redraw(), LargeBatchObjective)
    trained(objective)
    assert [epoch for epoch, _ in objective.chunks] == [0, 0, 1, 1, 2, 2]
    for epoch in range(3):
        first, second = (rows for of, rows in objective.chunks if of == epoch)
        assert len(first) == len(second) == 12
        assert sorted(first + second) == list(range(24))
        steps = objective.seen[6 * epoch : 6 * epoch + 6]
        assert np.concatenate(steps[:3]).tolist() == first
        assert np.concatenate(steps[3:]).tolist() == second
    assert objective.progress == pytest.approx([step / 18 for step in range(18)])


def test_a_batch_alone_and_a_batch_as_a_chunk_are_learnt_from_alike():
    plain, _ = trained(Redraw(noise=0.1), recipe=Training(3, 4, 1e-2))
    chunks, _ = trained(Redraw(noise=0.1), recipe=RECIPE)
    same(plain.state_dict(), chunks.state_dict())


def test_killed_anywhere_a_training_by_chunks_goes_on_as_if_unbroken(tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_SAVES", 0.0)
    unbroken, course = trained(FromChunk(noise=0.1))
    kills = 0
    for _ in range(30):
        try:
            resumed, again = trained(FromChunk(noise=0.1, stop_at=4), tmp_path)
            break
        except Interrupted:
            kills += 1
    assert kills == 5  # 18 steps; four a time, of which the three of a whole chunk stay
    same(resumed.state_dict(), unbroken.state_dict())
    same(again.seen, course.seen)
    strip = lambda rows: [{k: v for k, v in row.items() if k != "seconds"} for row in rows]  # noqa: E731
    assert strip(again.rows) == strip(course.rows)


def test_a_watch_sees_each_epoch_and_may_end_the_training(tmp_path):
    epochs = []

    def stop_after_two(module, epoch, row, seen):
        assert row["epoch"] == epoch
        epochs.append(epoch)
        return epoch == 2 or look(module, epoch, row, seen)

    _, course = trained(Redraw(), tmp_path, watch=stop_after_two)
    assert epochs == [1, 2]
    assert [row["epoch"] for row in course.rows] == [1, 2]
    assert list(course.seen) == ["weight 1"]
    _, again = trained(Redraw(), tmp_path, watch=stop_after_two)
    assert epochs == [1, 2]  # a training that was ended stays so when it is resumed
    same(again.seen, course.seen)

"""Batches: every row once, a new order each epoch, fair shares for several processes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facies.training.batches import in_order, read_batches, shuffled
from tests.training.factories import make_images

SIZES = st.integers(1, 300), st.integers(1, 64)


@given(*SIZES, st.integers(0, 2**31 - 1))
def test_every_row_once(count, batch_size, seed):
    rows = np.arange(count) * 3 + 5
    batches = shuffled(rows, batch_size, seed)
    assert sorted(np.concatenate(batches).tolist()) == rows.tolist()
    lengths = [len(batch) for batch in batches]
    assert max(lengths) - min(lengths) <= 1
    if len(batches) > 1:  # none is a handful, none much larger than asked for
        assert batch_size * 0.66 - 1 <= min(lengths)
    assert max(lengths) <= 1.5 * batch_size + 1


def test_order_follows_the_seed():
    rows = np.arange(100)
    one, same, other = (np.concatenate(shuffled(rows, 10, seed)).tolist() for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert one != rows.tolist()
    assert rows.tolist() == list(range(100))


@given(*SIZES, st.integers(2, 5), st.integers(0, 1000))
def test_shares_are_equal_and_disjoint_and_make_up_the_batch(count, batch_size, world, seed):
    rows = np.arange(count)
    whole = shuffled(rows, batch_size, seed)
    shares = [shuffled(rows, batch_size, seed, rank, world) for rank in range(world)]
    assert {len(share) for share in shares} == {len(whole)}
    for step, batch in enumerate(whole):
        parts = [share[step] for share in shares]
        assert {len(part) for part in parts} == {-(-len(batch) // world)}
        together = np.concatenate(parts).tolist()
        assert set(together) == set(batch.tolist())
        padding = -len(batch) % world
        assert len(together) == len(batch) + padding
        if not padding:
            assert len(set(together)) == len(together)


@given(st.integers(0, 50), st.integers(1, 20))
def test_in_order(count, batch_size):
    batches = in_order(count, batch_size)
    assert [row for batch in batches for row in batch] == list(range(count))
    assert all(len(batch) == batch_size for batch in batches[:-1])


def test_reading_brings_the_rows_asked_for():
    images = make_images(20)
    order = shuffled(np.arange(3, 20), 5, seed=0)
    batches = list(read_batches(images, order, torch.device("cpu"), epoch=3))
    assert [batch.indices.tolist() for batch in batches] == [rows.tolist() for rows in order]
    assert [(batch.progress, batch.epoch) for batch in batches] == [(1.0, 3)] * 3
    for batch in batches:
        assert torch.equal(batch.images, images.__getitems__(batch.indices))


def test_reading_nothing():
    assert list(read_batches(make_images(4), [], torch.device("cpu"))) == []


class Asked:
    """Notes which rows were asked for at once."""

    image_shape = (1, 2, 2)

    def __init__(self):
        self.rows = []

    def __getitems__(self, rows):
        self.rows.append(rows.tolist())
        return torch.zeros(len(rows), 1, 2, 2)


def test_one_read_is_ahead_and_no_more(monkeypatch):
    monkeypatch.setattr("facies.training.batches.BYTES_AT_ONCE", 2 * 16)
    images = Asked()
    batches = read_batches(images, in_order(10, 2), torch.device("cpu"))
    next(batches)
    next(batches)
    batches.close()
    assert images.rows == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(("held", "reads"), [(1, 5), (4, 2), (1000, 1)])
def test_small_batches_are_read_together(monkeypatch, held, reads):
    monkeypatch.setattr("facies.training.batches.BYTES_AT_ONCE", held * 16)
    images = Asked()
    order = in_order(10, 2)
    batches = list(read_batches(images, order, torch.device("cpu")))
    assert len(images.rows) == reads
    assert [batch.indices.tolist() for batch in batches] == [rows.tolist() for rows in order]
    assert [len(batch.images) for batch in batches] == [2] * 5


def test_an_error_of_the_reader_reaches_the_loop():
    class Broken:
        image_shape = (1, 2, 2)

        def __getitems__(self, rows):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(read_batches(Broken(), in_order(4, 2), torch.device("cpu")))

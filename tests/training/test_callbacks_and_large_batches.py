"""Callbacks with their state, objectives that look at a large batch before its batches, partners by index."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from facies.training import Callback, EMATeacher, LargeBatchObjective, StageCheckpoints, Trainer
from facies.training import loop as training_loop
from facies.training.batches import in_large_batches
from tests.training.factories import (
    CPU,
    Interrupted,
    Redraw,
    RedrawLargeBatches,
    WeightRecorder,
    build,
    make_images,
    make_training,
)

TRAINING = make_training(epochs=3, batch_size=4, learning_rate=1e-2)
# 24 images: 2 large batches of 3 batches each


def trained(objective, folder=None, training=TRAINING, callback=None):
    network = build()
    trainer = Trainer(0, CPU, StageCheckpoints(folder))
    return network, trainer.fit(network, make_images(), objective, training, callbacks=[callback or WeightRecorder()])


def same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_large_batches_are_of_whole_batches_in_their_order():
    batches = np.array_split(np.arange(100), 10)
    groups = in_large_batches(batches, 32)
    assert [len(group) for group in groups] == [3, 4, 3]
    np.testing.assert_array_equal(np.concatenate([np.concatenate(group) for group in groups]), np.arange(100))
    assert [len(group) for group in in_large_batches(batches, None)] == [1] * 10
    assert [len(group) for group in in_large_batches(batches, 1000)] == [10]
    assert [len(group) for group in in_large_batches(batches, 1)] == [1] * 10


def test_every_image_is_in_one_large_batch_an_epoch_and_in_one_batch_of_it():
    objective = RedrawLargeBatches()
    assert isinstance(objective, LargeBatchObjective)
    assert not isinstance(Redraw(), LargeBatchObjective)
    trained(objective)
    assert [epoch for epoch, _ in objective.large_batches] == [0, 0, 1, 1, 2, 2]
    for epoch in range(3):
        first, second = (rows for of, rows in objective.large_batches if of == epoch)
        assert len(first) == len(second) == 12
        assert sorted(first + second) == list(range(24))
        steps = objective.seen[6 * epoch : 6 * epoch + 6]
        assert np.concatenate(steps[:3]).tolist() == first
        assert np.concatenate(steps[3:]).tolist() == second
    assert objective.progress == pytest.approx([step / 18 for step in range(18)])


def test_large_batches_change_nothing_but_what_is_compared():
    class Plain(RedrawLargeBatches):
        def __call__(self, module, batch):
            return Redraw.__call__(self, module, batch)

    plain, _ = trained(Redraw(noise=0.1))
    large, _ = trained(Plain(noise=0.1))
    same(plain.state_dict(), large.state_dict())


def test_killed_anywhere_a_training_by_large_batches_goes_on_as_if_unbroken(tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_SAVES", 0.0)
    unbroken, result = trained(RedrawLargeBatches(noise=0.1))
    kills = 0
    for _ in range(30):
        try:
            resumed, again = trained(RedrawLargeBatches(noise=0.1, stop_at=4), tmp_path)
            break
        except Interrupted:
            kills += 1
    assert kills == 5  # 18 steps; four a time, of which the three of a whole large batch stay
    same(resumed.state_dict(), unbroken.state_dict())
    same(again.callback_states[0], result.callback_states[0])
    assert again.callback_states[0]["steps"] == 18
    strip = lambda rows: [{k: v for k, v in row.items() if k != "seconds"} for row in rows]  # noqa: E731
    assert strip(again.rows) == strip(result.rows)


def test_a_callback_is_called_each_epoch_and_may_end_the_training(tmp_path):
    recorder = WeightRecorder(last=2)
    _, result = trained(Redraw(), tmp_path, callback=recorder)
    assert recorder.calls == ["start", 1, 2]
    assert [row["epoch"] for row in result.rows] == [1, 2]
    assert list(result.callback_states[0]) == ["steps", "weight 1", "weight 2"]
    again = WeightRecorder(last=2)
    _, resumed = trained(Redraw(), tmp_path, callback=again)
    assert again.calls == ["start"]  # a training that was ended stays so when it is resumed
    same(resumed.callback_states[0], result.callback_states[0])


def test_several_callbacks_keep_states_apart(tmp_path):
    first, second = WeightRecorder(), WeightRecorder(last=1)
    trainer = Trainer(0, CPU, StageCheckpoints(tmp_path))
    trainer.fit(build(), make_images(), Redraw(), TRAINING, callbacks=[first, second])
    assert first.calls == second.calls == ["start", 1]
    fresh = [WeightRecorder(), WeightRecorder(last=1)]
    Trainer(0, CPU, StageCheckpoints(tmp_path)).fit(build(), make_images(), Redraw(), TRAINING, callbacks=fresh)
    same(fresh[0].state, first.state)
    same(fresh[1].state, second.state)


class TeacherAndStudent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.student, self.teacher = build(), build().requires_grad_(False)

    def forward(self, images):
        return self.student(images)


def test_the_teacher_follows_the_student_step_by_step(tmp_path):
    networks = TeacherAndStudent()
    expected = {name: tensor.clone() for name, tensor in networks.teacher.named_parameters()}

    class Follow(Callback):
        def on_step_end(self, module, batch) -> None:
            for name, tensor in module.student.named_parameters():
                expected[name] = 0.9 * expected[name] + 0.1 * tensor.detach()

    callbacks = [Follow(), EMATeacher("student", "teacher", momentum=0.9)]
    Trainer(0, CPU).fit(networks, make_images(), Redraw(), TRAINING, callbacks=callbacks)
    for name, tensor in networks.teacher.named_parameters():
        torch.testing.assert_close(tensor, expected[name], atol=1e-6, rtol=1e-5)
        assert not torch.equal(tensor, networks.student.get_parameter(name))
    for name, tensor in networks.teacher.named_buffers():
        assert torch.equal(tensor, networks.student.get_buffer(name))


def test_partners_come_with_their_images_and_change_each_epoch():
    images, partners = make_images(), (np.arange(24)[:, None] + np.array([1, 5, 7])) % 24
    drawn = []

    class Pairs(Redraw):
        def __call__(self, module, batch):
            pairs = zip(batch.indices.tolist(), batch.partner_indices.tolist(), strict=True)
            drawn.append(dict(pairs))
            assert torch.equal(batch.partners, images.__getitems__(batch.partner_indices))
            assert torch.equal(batch.images, images.__getitems__(batch.indices))
            return super().__call__(module, batch)

    def run():
        drawn.clear()
        Trainer(0, CPU).fit(build(), images, Pairs(), TRAINING, partners=partners)
        return [dict(itertools.chain(*(part.items() for part in drawn[6 * e : 6 * e + 6]))) for e in range(3)]

    epochs = run()
    for epoch in epochs:
        assert sorted(epoch) == list(range(24))
        assert all(partner in partners[row] for row, partner in epoch.items())
    assert epochs[0] != epochs[1] != epochs[2]
    assert run() == epochs

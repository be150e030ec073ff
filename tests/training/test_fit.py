"""The training loop: seeded, resumable at any step, and careful with what is not its own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.training import StageCheckpoints, Trainer
from facies.training import loop as training_loop
from facies.training.checkpoints import load_state
from facies.training.trainer import apply_in_batches
from tests.training.factories import CPU, Interrupted, NotANumber, Redraw, build, make_images, make_training, train

TRAINING = make_training(epochs=3, batch_size=6, learning_rate=1e-2)
STEPS_AN_EPOCH = 4  # of 24 images


def weights(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def assert_equal(one, other):
    assert set(one) == set(other)
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def curves(trainer):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in trainer.rows]


@pytest.fixture
def images():
    return make_images()


@pytest.fixture
def unbroken(images):
    network = build()
    trainer = train(network, images, Redraw(noise=0.1), TRAINING)
    return weights(network), curves(trainer)


def test_learns(images):
    network = build()
    before = weights(network)
    trainer = train(network, images, Redraw(), make_training(30, 6, 1e-2))
    losses = [row["loss"] for row in trainer.rows]
    assert losses[-1] < 0.5 * losses[0]
    assert not network.training
    assert not torch.equal(network.state_dict()["blocks.0.weight"], before["blocks.0.weight"])
    assert network.state_dict()["blocks.1.num_batches_tracked"] == 30 * STEPS_AN_EPOCH


def test_rows_of_the_curves(images):
    trainer = train(build(), images, Redraw(), TRAINING)
    assert [row["epoch"] for row in trainer.rows] == [1, 2, 3]
    for row in trainer.rows:
        assert set(row) == {"stage", "epoch", "seconds", "loss", "error"}
        assert row["seconds"] > 0


def test_a_curve_is_the_mean_of_the_steps(images):
    losses = []

    class Told(Redraw):
        def __call__(self, module, batch):
            terms = super().__call__(module, batch)
            losses.append(terms["loss"].item())
            return terms

    trainer = train(build(), images, Told(), TRAINING)
    assert [row["loss"] for row in trainer.rows] == pytest.approx(np.mean(np.reshape(losses, (3, -1)), axis=1))


def test_every_epoch_shows_every_row_once_in_a_new_order(images):
    objective, rows = Redraw(), np.arange(2, 20)
    train(build(), images, objective, TRAINING, rows=rows)
    epochs = np.reshape(np.concatenate(objective.seen), (3, 18))
    for epoch in epochs:
        assert sorted(epoch.tolist()) == rows.tolist()
    assert epochs[0].tolist() != epochs[1].tolist() != epochs[2].tolist()


def test_two_seeded_fits_are_equal_and_two_seeds_differ(images, unbroken):
    again, other = build(), build()
    assert curves(train(again, images, Redraw(noise=0.1), TRAINING)) == unbroken[1]
    assert_equal(weights(again), unbroken[0])
    train(other, images, Redraw(noise=0.1), TRAINING, random_state=1)
    assert not torch.equal(other.state_dict()["blocks.0.weight"], unbroken[0]["blocks.0.weight"])


@pytest.mark.parametrize("stop_at", range(3 * STEPS_AN_EPOCH))
def test_stopped_at_any_step_and_resumed_is_as_unbroken(images, unbroken, stop_at, tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_SAVES", 0.0)
    with pytest.raises(Interrupted):
        train(build(), images, Redraw(noise=0.1, stop_at=stop_at), TRAINING, folder=tmp_path)
    network, rest = build(), Redraw(noise=0.1)
    trainer = train(network, images, rest, TRAINING, folder=tmp_path)
    assert len(rest.seen) == 3 * STEPS_AN_EPOCH - stop_at
    assert_equal(weights(network), unbroken[0])
    assert curves(trainer) == unbroken[1]


def test_stopped_again_and_again(images, unbroken, tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_SAVES", 0.0)
    for _ in range(5):
        with pytest.raises(Interrupted):
            train(build(), images, Redraw(noise=0.1, stop_at=2), TRAINING, folder=tmp_path)
    network = build()
    assert curves(train(network, images, Redraw(noise=0.1), TRAINING, folder=tmp_path)) == unbroken[1]
    assert_equal(weights(network), unbroken[0])


def test_the_place_kept_holds_adams_moments(images, tmp_path):
    network = build()
    trainer = train(network, images, Redraw(noise=0.1), TRAINING, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    kept = load_state(file)
    assert_equal(kept["module"], weights(network))
    count = len(list(network.parameters()))
    assert set(kept["optimizer"]) == {f"{n}/{key}" for n in range(count) for key in ("step", "exp_avg", "exp_avg_sq")}
    assert kept["optimizer"]["0/step"] == 3 * STEPS_AN_EPOCH
    assert kept["loop"]["epoch"] == 3
    assert kept["loop"]["rows"] == trainer.rows


def test_without_a_long_wait_places_are_kept_after_each_epoch_alone(images, tmp_path):
    with pytest.raises(Interrupted):
        train(build(), images, Redraw(noise=0.1, stop_at=STEPS_AN_EPOCH + 2), TRAINING, folder=tmp_path)
    rest = Redraw(noise=0.1)
    train(build(), images, rest, TRAINING, folder=tmp_path)
    assert len(rest.seen) == 2 * STEPS_AN_EPOCH


def test_a_resumed_bar_ends_where_an_unbroken_one_does(images, tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_SAVES", 0.0)

    class Count:
        def start(self, stage, total, unit):
            self.total, self.done = total, 0

        def advance(self, count, note=""):
            self.done += count

        def finish(self):
            assert self.done == self.total

        def say(self, line):
            pass

    with pytest.raises(Interrupted):
        train(build(), images, Redraw(stop_at=6), TRAINING, folder=tmp_path)
    count = Count()
    Trainer(0, CPU, StageCheckpoints(tmp_path), count).fit(build(), images, Redraw(), TRAINING)
    assert count.done == count.total == 3 * 24


def test_early_stopping_waits_for_its_patience(images):
    trainer = train(
        build(), images, Redraw(scale=0.0), make_training(20, 6, patience=3)
    )  # the loss is 0 from the start
    assert len(trainer.rows) == 4
    assert len(train(build(), images, Redraw(scale=0.0), make_training(6, 6)).rows) == 6


def test_early_stopping_lets_a_falling_loss_fall(images):
    assert len(train(build(), images, Redraw(), make_training(8, 6, 1e-2, patience=2)).rows) == 8


def test_a_stopped_training_stays_stopped_when_resumed(images, tmp_path):
    train(build(), images, Redraw(scale=0.0), make_training(20, 6, patience=3), folder=tmp_path)
    rest = Redraw(scale=0.0)
    train(build(), images, rest, make_training(20, 6, patience=3), folder=tmp_path)
    assert rest.seen == []


def test_gradient_clipping():
    images, norms = make_images(6), []

    def clipped(clip):
        network = build(batch_norm=False)
        train(network, images, Redraw(scale=1e4), make_training(1, 6, 1e-2, gradient_clip=clip))
        norms.append(math.sqrt(sum(parameter.grad.square().sum().item() for parameter in network.parameters())))

    clipped(None)
    clipped(0.5)
    clipped(1e9)
    assert norms[0] > 100
    assert norms[1] == pytest.approx(0.5, rel=1e-3)
    assert norms[2] == pytest.approx(norms[0])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_told(images, value):
    with pytest.raises(InputError, match=r"no longer a number.*lower the learning rate") as caught:
        train(build(), images, NotANumber(value), TRAINING)
    assert "\n" not in str(caught.value)


def test_a_loss_that_is_no_number_is_not_kept(images, tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_SAVES", 0.0)
    with pytest.raises(InputError):
        train(build(), images, NotANumber(), TRAINING, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    assert all(tensor.isfinite().all() for tensor in load_state(file)["module"].values())


def test_the_callers_random_state_is_not_touched(images):
    torch.manual_seed(11)
    np.random.seed(11)  # noqa: NPY002 - the global generator is what is looked at
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    trainer = Trainer(0, CPU)
    network = trainer.build(build)
    trainer.fit(network, images, Redraw(noise=0.1), TRAINING)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_the_callers_random_state_has_no_say(images, unbroken):
    torch.manual_seed(12345)
    network = build()
    train(network, images, Redraw(noise=0.1), TRAINING)
    assert_equal(weights(network), unbroken[0])


def test_built_modules_have_weights_of_their_seed():
    def make():
        return torch.nn.Linear(3, 2)

    one, same, other = Trainer(0, CPU).build(make), Trainer(0, CPU).build(make), Trainer(1, CPU).build(make)
    assert torch.equal(one.weight, same.weight)
    assert not torch.equal(one.weight, other.weight)


def test_apply_in_batches(images):
    network = build().eval()
    told = []

    class Count:
        def advance(self, count, note=""):
            told.append(count)

    whole = network(images.__getitems__(range(24))).detach().numpy()
    (found,) = apply_in_batches(network, images, torch.device("cpu"), batch_size=7, progress=Count())
    np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32
    assert told == [7, 7, 7, 3]
    two = apply_in_batches(
        lambda pixels: (pixels, pixels.mean(dim=(1, 2, 3)).double()), images, torch.device("cpu"), batch_size=7
    )
    assert [array.shape for array in two] == [(24, 2, 6, 6), (24,)]
    assert two[1].dtype == np.float32

"""Stages: run once, in order, and not again when their results are kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.training import Stage, StageCheckpoints, Trainer
from tests.training.factories import CPU, Interrupted, Redraw, build, make_images, make_training

TRAINING = make_training(2, 6, 1e-2)


class Method:
    """Three stages, of which two train; raises in the stage named `stop_in`."""

    def __init__(self, stop_in=None, folder=None):
        self.stop_in, self.ran = stop_in, []
        self.trainer = Trainer(5, CPU, StageCheckpoints(folder))
        self.images = make_images()

    def stage(self, name, work):
        def run(found):
            self.ran.append(name)
            results = work(found)
            if name == self.stop_in:
                raise Interrupted
            return results

        return Stage(name, run)

    def first(self, found):
        network = self.trainer.build(build)
        self.trainer.fit(network, self.images, Redraw(0.1), TRAINING)
        return {"network": dict(network.state_dict()), "seed": self.trainer.seed("x")}

    def second(self, found):
        return {"sum": float(found["network"]["blocks.0.weight"].max()), "array": np.arange(3)}

    def third(self, found):
        network = build()
        network.load_state_dict(found["network"])
        for _ in range(2):
            self.trainer.fit(network, self.images, Redraw(0.1), TRAINING)
        return {"network": dict(network.state_dict()), "total": found["sum"] + found["array"].sum().item()}

    def run(self):
        stages = [("code", self.first), ("latent size", self.second), ("experts", self.third)]
        return self.trainer.run([self.stage(*stage) for stage in stages])


def curves(trainer):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in trainer.rows]


def same(found, wanted):
    assert set(found) == set(wanted)
    assert found["sum"] == wanted["sum"]
    assert found["total"] == wanted["total"]
    assert found["seed"] == wanted["seed"]
    for name, tensor in wanted["network"].items():
        assert torch.equal(found["network"][name], tensor)


def test_stages_hand_on_what_they_find():
    method = Method()
    found = method.run()
    assert method.ran == ["code", "latent size", "experts"]
    assert found["total"] == found["sum"] + 3
    assert list(method.trainer.timings) == ["code", "latent size", "experts"]
    assert [(row["stage"], row["epoch"]) for row in method.trainer.rows] == [
        *[("code", epoch) for epoch in (1, 2)],
        *[("experts", epoch) for epoch in (1, 2, 1, 2)],
    ]


@pytest.mark.parametrize(("stop_in", "rest"), [("code", 3), ("latent size", 2), ("experts", 1)])
def test_finished_stages_are_not_run_again(tmp_path, stop_in, rest):
    unbroken = Method()
    wanted = unbroken.run()
    with pytest.raises(Interrupted):
        Method(stop_in, tmp_path).run()
    resumed = Method(folder=tmp_path)
    same(resumed.run(), wanted)
    assert resumed.ran == ["code", "latent size", "experts"][3 - rest :]
    assert curves(resumed.trainer) == curves(unbroken.trainer)
    assert list(resumed.trainer.timings) == ["code", "latent size", "experts"]


def test_a_finished_fit_is_only_read(tmp_path):
    first = Method(folder=tmp_path)
    wanted = first.run()
    again = Method(folder=tmp_path)
    same(again.run(), wanted)
    assert again.ran == []
    assert again.trainer.rows == first.trainer.rows  # seconds too
    assert again.trainer.timings == first.trainer.timings
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "01-code.safetensors",
        "02-latent-size.safetensors",
        "03-experts.safetensors",
    ]


def test_seeds_differ_between_stages_and_fits():
    seeds = []
    for random_state in (0, 1):
        trainer = Trainer(random_state, CPU)
        trainer.run(
            [Stage(name, lambda found, t=trainer: seeds.append(t.seed("draw")) or {}) for name in ("one", "two")]
        )
    assert len(set(seeds)) == 4

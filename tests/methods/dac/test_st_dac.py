"""`st-dac` on pictures of four kinds: what it finds, sets upright, refuses and warns of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from facies.errors import FaciesWarning, InputError
from facies.methods import load_method, make_method
from facies.methods.dac.losses import STDACObjective
from facies.methods.dac.st_dac import STDAC, fitting_places
from facies.nn import STDACNetwork
from facies.training import loop as training_loop
from tests.methods.factories import pictures

PICTURES = {
    "n_clusters": 4,
    "filters": 4,
    "hidden_size": 32,
    "training.pairing_batch_size": 160,
    "training.batch_size": 32,
    "training.epochs": 12,
    "n_init": 1,
    "random_state": 2,
    "hardware.accelerator": "cpu",
}


TINY = {
    "training.epochs": 2,
    "training.pairing_batch_size": 40,
    "training.batch_size": 20,
    "restarts": 0,
    "training.regroup": (),
}


def quick(**parameters) -> STDAC:
    """Finds the kinds; parameters by their dotted names."""
    return make_method("st-dac", "quick", {**PICTURES, **parameters})


def tiny(**parameters) -> STDAC:
    """Quick to fit, and learns next to nothing."""
    return quick(**{**TINY, **parameters})


@pytest.fixture(scope="module")
def fitted(pixels):
    return quick().fit(pixels)


@pytest.fixture(scope="module")
def few(pixels):
    return pixels[:80]


def test_finds_the_kinds(drawn, fitted):
    assert adjusted_rand_score(drawn[1], fitted.labels_) >= 0.9
    fresh, kinds = pictures(each=30, seed=5)
    assert adjusted_rand_score(kinds, fitted.predict(fresh)) >= 0.9


def test_what_a_fit_leaves(fitted):
    assert fitted.n_clusters_ == 4
    assert fitted.embedding_.shape == (320, 4)
    rectified = torch.from_numpy(fitted.embedding_).relu().softmax(dim=1).numpy()
    np.testing.assert_allclose(fitted.probabilities_, rectified, atol=1e-6)
    assert list(fitted.timings_) == ["scale", "learn", "statistics", "assign", "projection"]
    assert {"loss", "pairs", "consistency", "positives"} <= set(fitted.history_)
    losses = fitted.history_["loss"].tolist()
    assert losses[-1] < 0.6 * losses[0]
    assert 0.2 < fitted.history_["positives"].iloc[-1] < 0.3
    assert [note.partition(":")[0] for note in fitted.notes_] == [
        f"after epoch {epoch} the images were regrouped by the maps of the network" for epoch in (4, 7)
    ]


def test_an_image_alone_is_what_it_is_among_others(pixels, fitted):
    alone = np.concatenate([fitted.predict_proba(pixels[row : row + 1]) for row in range(12)])
    np.testing.assert_allclose(alone, fitted.predict_proba(pixels)[:12], atol=1e-5)
    of_one_kind = pixels[fitted.labels_ == 1]
    assert set(fitted.predict(of_one_kind)) == {1}


def test_statistics_are_gathered_after_the_training_or_run_along_with_it(few):
    gathered, running = tiny().fit(few), tiny(batch_statistics="running").fit(few)
    assert "statistics" not in running.timings_
    one, other = gathered.network_.state_dict(), running.network_.state_dict()
    differing = {name for name, tensor in one.items() if not torch.equal(tensor, other[name])}
    assert differing
    assert all("running_" in name for name in differing)
    np.testing.assert_array_equal(gathered.course_["epoch_labels"], running.course_["epoch_labels"])
    # After the whole population has been gathered, groups are those of the last epoch's batch statistics.
    assert np.mean(gathered.labels_ == gathered.course_["epoch_labels"][-1]) > 0.9
    np.testing.assert_array_equal(running.predict(few), running.labels_)


def test_the_course_of_the_fit_is_kept_for_the_report(pixels, fitted):
    arrays = fitted.run_arrays()
    assert sorted(arrays) == ["epoch_examples", "epoch_labels", "example_rows"]
    assert arrays["epoch_labels"].shape == (12, 320)
    assert arrays["epoch_labels"].dtype == np.int16
    assert np.mean(arrays["epoch_labels"][-1] == fitted.labels_) > 0.95
    assert arrays["epoch_examples"].shape == (2, 32, 1, 16, 16)
    rows = arrays["example_rows"]
    assert rows.dtype == np.int64
    np.testing.assert_allclose(arrays["epoch_examples"][1], fitted.canonical(pixels[rows]), atol=0.01)
    assert np.abs(arrays["epoch_examples"][1] - arrays["epoch_examples"][0]).max() > 1
    assert tiny(n_transformers=0).run_arrays() == {}


def test_canonical_images_are_in_their_own_units_and_size(pixels, fitted):
    upright = fitted.canonical(pixels[:20])
    assert upright.shape == (20, 1, 16, 16)
    assert upright.dtype == np.float32
    assert pixels.min() <= upright.min()
    assert upright.max() <= pixels.max()
    assert np.abs(upright[:, 0] - pixels[:20]).mean() > 1


def test_without_a_transformer_at_the_input_there_are_no_canonical_images(few):
    for options in ({"n_transformers": 0}, {"n_transformers": 1, "transformer_places": (1,)}):
        model = tiny(**options).fit(few)
        assert not model.has_canonical_pose
        assert list(model.run_arrays()) == ["epoch_labels"]
        with pytest.raises(InputError, match="sets no images upright"):
            model.canonical(few)


def test_transformers_stand_where_they_are_told(few):
    assert quick(n_transformers=3).places == (0, 2, 3)
    assert quick(n_transformers=1, transformer_places=(2, 0)).places == (2,)
    model = tiny(**{"n_transformers": 3, "theta_init": "identity", "training.epochs": 1}).fit(few)
    assert list(model.network_.transformers) == ["0", "2", "3"]
    begun = STDACNetwork((1, 16, 16), 4, filters=4, hidden_size=32, theta_init="identity")
    theta = begun.theta(model.preprocessor_.transform(torch.from_numpy(few[:2, None]).float()))
    torch.testing.assert_close(theta, 0.999 * torch.eye(2, 3).expand(2, 2, 3))


def test_the_course_of_the_fit_stays_with_the_fit_and_not_with_the_model(fitted, tmp_path):
    fitted.save(tmp_path)
    assert load_method(tmp_path).run_arrays() == {}


def test_a_margin_where_contents_reach_the_border_is_said_and_goes_with_the_model(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 20, (80, 12, 12)).astype(np.uint8)
    pixels[:40, :, 5:7] = 200  # upright, a cross, flat and oblique strokes from border to border
    pixels[20:60, 5:7] = 200
    pixels[60:, np.arange(12), np.arange(12)] = 200
    model = tiny(transformer_places=(0,), n_transformers=1).fit(pixels)
    assert any("a margin of 2 pixels" in note for note in model.notes_)
    assert model.network_.head[1].in_features == 16 * 4 * 4
    assert model.canonical(pixels[:3]).shape == (3, 1, 12, 12)
    model.save(tmp_path)
    np.testing.assert_array_equal(load_method(tmp_path).predict(pixels), model.labels_)


def test_regrouping_needs_an_epoch_after_it(few):
    with pytest.raises(
        InputError, match=r"training.regroup=\[0.3\]: no epoch comes after it; give training.epochs=2 or more"
    ):
        tiny(**{"training.epochs": 1, "training.regroup": (0.3,)}).fit(few)


def test_the_fashion_preset_has_the_values_of_the_authors_script():
    model, paper = make_method("st-dac", "fashion"), make_method("st-dac", "paper")
    assert (model.lower, model.upper) == (0.9, 0.99)
    views = model.augmentation
    assert (views.rotation, views.shift, views.zoom, views.channel_shift, views.factor) == (20, 0.18, 0.15, 0.1, 0.95)
    assert views.flip
    assert model.hidden_size == paper.hidden_size == 3096
    assert model.training.regroup == paper.training.regroup == ()
    assert views.margin == paper.augmentation.margin == 0


class Interrupted(Exception):
    """Stands for a kill."""


def assert_same(model, expected):
    for name in ("labels_", "embedding_", "probabilities_", "projection_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(expected, name), err_msg=name)
    assert model.run_arrays().keys() == expected.run_arrays().keys()
    for name, array in expected.run_arrays().items():
        np.testing.assert_array_equal(model.run_arrays()[name], array, err_msg=name)
    columns = [name for name in expected.history_ if name != "seconds"]
    assert model.history_[columns].equals(expected.history_[columns])


@pytest.fixture(scope="module")
def unbroken(few):
    return tiny(image_size=12, **{"training.regroup": (0.5,)}).fit(few)


def stop_after(monkeypatch, steps: int) -> None:
    step, left = training_loop.TrainingLoop._step, {"steps": steps}

    def counted(self, *arguments):
        if left["steps"] == 0:
            raise Interrupted
        left["steps"] -= 1
        return step(self, *arguments)

    monkeypatch.setattr(training_loop.TrainingLoop, "_step", counted)


def test_killed_in_every_large_batch_a_fit_goes_on_as_if_unbroken(few, unbroken, tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_SAVES", 0.0)
    for _ in range(3):  # 8 steps; three a time, of which the two of a whole large batch are kept
        with monkeypatch.context() as patched:
            stop_after(patched, 3)
            with pytest.raises(Interrupted):
                clone(unbroken).fit(few, work_folder=tmp_path)
    assert_same(clone(unbroken).fit(few, work_folder=tmp_path), unbroken)


def collapse(monkeypatch, times: int) -> list[int]:
    """Let the first trainings say that all pairs are alike; returns the trainings that were begun."""
    compare, begun = STDACObjective.compare, []

    def all_alike(self, epoch):
        compare(self, epoch)
        if epoch == 0 and id(self) not in {id(each) for each in begun}:
            begun.append(self)
        if [each is self for each in begun].index(True) < times:
            self.alike = torch.ones_like(self.alike)
            self.positives = torch.ones(())

    monkeypatch.setattr(STDACObjective, "compare", all_alike)
    return begun


def test_a_collapse_ends_the_training_and_is_said(few, monkeypatch):
    begun = collapse(monkeypatch, 9)
    with pytest.warns(
        FaciesWarning, match="the groups have collapsed: 100% of all pairs .* 25% would .* set restarts=3"
    ):
        model = tiny(**{"training.epochs": 5}).fit(few)
    assert len(begun) == 1
    assert model.history_["epoch"].tolist() == [1]
    assert any("the groups have collapsed" in note for note in model.notes_)


def test_all_images_in_one_group_are_a_collapse(few):
    """Not by force: a threshold at which everything is alike from the beginning draws all images together."""
    with pytest.warns(FaciesWarning, match="the groups have collapsed"):
        model = tiny(upper=0.3, lower=0.3, **{"training.epochs": 6, "training.learning_rate": 1e-2}).fit(few)
    assert model.history_["epoch"].max() < 6
    assert model.history_["positives"].iloc[-1] > 0.625


def test_a_collapsed_training_is_begun_anew_from_another_seed(few, monkeypatch, tmp_path):
    begun = collapse(monkeypatch, 2)
    model = tiny(restarts=3).fit(few, work_folder=tmp_path)
    assert len(begun) == 3
    assert model.history_["stage"].tolist() == ["learn", "learn 2", "learn 3", "learn 3"]
    assert model.history_["loss"].iloc[0] != model.history_["loss"].iloc[1]  # of other weights and other batches
    assert any("collapsed in 2 of 3 trainings" in note for note in model.notes_)
    assert len(model.course_["epoch_labels"]) == 2


def test_if_all_collapse_the_least_collapsed_is_kept(few, monkeypatch):
    compare, shares = STDACObjective.compare, iter([0.9, 0.7, 0.8])
    monkeypatch.setattr(
        STDACObjective, "compare", lambda self, epoch: (compare(self, epoch), vars(self).update(positives=torch.tensor(next(shares))))
    )  # fmt: skip
    with pytest.warns(FaciesWarning, match=r"collapsed: 70% of all pairs .* lower training\.learning_rate"):
        model = tiny(**{"restarts": 2, "training.pairing_batch_size": 80}).fit(few)
    monkeypatch.undo()
    assert model.history_["positives"].round(1).tolist() == [0.9, 0.7, 0.8]


def test_of_several_trainings_the_one_with_the_least_loss_is_kept(few):
    one, three = tiny().fit(few), tiny(n_init=3).fit(few)
    assert three.history_["stage"].tolist() == ["learn"] * 2 + ["learn 2"] * 2 + ["learn 3"] * 2
    losses = three.history_["loss"].to_numpy()[1::2]
    assert losses[0] == one.history_["loss"].iloc[-1]  # the first begins as it would alone
    assert len(set(losses)) == 3
    (note,) = three.notes_
    assert f"of 3 trainings number {losses.argmin() + 1} is kept, with a loss of {losses.min():.3g}" in note
    # What is kept is that network: its groups after the last epoch are those of no other training.
    kept = three.course_["epoch_labels"]
    assert kept.shape == (2, 80)
    assert (losses.argmin() == 0) == np.array_equal(kept, one.course_["epoch_labels"])


def test_a_collapsed_training_is_not_the_best_of_several(few, monkeypatch):
    """Its loss is the least there can be, and it is no find."""
    begun = collapse(monkeypatch, 1)
    model = tiny(n_init=2, restarts=1).fit(few)
    assert len(begun) == 3
    assert model.history_["stage"].tolist() == ["learn"] + ["learn 2"] * 2 + ["learn 3"] * 2
    assert model.history_["loss"].iloc[0] < model.history_["loss"].iloc[[2, 4]].min()
    assert any("collapsed in 1 of 3 trainings" in note for note in model.notes_)
    assert any("number 1 is kept" not in note and "is kept" in note for note in model.notes_)
    assert len(model.course_["epoch_labels"]) == 2


def test_a_restart_is_resumed_too(few, monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        collapse(patched, 1)
        expected = tiny(restarts=1).fit(few)
    with monkeypatch.context() as patched:
        collapse(patched, 1)
        stop_after(patched, 7)  # four of the first, three of the second
        with pytest.raises(Interrupted):
            tiny(restarts=1).fit(few, work_folder=tmp_path)
    # The first training is not run again, so nothing need be forced to collapse.
    assert_same(tiny(restarts=1).fit(few, work_folder=tmp_path), expected)


def test_labels_change_nothing(few, unbroken):
    from facies.images import open_images
    from facies.images.labels import as_labels

    known = open_images(few).replace(labels=as_labels([f"kind {row % 4}" for row in range(80)], 80, "kinds"))
    assert known.labels is not None
    assert_same(clone(unbroken).fit(known), unbroken)


@pytest.mark.parametrize("form", ["colour", "stack", "oblong", "floats", "large"])
def test_forms_of_images(few, form):
    images = {
        "colour": np.repeat(few[:, None], 3, axis=1),
        "stack": np.repeat(few[:, None, None], 4, axis=1),
        "oblong": few[:, :9],
        "floats": few.astype(np.float32) / 255 - 3,
        "large": np.kron(few, np.ones((2, 2), np.uint8)),
    }[form]
    model = tiny(**{"training.epochs": 1, "image_size": 16}).fit(images)
    np.testing.assert_array_equal(model.predict(images), model.labels_)
    assert model.canonical(images[:3]).shape == (3, *model.image_shape_)


def test_which_transformers_fit():
    assert fitting_places((28, 28)) == [0, 1, 2, 3]
    assert fitting_places((8, 20)) == [0, 1, 2]
    assert fitting_places((6, 6)) == [0, 1]
    assert fitting_places((3, 3)) == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_clusters": 1}, "n_clusters=1: give a whole number of 2 or more; the nearest is 2"),
        ({"n_clusters": 21}, r"more groups than a batch holds images \(20\); set training.batch_size=63, or fewer groups"),
        ({"training.batch_size": 2}, "training.batch_size=2: give 4 or more"),
        (
            {"n_clusters": 90, "training.batch_size": 100, "training.pairing_batch_size": 100},
            "80 images are fewer than the 90 groups",
        ),
        (
            {"training.pairing_batch_size": 10},
            "training.pairing_batch_size=10: it holds at least a batch; give 20 or more",
        ),
        ({"upper": 0.7, "lower": 0.8}, "lower is never above upper"),
        ({"upper": 1.0}, "upper=1.0: give a number of more than 0 and less than 1"),
        ({"dropout": 1.0}, "dropout=1.0: give a number of 0 or more and less than 1"),
        ({"hidden_size": 0}, "hidden_size=0: give a whole number of 1 or more"),
        ({"training.epochs": 0}, "training.epochs=0: give a whole number of 1 or more"),
        ({"training.epochs": "auto"}, "epochs='auto' must be settled"),
        ({"consistency": -1.0}, "consistency=-1.0: give a number of 0 or more"),
        ({"n_init": 0}, "n_init=0: give a whole number of 1 or more"),
        ({"restarts": -1}, "restarts=-1: give a whole number of 0 or more"),
        ({"augmentation.zoom": 1.5}, "augmentation.zoom=1.5: give a number of 0 or more and less than 1"),
        ({"augmentation.channel_shift": -1.0}, "augmentation.channel_shift=-1.0: give a number from 0 to 1"),
        ({"n_transformers": 4}, "n_transformers=4: give 0 to 3"),
        ({"transformer_places": (0, 4)}, r"transformer_places=\(0, 4\): give a list whose entries are each .* from 0 to 3"),
        ({"transformer_places": (0, 0)}, r"transformer_places=\[0, 0\]: give different numbers from 0"),
        ({"theta_init": "zero"}, "choose from tanh_identity, identity"),
        ({"image_size": 6}, r"images of 6 × 6 pixels: st-dac needs 8 or more .*set image_size=8 or more"),
        ({"image_size": 8, "n_transformers": 3}, "transformer after block 3 would see 2 × 2, and needs 4 or more a side"),
    ],
)  # fmt: skip
def test_what_is_refused(few, parameters, words):
    with pytest.raises(InputError, match=words) as caught:
        tiny(**parameters).fit(few)
    assert "\n" not in str(caught.value)


def test_images_that_cannot_be_used(few):
    fit = "transformers would fit at the input and after block 1"
    with pytest.raises(
        InputError, match=rf"^images of 6 × 16 pixels: st-dac needs 8 or more a side \({fit}\); enlarge"
    ):
        tiny().fit(few[:, :6])
    with pytest.raises(InputError, match="no transformer would fit"):
        tiny().fit(few[:, :3])
    with pytest.raises(InputError, match="holds 1 image; at least 2 images are needed"):
        tiny().fit(few[:1])
    with pytest.raises(InputError, match=r"^3 images are fewer than the 4 groups asked for"):
        tiny().fit(few[:3])
    with pytest.raises(InputError, match="all 40 images are equal, there is nothing to group"):
        tiny().fit(np.full((40, 16, 16), 7, np.uint8))


def test_constant_images_among_others_are_placed(few):
    images = np.concatenate([few, np.zeros((8, 16, 16), np.uint8)])
    model = tiny().fit(images)
    assert len(set(model.labels_[80:])) == 1
    assert np.isfinite(model.probabilities_).all()


def test_paper_s_settings_are_the_defaults():
    paper = make_method("st-dac", "paper")
    training, views = paper.training, paper.augmentation
    assert paper.parameters() == STDAC().parameters()
    assert (paper.filters, paper.hidden_size, paper.dropout) == (64, 3096, 0.5)
    assert (training.epochs, training.batch_size, training.learning_rate) == (10, 32, 1e-4)
    assert (paper.upper, paper.lower, paper.consistency) == (0.99, 0.8, 10.0)
    assert (views.rotation, views.zoom, views.shift, views.channel_shift, views.factor) == (10, 0.05, 0.1, 0.05, 0.975)


def test_the_file_for_other_programs_says_the_same(few, tmp_path):
    from facies.export.onnx import MAX_DIFFERENCE, export_onnx
    from facies.images import as_image_set

    model = tiny(**{"n_transformers": 3, "image_size": 16, "training.epochs": 1}).fit(
        np.kron(few, np.ones((2, 2), np.uint8))
    )
    images = as_image_set(np.kron(few[:8], np.ones((2, 2), np.uint8)))
    assert export_onnx(model, images, tmp_path / "model.onnx") <= MAX_DIFFERENCE


def test_poses_that_agree_are_learnt_where_a_transformer_stands_at_the_input(few):
    posed = tiny(
        pose_consistency=True,
        theta_init="identity",
        **{"augmentation.rotation": 30.0, "training.epochs": 30, "training.learning_rate": 3e-3},
    ).fit(few)
    losses = posed.history_["pose"].dropna()
    assert len(losses) == 30
    assert losses.iloc[-1] < 0.9 * losses.iloc[0]
    without = tiny(pose_consistency=True, n_transformers=1, transformer_places=(2,)).fit(few)
    assert "pose" not in without.history_

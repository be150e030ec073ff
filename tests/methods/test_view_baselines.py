"""`cc`, `moco-k-means`, `spice`, `ibot-c`, `aspc-da`, `dcp`, `cvcl`, `jule`: what is theirs alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.images import open_images
from facies.losses import mean_entropy, nt_xent
from facies.methods import jule, make_method
from facies.methods.aspc_da import SelfPacing
from facies.methods.autoencoder_clustering import ClusteringNetwork
from facies.methods.cc import CCObjective
from facies.methods.ibot_c import RisingTeacher
from facies.methods.jule import partners_of, spread
from facies.methods.preprocessing import Preprocessor
from facies.methods.spice import equal_shares
from facies.metrics import accuracy
from facies.nn import ConvEmbedding, MLPAutoencoder, MomentumNetwork, PixelNormalizer, ResidualEncoder, TwoHeads
from facies.nn.paired_views import PairedAutoencoder, SecondView
from facies.nn.vision_transformer import TokenDistillation, VisionTransformer, draw_blocks
from facies.training import Batch
from tests.methods.factories import pictures
from tests.methods.test_contract import images, small

PLAIN = Preprocessor(PixelNormalizer(likelihood="gaussian"))


def batch(count: int = 6, side: int = 8) -> Batch:
    generator = torch.Generator().manual_seed(1)
    return Batch(torch.rand(count, 1, side, side, generator=generator), torch.arange(count), progress=0.5)


def test_the_queue_holds_the_last_projections_and_no_gradient():
    network = MomentumNetwork(ResidualEncoder((1, 8, 8), 2), 16, 3, queue_size=5)
    first = torch.nn.functional.normalize(torch.arange(9.0).reshape(3, 3) + 1, dim=1)
    network.enqueue(first)
    torch.testing.assert_close(network.queue[:3], first)
    network.enqueue(-first)
    torch.testing.assert_close(network.queue, torch.cat([-first[2:], first[1:3], -first[:2]]))
    network.enqueue(first.repeat(4, 1))
    assert len(network.queue) == 5
    queries, keys = network(torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8))
    assert queries.requires_grad
    assert not keys.requires_grad


def test_a_queue_longer_than_a_quarter_of_the_images_is_said_and_embeddings_have_length_one():
    method = small("moco-k-means").fit(images())
    assert method.notes_ == ["the queue held 15 views, a quarter of the images"]
    np.testing.assert_allclose(np.linalg.norm(method.embedding_, axis=1), 1, atol=1e-5)


def test_the_loss_of_cc_is_that_of_rows_and_of_columns():
    torch.manual_seed(0)
    network, given = TwoHeads(ResidualEncoder((1, 8, 8), 2), 16, 4, 3).eval(), batch()
    terms = CCObjective(PLAIN, 0.5, 1.0)(network, given)
    z, p = network(given.images)
    rows, columns = nt_xent(z, z, 0.5), nt_xent(p.T, p.T, 1.0)
    expected = rows + columns + 2 * (math.log(3) - mean_entropy(p))
    assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_masks_are_rectangles_of_about_their_share():
    torch.manual_seed(0)
    masks = draw_blocks(200, (7, 7), 0.3, torch.device("cpu")).reshape(-1, 7, 7)
    assert 0.2 < float(masks.float().mean()) < 0.4
    for mask in masks:
        rows, columns = mask.any(dim=1), mask.any(dim=0)
        assert torch.equal(mask, rows[:, None] & columns[None])
        assert mask.any()
    assert draw_blocks(3, (1, 1), 0.3, torch.device("cpu")).all()


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 9, 13)])
def test_hidden_patches_are_hidden_and_the_teacher_learns_nothing_itself(shape):
    torch.manual_seed(0)
    encoder = VisionTransformer(shape, 4, 8, 1, 2).eval()
    seen, other = torch.rand(2, *shape), torch.rand(2, *shape)
    count = encoder.grid[0] * encoder.grid[1]
    everything = torch.ones(2, count, dtype=torch.bool)
    torch.testing.assert_close(encoder.tokens(seen, everything), encoder.tokens(other, everything))
    assert encoder(seen).shape == (2, encoder.features) == (2, 16)
    network = TokenDistillation(encoder, 8, 5)
    some = everything.clone()
    some[0, 0] = some[1, -1] = False
    (student, student_patches), (teacher, teacher_patches) = network(seen, some)
    assert student.shape == teacher.shape == (2, 5)
    assert student_patches.shape == teacher_patches.shape == (2 * count - 2, 5)
    torch.testing.assert_close(teacher, network.teacher.head(encoder.tokens(seen)[:, 0]))
    torch.testing.assert_close(teacher_patches, network.teacher.head(encoder.tokens(seen)[:, 1:])[some])
    torch.testing.assert_close(student_patches, network.student.head(encoder.tokens(seen, some)[:, 1:])[some])
    assert student.requires_grad
    assert not teacher.requires_grad
    network.follow(torch.ones_like(teacher_patches))
    torch.testing.assert_close(network.patch_centre, torch.full((5,), 0.1))


def test_places_are_seen_beside_patches():
    """Patches of standardised images vary about as much as places do, so that neither hides the other."""
    torch.manual_seed(0)
    encoder = VisionTransformer((1, 16, 16), 4, 64, 1, 2)
    patches = encoder.patches(torch.randn(20, 1, 16, 16)).std()
    assert 0.5 < float((encoder.position.std() / patches).detach()) < 2


def test_the_teacher_of_ibot_comes_to_rest():
    module = torch.nn.ModuleDict({"student": torch.nn.Linear(1, 1), "teacher": torch.nn.Linear(1, 1)})
    teacher = RisingTeacher("student", "teacher", 0.9)
    momenta = []
    for progress in (0.0, 0.5, 1.0):
        teacher.on_step_end(module, Batch(torch.zeros(1, 1), torch.zeros(1), progress=progress))
        momenta.append(teacher.momentum)
    assert momenta == pytest.approx([0.9, 0.95, 1.0])


def test_a_transformer_that_learnt_nothing_says_so(monkeypatch):
    method = small("ibot-c", outputs=64)
    assert not method.learning_notes(0.5 * math.log(64))
    (note,) = method.learning_notes(0.95 * math.log(64))
    assert "its loss ended at 3.95, and 4.16 is that of even answers" in note
    monkeypatch.setattr("facies.methods.ibot_c.LEARNT", 0.0)
    assert any("learnt next to nothing" in line for line in small("ibot-c").fit(images()).notes_)


def test_tokens_that_heads_cannot_share_are_refused():
    with pytest.raises(InputError, match="width=17: 2 heads share it; give a multiple of 2"):
        small("ibot-c", width=17).fit(images())


def test_self_pacing_leaves_out_what_is_far_and_moves_centres_to_the_rest():
    torch.manual_seed(0)
    network = ClusteringNetwork(MLPAutoencoder((1, 4, 4), 2, hidden_sizes=(8,)), 2, 2)
    shown = open_images(np.random.default_rng(0).random((20, 4, 4)).astype(np.float32))
    codes = network.encode(shown.__getitems__(np.arange(20))).detach()
    network.centres.requires_grad_(False).copy_(codes[:2])
    pacing = SelfPacing(shown, PLAIN, interval=2, tolerance=0.0)
    pacing.on_fit_start(network)
    assert pacing.weights.tolist() == [1.0] * 20
    squares, labels = torch.cdist(codes, codes[:2]).min(dim=1).values.square(), pacing.labels
    pacing.on_step_end(network, batch())
    assert pacing.weights.tolist() == [1.0] * 20
    pacing.on_step_end(network, batch())
    assert not pacing.on_epoch_end(network, 3, {})
    kept = squares <= squares.mean() + 2 / 4 * squares.std(correction=0)
    assert pacing.weights.bool().tolist() == kept.tolist()
    assert 0 < int(kept.sum()) < 20
    for group in range(2):
        torch.testing.assert_close(network.centres[group], codes[kept & (labels == group)].mean(dim=0))
    again = SelfPacing(shown, PLAIN, interval=1, tolerance=1.0)
    again.load_state_dict(pacing.state_dict())
    assert torch.equal(again.weights, pacing.weights)
    again.on_step_end(network, batch())
    assert again.on_epoch_end(network, 4, {})  # not all change


@pytest.mark.parametrize("name", ["aspc-da", "dcn", "dynae"])
def test_no_gradient_moves_centres_that_are_means_of_codes(name):
    method = make_method(name, "quick", {"n_clusters": 2, "latent_size": 3})
    network = method.with_groups(MLPAutoencoder((1, 4, 4), 3))
    assert not network.centres.requires_grad
    assert all(parameter.requires_grad for parameter in network.autoencoder.parameters())


@pytest.mark.parametrize("kind", ["smoothed", "edges"])
def test_the_second_view_is_another_picture_and_both_have_codes(kind):
    view, shown = SecondView(kind, 1.0), batch().images
    flat = view(torch.ones(1, 1, 8, 8))
    torch.testing.assert_close(flat, torch.full_like(flat, 1.0 if kind == "smoothed" else 0.0), atol=1e-5, rtol=0)
    assert view(shown).var() < shown.var() if kind == "smoothed" else view(shown).min() >= 0
    network = PairedAutoencoder((1, 8, 8), view, [6], 3, softmax=True).eval()
    codes = network.embed(shown)
    assert codes.shape == (6, 6)
    torch.testing.assert_close(codes.reshape(6, 2, 3).sum(dim=2), torch.ones(6, 2))


def test_partners_are_of_the_same_group():
    labels, rows = np.array([0, 1, 0, 2, 1, 0]), np.array([1, 2, 4, 5, 7, 8])
    partners = partners_of(labels, rows, 10, seed=0)
    every = spread(labels, rows, 10)
    assert (every[partners] == every[:, None]).all()
    assert (partners[0] == 0).all()
    assert set(partners[1].tolist()) == {1, 4, 8}


@pytest.mark.parametrize("side", [8, 28, 50])
def test_convolutions_give_directions_at_any_size(side):
    network = ConvEmbedding((2, side, side + 3), filters=3, size=5)
    found = network(torch.rand(4, 2, side, side + 3))
    assert found.shape == (4, 5)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4))


def test_images_beyond_those_that_are_merged_follow_and_a_note_says_so(monkeypatch):
    monkeypatch.setattr(jule, "MOST_IMAGES", 40)
    method = small("jule").fit(images())
    assert any("among 40 of the 60 images" in note for note in method.notes_)
    assert len(method.labels_) == 60


def test_each_group_teaches_a_classifier_as_often():
    shares = equal_shares(np.array([0, 0, 0, 1, 2, 2]))
    np.testing.assert_allclose(shares, [1 / 9, 1 / 9, 1 / 9, 1 / 3, 1 / 6, 1 / 6])


@pytest.mark.parametrize(("epochs", "momentum"), [(1, 0.0), (20, 0.5), (1000, 0.99)])
def test_what_is_kept_of_a_short_training_is_not_its_beginning(epochs, momentum):
    method = make_method("spice", parameters={"semi.epochs": epochs, "semi.batch_size": 112})
    assert method._classifier_momentum(100) == pytest.approx(momentum)


LONGER = {
    "aspc-da": {
        "network": "conv",
        "filters": 8,
        "latent_size": 4,
        "augmentation.shift": 0.05,
        "pretraining.epochs": 30,
        "pretraining.batch_size": 40,
        "training.epochs": 10,
        "training.batch_size": 40,
        "update_interval": 20,
    },
    "cc": {"training.epochs": 15, "training.batch_size": 40, "filters": 4},
    "cvcl": {
        "pretraining.epochs": 10,
        "training.epochs": 30,
        "training.batch_size": 40,
        "hidden_size": 64,
        "head_size": 64,
    },
    "dcp": {"training.epochs": 20, "training.batch_size": 40, "hidden_size": 64, "latent_size": 16},
    "jule": {"filters": 8, "training.epochs": 3, "training.batch_size": 40},
    "moco-k-means": {"training.epochs": 15, "training.batch_size": 40, "filters": 4},
}


@pytest.mark.parametrize("name", LONGER)
def test_kinds_are_found_also_in_images_never_seen(name):
    pixels, kinds = pictures(each=40)
    views = {"views.flip": False} if name in ("cc", "moco-k-means") else {}
    method = make_method(name, parameters={"n_clusters": 4, **views, **LONGER[name]}).fit(pixels)
    assert accuracy(kinds, method.labels_) > 0.9
    new, new_kinds = pictures(each=10, seed=1)
    assert accuracy(new_kinds, method.predict(new)) > 0.9
    assert np.isfinite(method.history_["loss"]).all()

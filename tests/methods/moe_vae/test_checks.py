"""What a fit refuses before it begins."""

from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from tests.methods.factories import tiny


@pytest.fixture
def images():
    return np.random.default_rng(0).random((40, 16, 16))


CHOICES = ["selection", "likelihood", "target", "expert_size", "autoencoder", "activation", "grouping", "epochs"]


@pytest.mark.parametrize("name", CHOICES)
def test_an_unknown_choice_is_named_with_those_there_are(images, name):
    with pytest.raises(InputError, match=rf"^{name}='nonsense' is not known; choose from ") as caught:
        tiny(**{name: "nonsense"}).fit(images)
    assert "\n" not in str(caught.value)


def test_a_work_folder_of_other_images_is_refused(images, tmp_path):
    method = tiny(grouping="gaussian-mixture", n_clusters=2)
    method._check_work_folder(tmp_path, _set(images))
    method._check_work_folder(tmp_path, _set(images))
    with pytest.raises(InputError, match="other images or parameters"):
        method._check_work_folder(tmp_path, _set(images[::-1]))
    with pytest.raises(InputError, match="other images or parameters"):
        tiny(grouping="gaussian-mixture", n_clusters=3)._check_work_folder(tmp_path, _set(images))


def _set(images):
    from facies.images import open_images

    return open_images(np.ascontiguousarray(images))

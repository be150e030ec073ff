"""Settings of all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes says something of the machine, and nothing of the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(autouse=True, scope="session")
def features_of_tests_are_kept_apart(tmp_path_factory):
    """No test reads or fills the cache of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACIES_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield

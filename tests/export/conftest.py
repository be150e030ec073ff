from __future__ import annotations

import pytest

from tests.methods.factories import fitted_small, pictures


@pytest.fixture(scope="session")
def drawn():
    """320 pictures and their kinds."""
    return pictures()


@pytest.fixture(scope="session")
def pixels(drawn):
    return drawn[0]


@pytest.fixture(scope="session")
def fitted():
    """A `moe-vae` that was fitted to these pictures, for tests that change nothing of it."""
    return fitted_small()

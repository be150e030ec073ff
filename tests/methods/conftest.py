from __future__ import annotations

import pytest

from tests.methods.factories import pictures, small


@pytest.fixture(scope="session")
def drawn():
    """320 pictures and their kinds."""
    return pictures()


@pytest.fixture(scope="session")
def pixels(drawn):
    return drawn[0]


@pytest.fixture(scope="session")
def fitted(drawn):
    """One fit, for all who only look at it."""
    return small().fit(drawn[0])

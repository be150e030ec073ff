"""Settings of all tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from facies.runs import confirm_folder

# How long an example takes says something of the machine, and nothing of the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30


def pytest_configure(config: pytest.Config) -> None:
    """Let the tests write into memory, where there is room: every run and every action waits for the disk else.

    What is on a disk after the power fails no test can see; a process that is killed loses nothing in either place.
    """
    chosen = config.option.basetemp or os.environ.get("PYTEST_DEBUG_TEMPROOT")
    if not chosen and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


@pytest.fixture(autouse=True, scope="session")
def _state_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what a user has confirmed in a folder of the tests, and confirm the folders that they make."""
    os.environ["FACIES_STATE"] = str(tmp_path_factory.mktemp("state"))
    confirm_folder(tmp_path_factory.getbasetemp())


@pytest.fixture(autouse=True, scope="session")
def _features_of_tests_are_kept_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Read and fill no cache of the user."""
    os.environ["FACIES_CACHE"] = str(tmp_path_factory.mktemp("cache"))

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from facies.runs import RunFolder
from tests.atlas.browser.expert import Expert
from tests.atlas.browser.factories import write_digits
from tests.atlas.browser.live_server import live_server

# Software WebGL: there is no graphics card where the tests run, and the rest of the page is not drawn by it, which more
# than doubled the processor time of the tests. The rest keeps Chromium from asking the network.
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu-compositing",
    "--disable-gpu-rasterization",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path is not None, "the tests of the page need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pristine_digits(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that no test writes to."""
    return write_digits(tmp_path_factory.mktemp("digits"))


@pytest.fixture
def digits(pristine_digits: RunFolder, tmp_path: Path) -> RunFolder:
    return RunFolder(shutil.copytree(pristine_digits.path, tmp_path / "digits"))


@pytest.fixture
def address(digits: RunFolder) -> Iterator[str]:
    with live_server(digits.path) as place:
        yield place


@pytest.fixture
def new_expert(chromium: Browser) -> Iterator[Callable[..., Expert]]:
    """Make experts, each with a browser profile of their own; the tour was seen already, and nothing turns while one waits."""
    contexts = []

    def make(width: int = 1280, height: int = 800, *, tour: bool = False, **options: Any) -> Expert:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, **{"reduced_motion": "reduce", **options}
        )
        context.set_default_timeout(30_000)
        if not tour:
            context.add_init_script("localStorage.setItem('facies-tour', 'seen')")
        contexts.append(context)
        return Expert(context.new_page())

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def expert(new_expert: Callable[..., Expert], address: str) -> Expert:
    """An expert at the open page."""
    return new_expert().open(address)

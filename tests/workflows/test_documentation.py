"""The Python code in the documentation runs, one block after the other, on images in a folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from facies.methods import METHODS
from tests.workflows.factories import make_photos

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["README.md", "docs/api/workflows.md"])
def test_code_blocks(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "moe-vae", "tests.workflows.factories:Brightness")
    monkeypatch.chdir(tmp_path)
    make_photos(tmp_path / "my_images", 60)
    make_photos(tmp_path / "new_images", 6, seed=1)
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    assert (tmp_path / "my_run" / "run.json").is_file()

from __future__ import annotations

import sys

import pytest

from facies.atlas.server.serve import has_screen
from tests.atlas.atlas_process import running_atlas


@pytest.mark.parametrize(
    ("platform", "variables", "opens"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("darwin", {}, True),
    ],
)
def test_a_browser_is_opened_where_there_is_a_screen(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], opens: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert has_screen() is opens


def test_each_start_has_a_token_of_its_own() -> None:
    with running_atlas() as first, running_atlas() as second:
        tokens = [atlas.address.split("token=")[1] for atlas in (first, second)]
        assert tokens[0] != tokens[1]
        assert all(len(token) >= 32 for token in tokens)
        headers = {"Authorization": f"Bearer {tokens[0]}"}
        assert first.client.get("/api/runs", headers=headers).status_code == 200
        assert second.client.get("/api/runs", headers=headers).status_code == 401

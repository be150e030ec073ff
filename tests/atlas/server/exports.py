"""Begins an export and waits for its file."""

from __future__ import annotations

import time
from typing import Any

from tests.atlas.factories import Browser


def export_bytes(browser: Browser, to: str, **fields: Any) -> bytes:
    """The bytes of an export."""
    return named_export(browser, to, **fields)[1]


def named_export(browser: Browser, to: str, **fields: Any) -> tuple[str, bytes]:
    """The name and the bytes of an export."""
    job = browser.post("/exports", {"to": to, **fields}, 202)["job"]
    for _ in range(600):
        answer = browser.client.get(f"/api/runs/run/exports/{job}")
        if answer.status_code != 409 or "working" not in answer.json()["error"]:
            break
        time.sleep(0.05)
    assert answer.status_code == 200, answer.text
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment")
    return disposition.split("filename=")[1].strip('"'), answer.content

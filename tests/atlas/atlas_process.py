"""A real server: the command, started as a user starts it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass
class AtlasProcess:
    """The command while it runs, and a client that has its token."""

    process: subprocess.Popen[str]
    address: str
    client: httpx.Client

    def act(self, **action: Any) -> httpx.Response:
        """Do something in the first run."""
        return self.client.post("/api/runs/run/actions", json=action)


@contextlib.contextmanager
def running_atlas(
    *arguments: str | Path, cwd: Path | None = None, program: Path | None = None
) -> Iterator[AtlasProcess]:
    """Start ``facies atlas --no-browser ARGUMENTS``, or a program that stands for ``facies``, and wait for its address."""
    start = ["-m", "facies.cli"] if program is None else [str(program)]
    command = [sys.executable, *start, "atlas", "--no-browser", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=cwd
    ) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            if not address:
                raise AssertionError(process.communicate()[1])
            base, token = address.split("/?token=")
            with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
                yield AtlasProcess(process, address, client)
        finally:
            if process.poll() is None:
                process.kill()

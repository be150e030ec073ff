"""The web server of the atlas: one router per file, and the authentication that every request passes."""

from __future__ import annotations

from facies.atlas.server.addresses import is_local
from facies.atlas.server.app import make_app
from facies.atlas.server.serve import serve

__all__ = ["is_local", "make_app", "serve"]

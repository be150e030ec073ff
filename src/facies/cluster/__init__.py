"""From an embedding to groups, without a network."""

from __future__ import annotations

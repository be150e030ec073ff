"""Several thumbnails in one picture, so that a page of the gallery is a few requests, and not hundreds."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from facies.atlas.services.pictures import webp

COLUMNS = 8
"""Number of thumbnails side by side; fewer thumbnails are in one line."""
MAX_THUMBNAILS = 64
"""Number of thumbnails in one picture."""


def contact_sheet(thumbnails: Sequence[Image.Image | None], tile: int) -> bytes:
    """Return a WebP file with thumbnails in the middle of squares of side ``tile``, `COLUMNS` in a line.

    One that is None leaves its square black, as the square around a thumbnail that is smaller.
    """
    colour = any(picture is not None and picture.mode == "RGB" for picture in thumbnails)
    columns = min(COLUMNS, len(thumbnails))
    sheet = Image.new("RGB" if colour else "L", (columns * tile, -(-len(thumbnails) // columns) * tile))
    for place, picture in enumerate(thumbnails):
        if picture is not None:
            line, column = divmod(place, columns)
            left, top = (tile - picture.width) // 2, (tile - picture.height) // 2
            sheet.paste(picture, (column * tile + left, line * tile + top))
    return webp(sheet)

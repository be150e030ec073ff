"""What plankton imagers write, drawn here: tables of EcoTaxa, PlanktoScope and ZooProcess with vignettes, and bins of an IFCB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw


def draw_plankton(seed: int, band: bool = False, bar: int = 24) -> Image.Image:
    """Draw a dark object on grey, of a size of its own; with a band of 48 pixels that has a scale bar at the bottom."""
    rng = np.random.default_rng(seed)
    width, height = int(rng.integers(60, 90)), int(rng.integers(60, 90))
    pixels = rng.normal(200, 6, (height, width)).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    reach = 12 if seed % 2 else 24
    middle = (width / 2, height / 2)
    draw.ellipse((middle[0] - reach, middle[1] - 10, middle[0] + reach, middle[1] + 10), fill=60)
    if seed % 3 == 0:
        draw.rectangle((width // 2 - 3, height // 2, width // 2 + 3, height), fill=80)  # reaches down to the band
    if not band:
        return picture
    whole = Image.new("L", (width, height + 48), 255)
    whole.paste(picture, (0, 0))
    draw = ImageDraw.Draw(whole)
    draw.rectangle((8, height + 12, 8 + bar, height + 15), fill=0)
    draw.text((8, height + 22), "100 um", fill=0)
    return whole


def ecotaxa_rows(n: int, **columns: Sequence[Any] | Any) -> list[dict[str, Any]]:
    """Make the rows of a table: one object each, half of them in each of two acquisitions."""
    rows = [
        {
            "img_file_name": f"obj_{number}.png",
            "img_rank": 0,
            "object_id": f"net_{number}",
            "object_area": 100.5 + number,
            "object_date": "20140420",
            "object_time": "042000",
            "object_annotation_category": "Copepoda" if number % 2 else "detritus",
            "object_annotation_status": "validated",
            "sample_id": "net",
            "acq_id": f"net_{number * 2 // n}",
            "process_id": "net_p",
        }
        for number in range(n)
    ]
    for name, values in columns.items():
        for number, row in enumerate(rows):
            row[name] = values[number] if isinstance(values, list | tuple) else values
    return rows


def tsv(rows: Sequence[Mapping[str, Any]], *, types: bool = True, quote: str = "", delimiter: str = "\t") -> str:
    """Write rows as a table of EcoTaxa, with or without its row of types."""
    names = list(rows[0])

    def line(cells: Sequence[Any]) -> str:
        return delimiter.join(f"{quote}{cell}{quote}" for cell in cells)

    lines = [line(names)]
    if types:
        lines.append(line(["[f]" if isinstance(rows[0][name], int | float) else "[t]" for name in names]))
    return "\n".join([*lines, *(line([row[name] for name in names]) for row in rows)]) + "\n"


def write_plankton(
    folder: Path, rows: Sequence[Mapping[str, Any]], table: str = "ecotaxa_net.tsv", **options: Any
) -> Path:
    """Write a table, and a vignette for each of its rows beside it."""
    band = options.pop("band", False)
    path = folder / table
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tsv(rows, **options), "latin-1")
    for number, row in enumerate(rows):
        image = path.parent / str(row["img_file_name"])
        image.parent.mkdir(parents=True, exist_ok=True)
        draw_plankton(number, band).save(image)
    return folder


def write_bin(
    folder: Path,
    name: str,
    regions: Sequence[tuple[int, int, int, np.ndarray | None]],
    *,
    header: str | None = "temperature: 21.5\n",
) -> None:
    """Write an IFCB bin of regions (trigger, x, y, pixels); no pixels is a trigger without a region."""
    folder.mkdir(parents=True, exist_ok=True)
    old = name.startswith("IFCB")
    lines, content = [], b""
    for trigger, x, y, pixels in regions:
        height, width = (0, 0) if pixels is None else pixels.shape
        place = [x, y, width, height, len(content)]
        cells = [trigger, *range(1, 9), *place, 0] if old else [trigger, *range(1, 13), *place, 0, 0, 0, 0]
        lines.append(",".join(map(str, cells)))
        content += b"" if pixels is None else pixels.astype(np.uint8).tobytes()
    (folder / f"{name}.adc").write_text("\n".join(lines) + "\n")
    (folder / f"{name}.roi").write_bytes(content)
    if header is not None:
        (folder / f"{name}.hdr").write_text(f"SoftwareVersion: drawn\n{header}")

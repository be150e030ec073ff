"""The SYNTHETIC core of this example: photographs of grains that were never in the sea.

Five samples of an invented core. From one to the next the share of each kind changes, as it might from a warm time (many
planktic foraminifera) to a cold one (more rock and quartz, brought by ice, and more broken shells).
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facies.grains.synthetic import write_plates

SHARES = {  # per cent of the grains
    #         planktic  benthic  fragments  quartz  dark  rock
    "PS01-005": (46, 12, 12, 16, 6, 8),
    "PS01-045": (38, 12, 18, 18, 6, 8),
    "PS01-085": (16, 10, 22, 26, 10, 16),
    "PS01-125": (10, 8, 18, 30, 12, 22),
    "PS01-165": (34, 14, 14, 20, 8, 10),
}
KINDS = (
    "planktic foraminifer",
    "benthic foraminifer",
    "foraminifer fragment",
    "quartz",
    "dark mineral",
    "rock fragment",
)
ROLES = {
    "planktic foraminifer": "biogenic;whole;planktic",
    "benthic foraminifer": "biogenic;whole;benthic",
    "foraminifer fragment": "biogenic;fragment",
    "quartz": "terrigenous;lithic",
    "dark mineral": "terrigenous;lithic",
    "rock fragment": "terrigenous;lithic",
}
FACTS = {  # of the invented samples: depth (cm), age (ka), dry bulk mass (g), split factor
    "PS01-005": (5, 0.8, 12.1, 64),
    "PS01-045": (45, 7.4, 11.6, 64),
    "PS01-085": (85, 15.2, 13.0, 32),
    "PS01-125": (125, 21.0, 12.4, 32),
    "PS01-165": (165, 31.5, 11.9, 64),
}
UM_PER_PX = 2.5


def write_photographs(folder: Path, stacks: int, seed: int) -> None:
    """Write a folder a sample, with ``stacks`` focal stacks of six photographs each, and samples.csv beside them.

    The photographs have half the sides of those of the paper (640 × 512), and the grains, too.
    """
    for number, (sample, shares) in enumerate(SHARES.items()):
        write_plates(
            folder / sample,
            stacks,
            seed=100 * seed + number,
            grains=dict(zip(KINDS, map(float, shares), strict=True)),
            size=(512, 640),
            grain_size=130.0,
            touching=0.1,
            cut=0.15,
            overwrite=True,
        )


def write_facts(path: Path) -> None:
    """Write what is known of the samples."""
    rows = [
        {
            "sample": sample,
            "core": "PS01 (invented)",
            "depth_cm": depth,
            "age_ka": age,
            "dry_mass_g": mass,
            "split": split,
        }
        for sample, (depth, age, mass, split) in FACTS.items()
    ]
    table = pd.DataFrame(rows).assign(sieve_lower_um=100.0)
    table.to_csv(path, index=False)

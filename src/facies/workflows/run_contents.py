"""From a fitted method to the contents of a run folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from facies.images import ImageSet
from facies.methods import Method
from facies.methods.description import describe
from facies.metrics import evaluate_partition, reliability
from facies.runs import RunContents, partition_table

SAMPLES_PER_GROUP = 16


def run_contents(method: Method, images: ImageSet, manifest: Mapping[str, Any]) -> RunContents:
    """Gather the results of a method that was fitted to images.

    True labels are read here for the first time, and only to measure. `manifest` holds the entries of ``run.json`` that
    the method does not know, such as ``command`` and ``preset``.
    """
    low, high = images.value_range()
    projection = {"method": method.projection_method, "seed": method.random_state}
    return RunContents(
        images=images,
        embedding=method.embedding_,
        projections={method.projection_method.lower(): (method.projection_, projection)},
        partitions=_partition_tables(method, images),
        trees=method.trees(),
        training_curves=method.history_,
        samples=_samples(method, low, high) if method.is_generative and len(images.image_shape) == 3 else None,
        save_model=method.save,
        companions=images.read_companions(),
        arrays=method.run_arrays(),
        canonical_images=CanonicalImages(method, images.clipped()) if method.has_canonical_pose else None,
        manifest={
            "method": method.name,
            "parameters": method.parameters(),
            "seed": method.random_state,
            "timings": method.timings_,
            "metrics": evaluate_partition(
                method.labels_, labels=images.labels, labelled=images.labelled, embedding=method.embedding_
            ),
            "notes": method.notes_,
            "references": [method.reference],
            "method_values": method.run_values(),
            "description": describe(method, manifest.get("preset")),
            "reliability": reliability(method.embedding_, method.labels_),
            **manifest,
            "input": {
                "value_range": [low, high],
                "um_per_px": images.pixel_size_um,
                "has_mask": images.measured is not None,
            },
        },
    )


@dataclass(frozen=True)
class CanonicalImages:
    """The images in the pose in which a fitted method compares them, computed batch by batch."""

    method: Method
    images: ImageSet

    @property
    def table(self) -> pd.DataFrame:
        """The table of the images."""
        return self.images.table

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image: (C, H, W)."""
        return self.images.image_shape

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, batch_size: int) -> Iterator[torch.Tensor]:
        """Yield float32 tensors (at most `batch_size`, C, H, W) of aligned images, in the units of the images."""
        for pixels in self.images.batches(batch_size):
            with torch.no_grad():
                aligned = self.method.to_canonical(pixels.float().to(self.method.device_))
            yield aligned.cpu()


def _partition_tables(method: Method, images: ImageSet) -> dict[str, tuple[pd.DataFrame, Mapping[str, Any]]]:
    return {
        name: (
            partition_table(images.table["id"], partition.labels, method.embedding_, partition.probabilities),
            {"method": partition.description, "seed": method.random_state},
        )
        for name, partition in method.partitions().items()
    }


def _samples(method: Method, low: float, high: float) -> NDArray[np.float32]:
    """Generate images of each group, brought from native units to [0, 1]: (K, n, C, H, W)."""
    generated = np.stack([method.sample(SAMPLES_PER_GROUP, cluster=group) for group in range(method.n_clusters_)])
    return np.clip((generated - low) / ((high - low) or 1.0), 0.0, 1.0).astype(np.float32)

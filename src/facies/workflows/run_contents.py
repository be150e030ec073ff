"""From a fitted method to what a run folder holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from torch import Tensor

    from facies.images import ImageSet
    from facies.methods import Method
    from facies.runs import RunContents

SAMPLES_A_GROUP = 16


def run_contents(method: Method, images: ImageSet, manifest: Mapping[str, Any]) -> RunContents:
    """Gather what a fitted method found.

    Parameters
    ----------
    method : Method
        Fitted to `images`.
    images : ImageSet
        The images; their labels are read here for the first time, and only to measure.
    manifest : mapping
        What the method cannot know: command, preset …

    Returns
    -------
    RunContents
        For `write_run`.
    """
    from facies.grains.extraction import read_outlines, scale_of
    from facies.metrics import evaluate_partition
    from facies.runs import RunContents

    low, high = images.value_range()
    return RunContents(
        images=images,
        embedding=method.embedding_,
        projections={"umap": (method.projection_, {"method": "UMAP", "seed": method.random_state})},
        partitions=_partitions(method, images),
        history=method.history_,
        samples=_samples(method, low, high) if method.samples and len(images.image_shape) == 3 else None,
        save_model=method.save,
        outlines=read_outlines(images),
        arrays=method.run_arrays(),
        upright=Upright(method, images) if method.has_canonical_pose else None,
        manifest={
            "method": method.name,
            "parameters": method.get_params(deep=False),
            "seed": method.random_state,
            "timings": method.timings_,
            "metrics": evaluate_partition(method.labels_, labels=images.labels, embedding=method.embedding_),
            "notes": method.notes_,
            "references": [method.reference],
            **manifest,
            "input": {"value_range": [low, high], "um_per_px": scale_of(images)},
        },
    )


@dataclass(frozen=True)
class Upright:
    """The images as a fitted method sets them, batch by batch."""

    method: Method
    images: ImageSet

    @property
    def table(self) -> pd.DataFrame:
        """That of the images."""
        return self.images.table

    @property
    def image_shape(self) -> tuple[int, ...]:
        """That of the images."""
        return self.images.image_shape

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, batch_size: int) -> Iterator[Tensor]:
        """Yield tensors of images set upright, in native units."""
        import torch

        for pixels in self.images.batches(batch_size):
            with torch.no_grad():
                upright = self.method.upright(pixels.float().to(self.method.device_))
            yield upright.cpu()


def _partitions(method: Method, images: ImageSet) -> dict[str, tuple[pd.DataFrame, Mapping[str, Any]]]:
    """Tables by name; the last one, what the method as a whole says, is the run's default."""
    from facies.runs import partition_table

    ids, seed = images.table["id"], method.random_state
    found: dict[str, tuple[pd.DataFrame, Mapping[str, Any]]] = {}
    if hasattr(method, "density_labels_"):
        table = partition_table(ids, method.density_labels_, method.embedding_)
        found["density"] = (table, {"method": f"the density grouping that {method.name} begins with", "seed": seed})
    table = partition_table(ids, method.labels_, method.embedding_, method.probabilities_)
    found[method.name] = (table, {"method": method.title, "seed": seed})
    return found


def _samples(method: Method, low: float, high: float) -> NDArray[np.float32]:
    """Images generated from each group, brought from native units to [0, 1]."""
    import numpy as np

    drawn = np.stack([method.sample(SAMPLES_A_GROUP, cluster=group) for group in range(method.n_clusters_)])
    return np.clip((drawn - low) / ((high - low) or 1.0), 0.0, 1.0).astype(np.float32)

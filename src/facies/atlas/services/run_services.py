"""The services of one open run: its classifier, its review queues and its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.atlas.services.active_learning import ClassifierLoop
from facies.atlas.services.physical_sizes import physical_sizes
from facies.atlas.services.pictures import Pictures
from facies.atlas.services.review_queues import ReviewQueues
from facies.atlas.services.saved_views import SavedViews
from facies.atlas.state.open_run import OpenRun, Publish
from facies.runs import RunFolder

__all__ = ["RunServices"]


class RunServices:
    """Opens a run and starts its services.

    Parameters
    ----------
    folder, key, publish, partition, user
        As for `OpenRun`, whose errors it raises.

    Attributes
    ----------
    run : OpenRun
        The state of the run.
    pictures : Pictures
        Its images as files.
    queues : ReviewQueues
        Images that the expert should review.
    classifier : ClassifierLoop
        The classifier, fitted again after every change.
    views : SavedViews
        Views that people have named.
    """

    def __init__(
        self, folder: RunFolder, key: str, publish: Publish, partition: str | None = None, user: str | None = None
    ) -> None:
        def publish_status(status: Mapping[str, Any]) -> None:
            publish("probe", {"run": key, **status})

        self.run = OpenRun(folder, key, publish, partition, user)
        try:
            self.pictures = Pictures(folder)
            self.views = SavedViews(folder.path)
            self.queues = ReviewQueues(self.run)
            self.classifier = ClassifierLoop(self.run, publish_status)
        except BaseException:
            self.run.close()
            raise

    @cached_property
    def sizes(self) -> NDArray[np.float32] | None:
        """Width and height of what each image shows, in µm, float32 of shape (N, 2); None where no scale is known."""
        return physical_sizes(self.run.folder)

    def close(self) -> None:
        """End the classifier and all work in the background, and close the run."""
        self.classifier.close()
        self.run.close()

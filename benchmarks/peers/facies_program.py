"""A method of Facies on the same folder of images (`fit_trace.Trace`), by a preset; or the default command, told nothing."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import torch
from fit_trace import Trace

from facies.methods import make_method
from facies.training import apply_in_batches
from facies.training.loop import TrainingLoop
from facies.workflows import cluster

DEFAULT = "default command"
TRACED_STAGE = "cluster"


def trace_epochs(trace: Trace, method: Any) -> None:
    """Record the groups before the first epoch of the joint training and after each."""
    epoch = TrainingLoop._epoch

    def traced(loop: Any, fabric: Any, module: Any, optimizer: Any, state: Any, progress: Any) -> None:
        if loop.name == TRACED_STAGE and state.epoch == 0:
            trace.record(lambda: groups_now(method, loop, module))
        epoch(loop, fabric, module, optimizer, state, progress)
        if loop.name == TRACED_STAGE:
            trace.record(lambda: groups_now(method, loop, module))

    TrainingLoop._epoch = traced  # type: ignore[method-assign]


def groups_now(method: Any, loop: Any, module: Any) -> np.ndarray:
    """The groups of all images by the network as it is."""
    training = module.training
    module.eval()
    prepare = loop.objective.preprocessor.transform
    with torch.no_grad(), mock.patch.object(method, "network_", module, create=True):
        (found,) = apply_in_batches(
            lambda pixels: method.place(module.encode(prepare(pixels))), loop.images, torch.device("cpu")
        )
    module.train(training)
    return found.argmax(axis=1)


def main() -> None:
    """Fit, and write what was found."""
    trace = Trace()
    name, seed = trace.request["parameters"]["algorithm"], trace.request["seed"]
    if name == DEFAULT:
        trace.start()
        run = cluster(
            trace.folder / "images.npy", trace.folder / "run", parameters={"random_state": seed}, overwrite=True
        )
        trace.end(run.partition()[0]["group"].to_numpy(), "facies", "torch", "scikit-learn")
        return
    parameters = {"n_clusters": trace.request["n_groups"], "random_state": seed}
    method = make_method(name, trace.request["parameters"]["preset"], parameters)
    trace_epochs(trace, method)
    images = trace.images()
    trace.start()
    method.fit(images)
    trace.end(method.labels_, "facies", "torch", "scikit-learn")


if __name__ == "__main__":
    main()

"""A deep method of ClustPy on a folder of images (`fit_trace.Trace`), with its own defaults; run in an environment of its own.

ClustPy imports torchvision, which does not import beside a CPU torch; a stand-in takes its place where it is not used.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from typing import Any
from unittest import mock

import numpy as np
import torch
from fit_trace import Trace

GIVEN = ("DEC", "IDEC", "DCN", "VaDE", "AEC", "DKM", "DEN", "DipEncoder", "N2D", "N2D recipe")
"""These are told the number of groups; ACeDeC and ENRC in a way of their own; DDC, DipDECK, DeepECT and SHADE find it."""
TRACED = {"dec": "_DEC_Module", "dcn": "_DCN_Module", "vade": "_VaDE_Module"}
"""Modules whose `fit` trains epoch by epoch and keeps nothing from one to the next, so that one call an epoch is the same."""


def import_clustpy() -> Any:
    """ClustPy's deep methods."""
    for name in (
        "torchvision",
        *(f"torchvision.{part}" for part in ("transforms", "datasets", "models", "models._api")),
    ):
        stand_in = types.ModuleType(name)
        stand_in.__getattr__ = lambda attribute: mock.MagicMock(name=attribute)  # type: ignore[method-assign]
        sys.modules[name] = stand_in
    import clustpy.deep

    return clustpy.deep


def trace_epochs(deep: Any, trace: Trace, pixels: np.ndarray) -> None:
    """Record the groups before the first epoch of the clustering and after each."""
    for file, name in TRACED.items():
        library: Any = sys.modules[f"{deep.__name__}.{file}"]
        cls: Any = getattr(library, name)
        cls.fit = one_call_an_epoch(library, cls.fit, trace, deep.get_dataloader(pixels, 256, shuffle=False))


def one_call_an_epoch(library: Any, fit: Any, trace: Trace, loader: Any) -> Any:
    """The same fit, which asks for the groups between epochs."""
    predict = getattr(library, "_vade_predict_batchwise", None) or library.predict_batchwise

    @functools.wraps(fit)
    def traced(module: Any, *arguments: Any, **named: Any) -> Any:
        given = inspect.signature(fit).bind(module, *arguments, **named)
        epochs, network = given.arguments["n_epochs"], given.arguments["neural_network"]
        given.arguments["n_epochs"] = 1
        for epoch in range(epochs + 1):
            if epoch:
                fit(*given.args, **given.kwargs)
            trace.record(lambda: groups_now(predict, loader, network, module))
        return module

    return traced


@torch.no_grad()
def groups_now(predict: Any, loader: Any, network: Any, module: Any) -> np.ndarray:
    """The groups of all images; no random number is used up."""
    state, training = torch.get_rng_state(), network.training
    module.eval()
    network.eval()
    found = predict(loader, network, module)
    network.train(training)
    module.train()
    torch.set_rng_state(state)
    return np.asarray(found)


def make(deep: Any, name: str, count: int, n_pixels: int, seed: int) -> Any:
    """The method, as its authors leave it, told the number of groups where it takes one."""
    if name == "N2D recipe":  # of McConville et al.: their network, UMAP and their settings
        from clustpy.deep.neural_networks import FeedforwardAutoencoder
        from umap import UMAP

        return deep.N2D(
            n_clusters=count, embedding_size=count, pretrain_epochs=1000, random_state=seed, manifold_class=UMAP,
            manifold_params={"n_components": count, "n_neighbors": 20, "min_dist": 0.0, "random_state": seed},
            neural_network=(FeedforwardAutoencoder, {"layers": [n_pixels, 500, 500, 2000, count]}),
        )  # fmt: skip
    cls = getattr(deep, name)
    if name in GIVEN:
        return cls(n_clusters=count, random_state=seed)
    if name == "ACeDeC":
        return cls(n_clusters=count, random_state=seed)
    if name == "ENRC":  # it finds several partitions; a second one of a single group takes what is not of the first
        return cls(n_clusters=[count, 1], random_state=seed)
    return cls(random_state=seed)


def main() -> None:
    """Fit, and write what was found."""
    deep = import_clustpy()
    trace = Trace()
    torch.manual_seed(trace.request["seed"])
    images = trace.images().astype(np.float32)
    pixels = images.reshape(len(images), -1)
    pixels = (pixels - pixels.min()) / max(float(pixels.max() - pixels.min()), 1e-12)
    name = trace.request["parameters"]["algorithm"]
    trace_epochs(deep, trace, pixels)
    method = make(deep, name, trace.request["n_groups"], pixels.shape[1], trace.request["seed"])
    trace.start()
    method.fit(pixels)
    labels = np.asarray(method.labels_)
    trace.end(labels if labels.ndim == 1 else labels[:, 0], "clustpy", "torch", "scikit-learn")


if __name__ == "__main__":
    main()

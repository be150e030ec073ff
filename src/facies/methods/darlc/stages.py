"""The stages of `darlc`, in the paper's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import nn

from facies.cluster import KMeans, StudentTMixture, principal_axes
from facies.cluster.correlation_graph import correlation_graph, eigengap_n_clusters
from facies.cluster.separate_groups import simplified_silhouette, unit_rows
from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.darlc.denoisers import (
    AttentionView,
    DenoisingObjective,
    GaussianView,
    RegisteredView,
    StopBeforeCopying,
    learn_registered_view,
    view_arrays,
)
from facies.methods.darlc.estimate import seconds_of_learning, time_in_words
from facies.methods.darlc.network import DARLCNetwork, MeasuredScale, discriminants
from facies.methods.darlc.objectives import GroupState, JointObjective, PretrainingObjective
from facies.methods.darlc.seeding import (
    MOST_COMPARED,
    MOST_IN_TREE,
    Rows,
    Smoothed,
    best_smoothing,
    principal_images,
    seeded_groups,
)
from facies.methods.fit_context import FitContext
from facies.metrics.similar_groups import group_notes
from facies.nn.masked_patches import PATCH
from facies.training import EMATeacher, StageOutputs
from facies.training.trainer import apply_in_batches

if TYPE_CHECKING:
    from facies.methods.darlc.settings import Settings

NEIGHBOURS = 20
SIGMA = 1.0
SIDE_OF_SIMILARITY = 32
IMAGES_PER_GROUP = 30
COMPONENTS = 64
THINNING = 0.5
SMALLEST = 5
"""A group has at least a share of 1/(5 K) of the images, or the loss of sizes raises it."""


class DARLCStages:
    """The stages of a fit; each takes the fit and the outputs of the stages before it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def find_patterns(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Which images have a spatial pattern, over the measured pixels, and which pixels these are."""
        images, test = fit.images, self.settings.patterns
        measured = np.ones(images.image_shape[-2:], bool) if images.measured is None else images.measured
        if test.q >= 1:
            return {"measured": measured, "patterned": np.ones(len(images), np.uint8), "largest_p": 1.0, "notes": []}
        pixels = (batch.mean(dim=1).numpy()[:, measured] for batch in images.batches(256))
        p_values, rates = test.measure(pixels, measured, self.settings.random_state)
        patterned = rates <= test.q
        least = self.settings.n_clusters if isinstance(self.settings.n_clusters, int) else 4
        if patterned.sum() < least:
            raise InputError(
                f"{int(patterned.sum())} of {len(images)} images have a spatial pattern, fewer than {least} groups: "
                "set patterns.q=1 to group all, or give other images"
            )
        none = int((~patterned).sum())
        notes = (
            [f"{none:,} of {len(images):,} images have no spatial pattern ({test.title}): unassigned"] if none else []
        )
        return {
            "measured": measured, "patterned": patterned.astype(np.uint8),
            "largest_p": _between(p_values, patterned), "notes": notes,
        }  # fmt: skip

    def denoise(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """The denoised view of the images. First the user is told how long all will take."""
        s, images = self.settings, self._patterned(fit, outputs)
        mask = outputs["measured"].astype(bool)
        measured = torch.from_numpy(mask)
        trial = self._pretraining(GaussianView(measured, SIGMA), images)
        fit.trainer.say(time_in_words(images, seconds_of_learning(s, trial, images, mask, fit.trainer.device)))
        scale = MeasuredScale(measured)
        kind = self._denoiser(images)
        if kind == "registered":
            view, best = learn_registered_view(
                images, scale, measured, n_components=COMPONENTS, hidden=s.attention_width, epochs=20 * s.denoising.n_epochs,
                rate=s.denoising.learning_rate, seed=fit.trainer.seed("view"), device=fit.trainer.device,
            )  # fmt: skip
            return {"view": dict(view.state_dict()), "notes": [*outputs["notes"], _stopped(best)]}
        if kind == "per-image":
            network = fit.trainer.build(lambda: self._view(kind, images, measured))
            stop = StopBeforeCopying(images, scale, fit.trainer.seed("hidden"))
            fit.trainer.fit(network, images, DenoisingObjective(scale), s.denoising, callbacks=[stop])
            return {"view": dict(network.state_dict())}
        return {"view": dict(GaussianView(measured, SIGMA).state_dict())}

    def pretrain(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Module I: masked reconstruction and contrast. Also the number of groups, and the similarity of the images."""
        s, images = self.settings, self._patterned(fit, outputs)
        measured = outputs["measured"].astype(bool)
        view = self._loaded_view(images, outputs)
        scale, mask = MeasuredScale(torch.from_numpy(measured)), torch.from_numpy(measured)
        sigma = best_smoothing(images, scale, mask, fit.trainer.seed("smoothing"), fit.trainer.device)
        rows = Rows(images, scale, Smoothed(mask, sigma), fit.trainer.device)
        similarity = self._similarity(rows)
        n_clusters, notes = self._number_of_groups(len(images), similarity)
        seeds = self._seeds(fit, rows, n_clusters)
        n_clusters, more = int(seeds.max()) + 1, _seeded(sigma, int(seeds.max()) + 1, n_clusters)
        network = fit.trainer.build(lambda: s.build(images.image_shape[0], measured, n_clusters))
        first = rows.some(MOST_COMPARED * 4)[1]
        network.begin(
            principal_images(first, rows.smoothing, images.image_shape[0], s.width, fit.trainer.seed("axes")), sigma
        )
        if s.ablation != "pretraining":
            fit.trainer.fit(
                network, images, self._pretraining(view, images), s.pretraining,
                callbacks=[EMATeacher("online", "target", s.decay)],
            )  # fmt: skip
            if images.measured is None:
                seeds, said = self._learnt_seeds(fit, network, images, seeds)
                more = [*more, said]
        more = [*more, *_assumed(network, self._pretraining(view, images))]
        return {
            "pretrained": dict(network.state_dict()), "asked": n_clusters, "notes": [*outputs["notes"], *notes, *more],
            "seeds": seeds, "graph_rows": similarity.indptr.astype(np.int64), "graph_columns": similarity.indices.astype(np.int64),
            "graph_values": similarity.data.astype(np.float32),
        }  # fmt: skip

    def advance(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Module II: representation and groups together."""
        s, images = self.settings, self._patterned(fit, outputs)
        network = s.build(images.image_shape[0], outputs["measured"].astype(bool), outputs["asked"])
        network.load_state_dict(outputs["pretrained"])
        network.to(fit.trainer.device).eval()
        found = apply_in_batches(lambda pixels: network.vectors(network.scale(pixels)), images, fit.trainer.device)[0]
        vectors, seeds = torch.from_numpy(found), outputs["seeds"]
        network.cpu().head.begin(vectors, discriminants(vectors, torch.from_numpy(seeds), s.latent_size))
        size = len(images)
        graph = csr_array(
            (outputs["graph_values"], outputs["graph_columns"], outputs["graph_rows"]), shape=(size, size)
        )
        groups = GroupState(
            images, graph, self._mixture(fit, outputs["asked"]), seeds, self._judge(fit, images, outputs), epochs=s.training.n_epochs,
            size_limit=1 / (SMALLEST * outputs["asked"]), tolerance=s.tolerance,
            use={"laplacian": s.ablation != "laplacian", "size": s.ablation != "size", "mixture": s.ablation != "mixture"},
        )  # fmt: skip
        if s.ablation == "module-2":
            groups.on_fit_start(network)
        else:
            objective = JointObjective(self._pretraining(self._loaded_view(images, outputs), images), groups)
            fit.trainer.fit(
                network, images, objective, s.training, callbacks=[groups, EMATeacher("online", "target", s.decay)]
            )
        if s.ablation == "mixture":
            self._group_by_kmeans(fit, network.to(fit.trainer.device), images)
        return {"network": dict(network.cpu().state_dict()), **self._kept(fit, network, images, outputs)}

    def _judge(self, fit: FitContext, images: ImageSet, outputs: StageOutputs) -> Callable[[NDArray[np.int64]], float]:
        """What says how well groups hold together in the smoothed images."""
        mask = torch.from_numpy(outputs["measured"].astype(bool))
        sigma = float(outputs["pretrained"]["smoothing.sigma"])
        places, rows = Rows(images, MeasuredScale(mask), Smoothed(mask, sigma), fit.trainer.device).some(MOST_IN_TREE)
        unit = unit_rows(rows)
        return lambda groups: simplified_silhouette(unit, groups[places])

    def group_notes(self, fit: FitContext, labels: NDArray[np.int64]) -> list[str]:
        """Groups that show the same pattern, and one that holds more than half of the images."""
        images = fit.images
        measured = np.ones(images.image_shape[-2:], bool) if images.measured is None else images.measured
        pixels = (batch.numpy()[:, :, measured].reshape(len(batch), -1) for batch in images.batches(256))
        return group_notes(pixels, labels, "images")

    def _kept(self, fit: FitContext, network: DARLCNetwork, images: ImageSet, outputs: StageOutputs) -> StageOutputs:
        """Which groups have images, and a note where some have none."""
        network.to(fit.trainer.device).eval()
        joint = apply_in_batches(
            lambda pixels: network.mixture.joint(network.codes(network.scale(pixels))), images, fit.trainer.device
        )[0]
        kept = np.bincount(joint.argmax(axis=1), minlength=joint.shape[1]) > 0
        notes, empty = [*outputs["notes"]], int((~kept).sum())
        if empty:
            notes.append(f"{empty} of {len(kept)} groups are empty, and were left out")
        return {"kept": kept.astype(np.uint8), "n_clusters": int(kept.sum()), "notes": notes}

    def _group_by_kmeans(self, fit: FitContext, network: DARLCNetwork, images: ImageSet) -> None:
        """Ablation: round groups of equal weight around the centres of k-means in place of the mixture's."""
        network.eval()
        codes = apply_in_batches(lambda pixels: network.codes(network.scale(pixels)), images, fit.trainer.device)[0]
        count = len(network.mixture.logits)
        fitted = KMeans(count, n_init=4, random_state=fit.trainer.seed("k-means") % 2**31).fit(codes)
        with torch.no_grad():
            network.mixture.means.copy_(torch.from_numpy(fitted.cluster_centers_))
            network.mixture.logits.zero_()
            network.mixture.raw_scales.fill_(1.0)
            network.mixture.raw_degrees.fill_(99.0)

    def _patterned(self, fit: FitContext, outputs: StageOutputs) -> ImageSet:
        if outputs["patterned"].all():
            return fit.images
        return fit.images.subset(np.flatnonzero(outputs["patterned"]))

    def _denoiser(self, images: ImageSet) -> str:
        if self.settings.ablation == "attention":
            return "gaussian"
        if self.settings.denoiser == "auto":
            return "per-image" if images.measured is None else "registered"
        return self.settings.denoiser

    def _view(self, kind: str, images: ImageSet, measured: torch.Tensor, n_components: int = 1) -> nn.Module:
        channels = images.image_shape[0]
        if kind == "per-image":
            return AttentionView(measured, channels, self.settings.attention_width, 30)
        if kind == "registered":
            return RegisteredView((channels, *measured.shape), n_components)
        return GaussianView(measured, SIGMA)

    def _loaded_view(self, images: ImageSet, outputs: StageOutputs) -> nn.Module:
        state = outputs["view"]
        count = state["project"].shape[1] if "project" in state else 1
        view = self._view(self._denoiser(images), images, torch.from_numpy(outputs["measured"].astype(bool)), count)
        view.load_state_dict(state)
        return view.requires_grad_(False).eval()

    def _pretraining(self, view: nn.Module, images: ImageSet) -> PretrainingObjective:
        s = self.settings
        thinning = (THINNING if images.measured is None else 0.0) if s.thinning is None else s.thinning
        return PretrainingObjective(view, s.mask_ratio, s.temperature, s.ablation != "contrast", thinning)

    def _similarity(self, rows: Rows) -> csr_array:
        seen = view_arrays(rows.smoothing, rows.images, rows.scale, rows.device, SIDE_OF_SIMILARITY)
        return correlation_graph(seen, NEIGHBOURS)

    def _seeds(self, fit: FitContext, rows: Rows, n_clusters: int) -> NDArray[np.int64]:
        """Groups to begin with: of one tissue those that stand apart, of other images those of k-means."""
        if rows.images.measured is not None:
            return seeded_groups(rows, n_clusters, round(len(rows.images) / (SMALLEST * n_clusters)))
        unit = unit_rows(np.concatenate([rows.of(batch) for batch in rows.images.batches(256)]))
        axes = principal_axes(unit, self.settings.width)
        return self._kmeans(fit, np.asarray(axes.transform(unit), np.float32), n_clusters)

    def _learnt_seeds(
        self, fit: FitContext, network: DARLCNetwork, images: ImageSet, first: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], str]:
        """As many groups by k-means in what module I has learnt, or `first` where it cannot tell so many apart; and which."""
        network.to(fit.trainer.device).eval()
        vectors = apply_in_batches(lambda pixels: network.vectors(network.scale(pixels)), images, fit.trainer.device)[0]
        network.cpu()
        learnt = self._kmeans(fit, unit_rows(vectors), int(first.max()) + 1)
        if learnt.max() == first.max():
            return (
                learnt,
                "the images have no common mask of measured pixels: groups begin with k-means of what was learnt",
            )
        return (
            first,
            f"what was learnt tells fewer than {first.max() + 1} groups apart: groups begin with k-means of the pixels",
        )

    @staticmethod
    def _kmeans(fit: FitContext, rows: NDArray[np.float32], n_clusters: int) -> NDArray[np.int64]:
        found = KMeans(n_clusters, n_init=4, random_state=fit.trainer.seed("k-means") % 2**31).fit(rows)
        return np.asarray(np.unique(found.labels_, return_inverse=True)[1], np.int64)

    def _number_of_groups(self, n_images: int, similarity: csr_array) -> tuple[int, list[str]]:
        asked = self.settings.n_clusters
        if isinstance(asked, int):
            return asked, []
        if asked == "eigen-gap":
            count = eigengap_n_clusters(similarity)
            return count, [f"{count} groups by the largest gap in the spectrum of the images' correlations"]
        count = max(2, round(n_images / IMAGES_PER_GROUP))
        return count, [f"{count} groups: one for {IMAGES_PER_GROUP} images"]

    def _mixture(self, fit: FitContext, n_clusters: int) -> StudentTMixture:
        degrees: Literal["each"] | float = 100.0 if self.settings.ablation == "student-t" else "each"
        return StudentTMixture(
            n_clusters,
            covariance_type="diag",
            degrees_of_freedom=degrees,
            random_state=fit.trainer.seed("mixture") % 2**31,
        )


def _between(p_values: NDArray[np.float64], patterned: NDArray[np.bool_]) -> float:
    """A p-value between those with a pattern and those without, so that rounding moves no image across."""
    largest = float(p_values[patterned].max())
    return (largest + float(p_values[~patterned].min(initial=1.0))) / 2


def _assumed(network: DARLCNetwork, objective: PretrainingObjective) -> list[str]:
    """What was taken because of the images: how much the views are thinned, and how large the patches are."""
    notes = []
    if objective.contrast and objective.thinning:
        notes.append(f"each view of the contrast loses {objective.thinning:.0%} of its pixels (thinning)")
    if network.grid.side > PATCH:
        notes.append(f"patches have {network.grid.side} × {network.grid.side} pixels: smaller ones would be too many")
    return notes


def _seeded(sigma: float, found: int, asked: int) -> list[str]:
    width = f"smoothed by a Gaussian of {sigma:g} pixels" if sigma else "not smoothed"
    notes = [f"images were compared {width}, which predicts hidden pixels best"]
    if found < asked:
        notes.append(f"{found} groups in place of {asked}: so few images differ")
    return notes


def _stopped(epoch: int) -> str:
    return f"the denoiser was best at hidden pixels after {epoch} passes, and was stopped there"

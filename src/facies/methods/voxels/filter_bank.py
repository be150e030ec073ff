"""Classical filters at several scales, turned into a few principal components: the honest rival of what is learnt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import annotated_types as at
import numpy as np
from numpy.typing import NDArray

from facies.methods.voxels.base import VoxelMethod, VoxelSample
from facies.methods.voxels.gaussian_scale import Margined, derivatives, eigenvalues_2d, eigenvalues_3d, radius
from facies.methods.voxels.physical_scale import Shape, Triple, random_tiles

if TYPE_CHECKING:
    from facies.training import Progress

_NONE: Shape = (0, 0, 0)
_ROWS = 100_000
_LEARNING_BOXES = 8


def bank_sigmas(scale_nm: float, n_scales: int) -> list[float]:
    """Standard deviations in nm, each twice the one before; the greatest is a quarter of the scale."""
    return [scale_nm / 4 / 2**step for step in reversed(range(n_scales))]


def bank_halo(sigmas: list[Triple], *, slices: bool) -> Shape:
    """How far a bank sees, in voxels: a derivative and the smoothing of its products; in slices to those beside, too."""
    z, y, x = (max(2 * radius(each) for each in axis) for axis in zip(*sigmas, strict=True))
    return (1, y, x) if slices else (z, y, x)


def bank_responses(
    values: NDArray[np.float32], sigmas: list[Triple], *, slices: bool, halo: Shape = (0, 0, 0)
) -> Iterator[NDArray[np.float32]]:
    """Filter a block; responses are invariant to rotation, and those of one scale are in units of grey value.

    At each scale: the mean, the length of the gradient, eigenvalues of the Hessian, square roots of the eigenvalues of the structure
    tensor, and the standard deviation around the voxel.

    Parameters
    ----------
    values : ndarray
        (z, y, x) float32.
    sigmas : list of tuple
        Standard deviations in voxels along z, y and x, for each scale.
    slices : bool
        Whether each slice is filtered by itself.
    halo : tuple of int
        Voxels at each end of z, y and x for which no response is wanted. Where it is less than `bank_halo`, the outermost voxels are
        repeated.

    Yields
    ------
    ndarray
        (z, y, x) float32 without the halo, one response after the other: 7 a scale in slices, else 9.
    """
    axes = (1, 2) if slices else (0, 1, 2)
    pairs = [(axis, axis) for axis in axes] + [(a, b) for a in axes for b in axes if a < b]
    for sigma in sigmas:
        widths = (0.0, sigma[1], sigma[2]) if slices else sigma
        reach = (radius(widths[0]), radius(widths[1]), radius(widths[2]))
        block = Margined(values, halo).trimmed((2 * reach[0], 2 * reach[1], 2 * reach[2]))
        derived = derivatives(
            block, widths, [_order(), *(_order(axis) for axis in axes), *(_order(*pair) for pair in pairs)]
        )
        mean, first = derived[_order()].values, {axis: derived[_order(axis)] for axis in axes}
        inner = {axis: each.trimmed(_NONE).values for axis, each in first.items()}
        yield mean
        yield np.sqrt(sum(each * each for each in inner.values()))
        yield from _eigenvalues([derived[_order(*pair)].values for pair in pairs])
        for each in _eigenvalues([(first[a] * first[b]).smoothed(widths).values for a, b in pairs]):
            yield np.sqrt(np.maximum(each, 0))
        near = block.trimmed(reach)
        yield np.sqrt(np.maximum((near * near).smoothed(widths).values - mean * mean, 0))


def all_responses(
    values: NDArray[np.float32], sigmas: list[Triple], *, slices: bool, halo: Shape
) -> NDArray[np.float32]:
    """Return what `bank_responses` yields as one array, (n_responses, z, y, x)."""
    shape = [size - 2 * more for size, more in zip(values.shape, halo, strict=True)]
    found = np.empty(((7 if slices else 9) * len(sigmas), *shape), np.float32)
    for number, response in enumerate(bank_responses(values, sigmas, slices=slices, halo=halo)):
        found[number] = response
    return found


def _order(*axes: int) -> tuple[int, int, int]:
    return axes.count(0), axes.count(1), axes.count(2)


def _eigenvalues(entries: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    return eigenvalues_2d(entries[0], entries[1], entries[2]) if len(entries) == 3 else eigenvalues_3d(entries)


@dataclass(kw_only=True, eq=False, repr=False)
class FilterBank(VoxelMethod):
    """Gaussian derivatives, structure tensor and local deviation at several scales, as principal components.

    Attributes
    ----------
    means_, deviations_ : ndarray of shape (n_responses,)
        By which responses are standardised.
    components_ : ndarray of shape (n_features, n_responses)
        Directions of the greatest variance.
    """

    name: ClassVar[str] = "filter-bank"
    title: ClassVar[str] = "Filter bank"

    n_scales: Annotated[int, at.Interval(ge=1, le=8)] = 4
    """Number of scales. The greatest standard deviation is a quarter of `scale_nm`, each other one half of the next."""
    n_components: Annotated[int, at.Interval(ge=1, le=64)] = 8
    """Principal components that are kept; as many as there are responses keeps all."""
    neighbours: bool = True
    """Whether, where slices are thick, the mean response of the slices beside each goes with it."""

    @property
    def finest_nm(self) -> float:
        """The smallest standard deviation."""
        return bank_sigmas(self.scale_nm, self.n_scales)[0]

    @property
    def sigmas(self) -> list[Triple]:
        """Standard deviations in working voxels, for each scale."""
        return [self.grid.voxels(sigma) for sigma in bank_sigmas(self.scale_nm, self.n_scales)]

    @property
    def halo(self) -> Shape:
        """See `bank_halo`."""
        return self.grid.stored_halo(bank_halo(self.sigmas, slices=self.grid.is_slices))

    @property
    def n_features(self) -> int:
        """How many principal components there are."""
        per_scale = 7 * (1 + self.neighbours) if self.grid.is_slices else 9
        return min(self.n_components, per_scale * self.n_scales)

    def learn(self, sample: VoxelSample, progress: Progress) -> None:
        """Find means, deviations and components of the responses of random voxels."""
        rng = np.random.default_rng(self.random_state)
        blocks = list(learning_blocks(sample, self.halo, rng, slices=self.grid.is_slices))
        progress.start("filtering", len(blocks), "blocks")
        rows = []
        for block in blocks:
            responses = self._responses(block)
            flat = responses.reshape(len(responses), -1)
            rows.append(flat[:, rng.choice(flat.shape[1], min(_ROWS // len(blocks), flat.shape[1]), replace=False)].T)
            progress.advance(1)
        progress.finish()
        table = np.concatenate(rows).astype(np.float64)
        self.means_ = table.mean(axis=0).astype(np.float32)
        self.deviations_ = np.maximum(table.std(axis=0), 1e-6).astype(np.float32)
        standard = (table - self.means_) / self.deviations_
        _, vectors = np.linalg.eigh(np.cov(standard.T))
        found = vectors[:, ::-1][:, : self.n_features].T
        signs = np.sign(found[np.arange(len(found)), np.abs(found).argmax(axis=1)])
        self.components_ = (found * signs[:, None]).astype(np.float32)

    def embed(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Filter a block, and project it on the components."""
        halo = self.halo
        shape = tuple(size - 2 * more for size, more in zip(values.shape, halo, strict=True))
        responses = self._responses(values)
        flat = (responses.reshape(len(responses), -1) - self.means_[:, None]) / self.deviations_[:, None]
        components = (self.components_ @ flat).reshape(-1, *responses.shape[1:])
        return np.ascontiguousarray(self.grid.restore(components, shape))

    def _responses(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Responses of working voxels without the halo of the filters, (n_responses, z, y, x)."""
        slices = self.grid.is_slices
        working = self.grid.reduce(values)
        z, y, x = bank_halo(self.sigmas, slices=slices)
        if not slices:
            return all_responses(working, self.sigmas, slices=False, halo=(z, y, x))
        parts = all_responses(working, self.sigmas, slices=True, halo=(0, y, x))
        own = parts[:, z : parts.shape[1] - z]
        if not self.neighbours:
            return own
        return np.concatenate([own, (parts[:, :-2] + parts[:, 2:]) / 2])

    def state(self) -> dict[str, NDArray[Any]]:
        """Return means, deviations and components."""
        return {"means": self.means_, "deviations": self.deviations_, "components": self.components_}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` returned."""
        self.means_, self.deviations_, self.components_ = (
            np.asarray(state[name], np.float32) for name in ("means", "deviations", "components")
        )


def learning_blocks(
    sample: VoxelSample, halo: Shape, rng: np.random.Generator, *, slices: bool, count: int = _LEARNING_BOXES
) -> Iterator[NDArray[np.float32]]:
    """Yield random blocks of a sample with their halo, float32 in 0 … 1; a box is mirrored beyond its border.

    They are tiles, of which none is drawn twice.
    """
    wanted = (2, 256, 256) if slices else (56, 56, 56)
    sides = [[min(size, each) for size, each in zip(box.shape, wanted, strict=True)] for box in sample.boxes]
    tiles = [
        (box, start, side)
        for box, side in zip(sample.boxes, sides, strict=True)
        for start in random_tiles(box.shape, side, count, rng)
    ]
    for number in rng.choice(len(tiles), min(count, len(tiles)), replace=False):
        box, start, side = tiles[number]
        yield mirrored(box, list(start), side, halo)


def mirrored(box: NDArray[np.uint8], start: list[int], side: list[int], halo: Shape) -> NDArray[np.float32]:
    """Cut a block with its halo out of a box; beyond the box it is mirrored."""
    index = []
    for first, count, more, size in zip(start, side, halo, box.shape, strict=True):
        place = np.abs(np.arange(first - more, first + count + more))
        period = max(2 * (size - 1), 1)
        place %= period
        index.append(np.where(place < size, place, period - place))
    return np.asarray(box[np.ix_(*index)], np.float32) / np.float32(255)

"""What methods share whose networks look at larger images in small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge

from facies.images import ImageSet
from facies.methods.base import Method
from facies.methods.downsample import downsampled_shape, reduction_notes
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor, channels_shape
from facies.nn import PixelNormalizer

LEAST_SIDE = 8
SMALL_SIDE = 32
ImageSize = Annotated[int, Ge(LEAST_SIDE)] | Literal["auto"] | None


@dataclass(kw_only=True, eq=False, repr=False)
class ReducedImages(Method):
    """A method whose images are brought to a smaller size, once before it learns, and in passing when it is asked."""

    image_size: ImageSize = None
    """Longer side, in pixels, to which larger images are reduced; null leaves them, and ``auto`` is 32. Larger ones show finer
    detail, and take longer by the square."""

    @property
    def longer_side(self) -> int | None:
        """`image_size`, with ``auto`` made definite."""
        return SMALL_SIDE if self.image_size == "auto" else self.image_size

    @property
    def shown_size(self) -> tuple[int, int]:
        """Height and width of a reduced image."""
        return downsampled_shape(self.image_shape_, self.longer_side)[-2:]

    @property
    def shown_shape(self) -> tuple[int, int, int]:
        """Shape of a reduced image, layers as channels."""
        return channels_shape(downsampled_shape(self.image_shape_, self.longer_side))

    def input_notes(self) -> list[str]:
        """That larger images are reduced, where they are."""
        return reduction_notes(self.image_shape_, self.longer_side)

    def reducing(self, normalizer: PixelNormalizer, state: Mapping[str, Any]) -> Preprocessor:
        """Reduces and scales images that it is asked of; of bytes (``whole_numbers`` of the state) as it did to learn."""
        whole_numbers = bool(state.get("whole_numbers", False))
        return Preprocessor(normalizer, size=self.shown_size, whole_numbers=whole_numbers)

    def shown(self, fit: FitContext) -> ImageSet:
        """The images that the network learns from: reduced ones."""
        return fit.downsampled(self.longer_side)

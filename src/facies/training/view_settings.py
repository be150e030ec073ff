"""What two pictures of one thing may differ in, as parameters of a method that learns from views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Interval, Lt

from facies.images import RandomAffine, RandomViews
from facies.parameters import Fraction, Settings


@dataclass(kw_only=True)
class Views(Settings):
    """What a network is to see as the same: each may be set to 0 or false, and is then left as it is."""

    rotation: Annotated[float, Interval(ge=0, le=180)] = 180.0
    """Largest turn in degrees, either way; 180 is any. Set it to 10 or less where a turned thing is another, as a 6 and a 9."""
    flip: bool = True
    """Mirror every second view; false where a mirrored thing is another, as letters and some shells."""
    zoom: Annotated[float, Ge(0), Lt(1)] = 0.25
    """Largest change of size, as a share; 0 where size tells kinds apart."""
    shift: Fraction = 0.1
    """Largest shift along each side, as a share of the side."""
    brightness: Fraction = 0.15
    """Largest amount by which an image is lighter or darker, as a share of the range of all images; 0 where it tells kinds
    apart."""
    contrast: Annotated[float, Interval(ge=0, le=3)] = 0.4
    """Largest change of contrast: differences to the mean of the image are multiplied by up to e to this number, or divided."""
    blur: Annotated[float, Interval(ge=0, le=0.2)] = 0.02
    """Largest standard deviation of a blur, as a share of the shorter side; 0 where fine texture tells kinds apart."""
    noise: Annotated[float, Interval(ge=0, le=1)] = 0.04
    """Largest standard deviation of added noise, as a share of the range of all images."""
    hue: Annotated[float, Interval(ge=0, le=180)] = 0.0
    """Largest turn of the hue in degrees, of colour images alone; the colour of a thing is mostly a part of what it is."""

    def transform(self, fill: float, low: float, span: float) -> RandomViews:
        """The random change of a batch of images.

        Parameters
        ----------
        fill
            Pixel value of what comes in from outside of an image.
        low, span
            Darkest pixel value of all images, and the difference of the brightest to it.
        """
        affine = RandomAffine(self.rotation, self.zoom, self.shift, flip=self.flip, fill=fill, isotropic=True)
        return RandomViews(
            low=low,
            span=span,
            affine=None if affine.is_identity else affine,
            brightness=self.brightness,
            contrast=self.contrast,
            blur=self.blur,
            noise=self.noise,
            hue=self.hue,
        )

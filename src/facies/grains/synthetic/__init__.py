"""SYNTHETIC photographs of grains on a plate, in focal stacks, whose truth is known: for tests and for the demo.

The geometry is that of the sediment work this package was made for (Golikov, Krinitskiy and Borisov, DLCP 2022): 1280 x
1024 pixels, RGB, 8 bits, six focal layers of one stage position, a bright green plate, grains of about 280 pixels, three
a stack. Nothing here is a photograph of sediment: what is found on such plates shows that a programme does what it
should, and says nothing about any sediment.

`render_stack` renders one stack, `write_plates` a folder of them with the truth beside. The grains are drawn by rule
(`KINDS`), or are cut from pictures that the caller gives (`grains_from_crops`).
"""

from __future__ import annotations

from facies.grains.synthetic.crops import cut_out, grains_from_crops
from facies.grains.synthetic.files import draw_plates, write_plates
from facies.grains.synthetic.scene import Plate, SceneSettings, render_stack
from facies.grains.synthetic.shapes import KINDS, Grain

__all__ = [
    "KINDS",
    "Grain",
    "Plate",
    "SceneSettings",
    "cut_out",
    "draw_plates",
    "grains_from_crops",
    "render_stack",
    "write_plates",
]

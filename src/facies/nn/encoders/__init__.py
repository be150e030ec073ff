"""Encoders: networks that were trained elsewhere, and turn images into vectors."""

from facies.nn.encoders.encoder import Encoder, Weights
from facies.nn.encoders.function import FunctionEncoder
from facies.nn.encoders.planes import PlanesEncoder
from facies.nn.encoders.registry import (
    ENCODERS,
    EncoderLoader,
    encoder_names,
    load_encoder,
    rebuild_encoder,
    register_encoder,
)

__all__ = [
    "ENCODERS",
    "Encoder",
    "EncoderLoader",
    "FunctionEncoder",
    "PlanesEncoder",
    "Weights",
    "encoder_names",
    "load_encoder",
    "rebuild_encoder",
    "register_encoder",
]

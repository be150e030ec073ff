"""Networks, one family a file."""

from facies.nn.conv_autoencoder import ACTIVATIONS, AutoencoderOutput, ConvAutoencoder, ConvEncoder, block_count
from facies.nn.intensity import Intensity, Likelihood
from facies.nn.mixture_of_experts import MixtureOfExperts, MixtureOutput, keep_experts, route

__all__ = [
    "ACTIVATIONS",
    "AutoencoderOutput",
    "ConvAutoencoder",
    "ConvEncoder",
    "Intensity",
    "Likelihood",
    "MixtureOfExperts",
    "MixtureOutput",
    "block_count",
    "keep_experts",
    "route",
]

"""Networks, one family a file."""

from facies.nn.conv_autoencoder import ACTIVATIONS, AutoencoderOutput, ConvAutoencoder, ConvEncoder, block_count
from facies.nn.focal_stack import Backbone, ConvBranch, FocalAutoencoder, FocalDecoder, FocalEncoder, FocalOutput
from facies.nn.intensity import Intensity, Likelihood
from facies.nn.mixture_of_experts import MixtureOfExperts, MixtureOutput, keep_experts, route
from facies.nn.resnet import ResNetBranch
from facies.nn.spatial_transformer import SpatialTransformer, ThetaInit, resampled, transformers_that_fit

__all__ = [
    "ACTIVATIONS",
    "AutoencoderOutput",
    "Backbone",
    "ConvAutoencoder",
    "ConvBranch",
    "ConvEncoder",
    "FocalAutoencoder",
    "FocalDecoder",
    "FocalEncoder",
    "FocalOutput",
    "Intensity",
    "Likelihood",
    "MixtureOfExperts",
    "MixtureOutput",
    "ResNetBranch",
    "SpatialTransformer",
    "ThetaInit",
    "block_count",
    "keep_experts",
    "resampled",
    "route",
    "transformers_that_fit",
]

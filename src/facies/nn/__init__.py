"""Networks, one family a file."""

from facies.nn.batch_statistics import by_batch_statistics, gather_population_statistics
from facies.nn.conv_autoencoder import ACTIVATIONS, AutoencoderOutput, ConvAutoencoder, ConvEncoder, block_count
from facies.nn.dac_network import AllConvolutionalNetwork, STDACNetwork, map_sizes, probabilities
from facies.nn.focal_stack import Backbone, ConvBranch, FocalAutoencoder, FocalDecoder, FocalEncoder, FocalOutput
from facies.nn.mixture_of_experts import MixtureOfExperts, MixtureOutput, keep_experts, route
from facies.nn.normalization import Intensity, Likelihood
from facies.nn.resnet import ResNetBranch
from facies.nn.spatial_transformer import SpatialTransformer, ThetaInit, resampled

__all__ = [
    "ACTIVATIONS",
    "AllConvolutionalNetwork",
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
    "STDACNetwork",
    "SpatialTransformer",
    "ThetaInit",
    "block_count",
    "by_batch_statistics",
    "gather_population_statistics",
    "keep_experts",
    "map_sizes",
    "probabilities",
    "resampled",
    "route",
]

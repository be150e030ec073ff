"""Networks, one family a file."""

from facies.nn.batch_statistics import recompute_batch_norm_statistics, use_batch_statistics
from facies.nn.conv_autoencoder import ACTIVATIONS, AutoencoderOutput, ConvAutoencoder, ConvEncoder, block_count
from facies.nn.dac_network import AllConvolutionalNetwork, STDACNetwork, map_sizes, probabilities
from facies.nn.focal_stack import Backbone, ConvBranch, FocalAutoencoder, FocalDecoder, FocalEncoder, FocalOutput
from facies.nn.mixture_of_experts import MixtureOfExperts, MixtureOutput, route, select_experts
from facies.nn.normalization import Likelihood, PixelNormalizer
from facies.nn.resnet import ResNetBranch
from facies.nn.spatial_transformer import SpatialTransformer, ThetaInit, resample

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
    "PixelNormalizer",
    "Likelihood",
    "MixtureOfExperts",
    "MixtureOutput",
    "ResNetBranch",
    "STDACNetwork",
    "SpatialTransformer",
    "ThetaInit",
    "block_count",
    "use_batch_statistics",
    "recompute_batch_norm_statistics",
    "select_experts",
    "map_sizes",
    "probabilities",
    "resample",
    "route",
]

"""Networks, one family a file."""

from facies.nn.batch_statistics import (
    preserve_running_statistics,
    recompute_batch_norm_statistics,
    use_batch_statistics,
)
from facies.nn.classifier_with_teacher import ClassifierWithTeacher
from facies.nn.conv_autoencoder import (
    ACTIVATIONS,
    AutoencoderOutput,
    ConvAutoencoder,
    ConvDecoder,
    ConvEncoder,
    block_count,
)
from facies.nn.conv_embedding import ConvEmbedding
from facies.nn.dac_network import AllConvolutionalNetwork, STDACNetwork, map_sizes, probabilities
from facies.nn.estimation_network import DAGMMNetwork
from facies.nn.expert_mixtures import MixAENetwork, MoESimVAENetwork
from facies.nn.focal_stack import Backbone, ConvBranch, FocalAutoencoder, FocalDecoder, FocalEncoder, FocalOutput
from facies.nn.heads import FeatureHead, HeadsWithTeacher, LinearHeads
from facies.nn.mlp_autoencoder import MLPAutoencoder, perceptron
from facies.nn.momentum_network import MomentumNetwork
from facies.nn.normalization import Likelihood, PixelNormalizer
from facies.nn.parallel_mlp import ParallelLinear, ParallelMLP
from facies.nn.residual_encoder import ResidualEncoder, ViewNetwork
from facies.nn.resnet import ResNetBranch
from facies.nn.spatial_transformer import SpatialTransformer, ThetaInit, resample
from facies.nn.strided_autoencoder import StridedAutoencoder
from facies.nn.two_heads import TwoHeads

__all__ = [
    "ACTIVATIONS",
    "AllConvolutionalNetwork",
    "AutoencoderOutput",
    "Backbone",
    "ClassifierWithTeacher",
    "ConvAutoencoder",
    "ConvBranch",
    "ConvDecoder",
    "ConvEmbedding",
    "ConvEncoder",
    "DAGMMNetwork",
    "FeatureHead",
    "FocalAutoencoder",
    "FocalDecoder",
    "FocalEncoder",
    "FocalOutput",
    "HeadsWithTeacher",
    "Likelihood",
    "LinearHeads",
    "MLPAutoencoder",
    "MixAENetwork",
    "MoESimVAENetwork",
    "MomentumNetwork",
    "ParallelLinear",
    "ParallelMLP",
    "PixelNormalizer",
    "ResNetBranch",
    "ResidualEncoder",
    "STDACNetwork",
    "SpatialTransformer",
    "StridedAutoencoder",
    "ThetaInit",
    "TwoHeads",
    "ViewNetwork",
    "block_count",
    "map_sizes",
    "perceptron",
    "preserve_running_statistics",
    "probabilities",
    "recompute_batch_norm_statistics",
    "resample",
    "use_batch_statistics",
]

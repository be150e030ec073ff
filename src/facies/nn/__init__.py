"""Networks, one family a file."""

from facies.nn.conv_autoencoder import AutoencoderOutput, ConvAutoencoder, ConvEncoder, block_count
from facies.nn.intensity import Intensity

__all__ = ["AutoencoderOutput", "ConvAutoencoder", "ConvEncoder", "Intensity", "block_count"]

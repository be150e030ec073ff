"""The methods, one file a published method."""

from facies.methods.base import Method
from facies.methods.partition import Partition
from facies.methods.registry import METHODS, load_method, make_method, method_class, method_names

__all__ = ["METHODS", "Method", "Partition", "load_method", "make_method", "method_class", "method_names"]

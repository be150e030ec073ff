"""The methods, one file a published method."""

from facies.models.base import Method
from facies.models.registry import METHODS, load_method, make_method, method_class

__all__ = ["METHODS", "Method", "load_method", "make_method", "method_class"]

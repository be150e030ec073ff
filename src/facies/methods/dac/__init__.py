"""`dac` and `st-dac`: deep adaptive clustering, without and with spatial transformers."""

from __future__ import annotations

from facies.methods.dac.dac import DAC
from facies.methods.dac.st_dac import STDAC

__all__ = ["DAC", "STDAC"]

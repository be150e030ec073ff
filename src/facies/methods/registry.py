"""The methods there are, by name: those of Facies, and those that installed packages add."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facies.errors import InputError, suggest
from facies.methods.base import Method
from facies.methods.model_folder import read_description
from facies.parameters import set_parameters
from facies.plugins import load_plugin, plugin_names

GROUP = "facies.methods"
"""Entry points of this group add methods."""

METHODS: dict[str, str] = {
    "moe-vae": "facies.methods.moe_vae.method:MoEVAE",
    "focal-vae": "facies.methods.focal_vae.method:FocalVAE",
    "pretrained": "facies.methods.pretrained:Pretrained",
    "st-dac": "facies.methods.dac.st_dac:STDAC",
    "dac": "facies.methods.dac.dac:DAC",
    "dec": "facies.methods.dec:DEC",
    "idec": "facies.methods.idec:IDEC",
    "contrastive": "facies.methods.contrastive:Contrastive",
    "self-label": "facies.methods.self_label:SelfLabel",
    "dcn": "facies.methods.dcn:DCN",
    "n2d": "facies.methods.n2d:N2D",
    "aspc-da": "facies.methods.aspc_da:ASPCDA",
    "cc": "facies.methods.cc:CC",
    "convdec-da": "facies.methods.convdec_da:ConvDECDA",
    "cvcl": "facies.methods.cvcl:CVCL",
    "dagmm": "facies.methods.dagmm:DAGMM",
    "damic": "facies.methods.damic:DAMIC",
    "dcp": "facies.methods.dcp:DCP",
    "depict": "facies.methods.depict:DEPICT",
    "dynae": "facies.methods.dynae:DynAE",
    "edesc": "facies.methods.edesc:EDESC",
    "ibot-c": "facies.methods.ibot_c:IBOTC",
    "idcec": "facies.methods.idcec:IDCEC",
    "jule": "facies.methods.jule:JULE",
    "mixae": "facies.methods.mixae:MIXAE",
    "moco-k-means": "facies.methods.moco_k_means:MoCoKMeans",
    "moe-sim-vae": "facies.methods.moe_sim_vae:MoESimVAE",
    "spice": "facies.methods.spice:SPICE",
    "vade": "facies.methods.vade:VaDE",
    "k-means": "facies.methods.k_means:PixelKMeans",
    "pca-k-means": "facies.methods.k_means:PCAKMeans",
    "gaussian-mixture": "facies.methods.gaussian_mixture:PixelGaussianMixture",
    "umap-hdbscan": "facies.methods.umap_hdbscan:UMAPHDBSCAN",
    "tsne-gmm": "facies.methods.tsne_gmm:TSNEGaussianMixture",
    "spectral": "facies.methods.spectral:Spectral",
    "local-correlation": "facies.methods.similarity:LocalCorrelation",
    "median-threshold": "facies.methods.similarity:MedianThreshold",
    "leiden": "facies.methods.similarity:LeidenGroups",
    "darlc": "facies.methods.darlc.method:DARLC",
}
"""The methods of Facies; a method is imported when it is asked for."""


def method_names() -> list[str]:
    """Return the names of all methods, those of Facies first; nothing is imported."""
    return [*METHODS, *plugin_names(GROUP, METHODS)]


def method_class(name: str) -> type[Method]:
    """Import the class of a method.

    Raises
    ------
    InputError
        If there is no such method; names the nearest. If another package has it, and cannot be imported.
    """
    names = method_names()
    if name not in names:
        raise InputError(f"there is no method {name!r}; {suggest(name, names)}")
    if name in METHODS:
        module, attribute = METHODS[name].split(":")
        cls: Any = getattr(importlib.import_module(module), attribute)
    else:
        cls = load_plugin(GROUP, name, Method, as_class=True)
    if cls is None:
        raise InputError(f"the method {name!r} cannot be imported from the package that has it: update that package")
    return cls


def make_method(name: str, preset: str = "quick", parameters: Mapping[str, Any] | None = None) -> Method:
    """Make a method from a preset and parameters that override it.

    Parameters
    ----------
    name
        Of the method.
    preset
        ``quick``, ``paper``, or another one that the method has.
    parameters
        By their dotted names, such as ``{"training.epochs": 20}``; names of earlier versions are understood.

    Raises
    ------
    InputError
        If the method, the preset or a parameter is unknown; names the nearest.
    """
    cls = method_class(name)
    if preset not in cls.presets:
        raise InputError(f"{name} has no preset {preset!r}; {suggest(preset, cls.presets)}")
    method = cls()
    set_parameters(method, cls.presets[preset])
    set_parameters(method, cls.current_parameters(parameters or {}))
    return method


def load_method(folder: str | Path) -> Method:
    """Open a saved model of any method."""
    return method_class(read_description(Path(folder))["method"]).load(folder)

"""What a domain adds to the report of its runs, and to the atlas: the contract, and the registry."""

from __future__ import annotations

import functools
import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from facies.errors import InputError, suggest
from facies.plugins import ask_plugin, load_plugins

if TYPE_CHECKING:
    from markupsafe import Markup

    from facies.annotations import Annotations
    from facies.report.exporters.exported_objects import ExportedObjects
    from facies.runs import RunFolder
    from facies.statistics import Indicator

GROUP = "facies.report_sections"


@dataclass(frozen=True)
class ReportOptions:
    """What the user chose for a report.

    Attributes
    ----------
    partition : str, optional
        The partition that is reported; without it the newest.
    ratios : tuple of str
        Ratios of classes, such as ``"quartz+dark/foraminifera"``.
    sections : mapping of str to object
        The options that belong to one section alone, by the section's name. Their type is the section's own.
    """

    partition: str | None = None
    ratios: tuple[str, ...] = ()
    sections: Mapping[str, Any] = field(default_factory=dict)


class SectionContent(ABC):
    """A section of the report of one run, computed and ready to be written."""

    @abstractmethod
    def table_of_contents(self) -> Sequence[tuple[str, str]]:
        """Return the anchor and the title of each entry in the table of contents of the page."""

    def methods_paragraph(self) -> str:
        """Return plain text for the methods section of a paper; empty if there is nothing to say."""
        return ""

    @abstractmethod
    def html(self) -> Markup:
        """Return one or more ``<section>`` elements; whatever a user named is escaped."""

    @abstractmethod
    def write_tables(self, folder: Path) -> list[tuple[str, str]]:
        """Write the tables and figures as files.

        Parameters
        ----------
        folder : Path
            A new folder, which all sections of the report share.

        Returns
        -------
        list of (str, str)
            Each file's path in the folder, and one line about it, for ``index.csv``.
        """


class Measure(NamedTuple):
    """A measured value and its unit; the unit is empty for a plain number."""

    value: float
    unit: str


@dataclass(frozen=True)
class RoleRatio:
    """A ratio of two roles of classes (`facies.annotations.ROLES`) that the atlas counts at all times.

    ``percentage(numerator, denominator)`` returns the percentage that belongs to the ratio, from the two counts.
    """

    numerator: str
    denominator: str
    percentage: Callable[[int, int], Indicator]


class ReportSection(ABC):
    """A domain's part of the report and of the atlas.

    A package registers an instance as an entry point of the group ``facies.report_sections``; the name of the entry
    point is the name of the section in `ReportOptions.sections`.

    Attributes
    ----------
    does_not_apply : str
        What to answer, after the name of the run, if options for this section were given and the run is not of its
        domain. It says what the run is not, and what to do.
    counts_classes : bool
        Whether the section counts the classes itself. The general section of classes is then left out.
    has_native_sizes : bool
        Whether the images of the run were stretched to one shape, and the columns ``width`` and ``height`` hold their
        sizes before that. The galleries then show thumbnails in these proportions.
    role_ratios : sequence of RoleRatio
        Ratios that the atlas counts.
    """

    does_not_apply: str
    counts_classes: bool = False
    has_native_sizes: bool = False
    role_ratios: Sequence[RoleRatio] = ()

    @abstractmethod
    def applies(self, run: RunFolder) -> bool:
        """Return whether the images of a run are of this domain."""

    @abstractmethod
    def prepare(self, run: RunFolder, annotations: Annotations, options: ReportOptions) -> SectionContent:
        """Compute the section of a run to which it applies.

        Raises
        ------
        InputError
            If the options do not fit the run.
        """

    def image_measures(self, run: RunFolder, row: int) -> Mapping[str, Measure]:
        """Return what the inspector of the atlas shows of one image, by name.

        Unlike `prepare` it is asked of every run; it returns nothing where nothing can be measured.

        Parameters
        ----------
        run : RunFolder
            Any run.
        row : int
            Row of the image in ``run.images``.
        """
        del run, row
        return {}

    def exported_objects(self, run: RunFolder) -> ExportedObjects | None:
        """Return what the exporters for COCO and EcoTaxa are told of the images of a run to which the section applies."""
        del run
        return None


SECTIONS: dict[str, str] = {"experts": "facies.report.experts:SECTION"}
"""The sections that need no domain: what a method wrote into its run is enough for them."""


@functools.cache
def report_sections() -> dict[str, ReportSection]:
    """Return the sections by name, those of domains first; what is faulty is named in a warning of one line, and left out."""
    found = {name: _own_section(where) for name, where in SECTIONS.items()}
    plugins = load_plugins(GROUP, ReportSection, SECTIONS)  # type: ignore[type-abstract]  # for isinstance
    return {**dict(plugins), **found}


def _own_section(where: str) -> ReportSection:
    module, attribute = where.split(":")
    section: ReportSection = getattr(importlib.import_module(module), attribute)
    return section


def find_section(name: str) -> ReportSection:
    """Return a registered section by its name."""
    sections = report_sections()
    if name not in sections:
        raise InputError(f"there is no section {name!r} of the report: {suggest(name, sections, 'choose one of {}')}")
    return sections[name]


def applying_sections(run: RunFolder) -> dict[str, ReportSection]:
    """Return the sections of the domains that the images of a run are of, by name."""
    return {
        name: section
        for name, section in report_sections().items()
        if ask_plugin(GROUP, name, functools.partial(section.applies, run), otherwise=False)
    }


def exported_objects(run: RunFolder) -> ExportedObjects | None:
    """Return what the domain of a run tells exporters of its objects; None for images of no domain."""
    known = (section.exported_objects(run) for section in applying_sections(run).values())
    return next((objects for objects in known if objects is not None), None)

"""What a user of `moe-vae` is told: groups that were lost on the way, and settings that were not taken as they were given."""

from __future__ import annotations

import warnings

from facies.errors import FaciesWarning


def dense_groups_note(n_groups: int, n_noise: int, n_images: int) -> list[str]:
    """Say where the density grouping found no two groups."""
    if n_groups > 1:
        return []
    note = (
        f"fewer than two dense groups were found ({n_groups}; {n_noise:,} of {n_images:,} images were in none): all images are "
        "in one group; try more images, or another density.min_cluster_size"
    )
    return [_warned(note)]


def neighbours_note(asked_for: int, n_images: int) -> list[str]:
    """Say where there are not so many neighbours as were asked for."""
    if asked_for < n_images:
        return []
    return [f"density.n_neighbors was {n_images - 1} instead of {asked_for}: an image has no more among {n_images:,}"]


def lost_groups_note(n_before: int, n_after: int, asked_for: int | None) -> list[str]:
    """Say how many groups no image chose after the training of the experts.

    Parameters
    ----------
    n_before, n_after
        Number of groups before and after.
    asked_for
        The number that the user asked for; None where it was found by density.
    """
    lost = n_before - n_after
    if lost == 0:
        return []
    begun = f"{_groups(n_before)} were " + ("found by density" if asked_for is None else "asked for (n_clusters)")
    note = (
        f"{begun}; after the training of the experts {lost} of them {'is' if lost == 1 else 'are'} chosen by no image: "
        f"{_groups(n_after)} {'is' if n_after == 1 else 'are'} left"
    )
    if n_after > 1:
        return [note]
    return [
        _warned(f"{note}, so the groups have collapsed and say nothing; train longer (manager.epochs, mixture.epochs)")
    ]


def alpha_note(entropy: float, asked_for: float, taken: float) -> list[str]:
    """Say where α was made smaller, since the manager began unsure."""
    if taken == asked_for:
        return []
    return [
        f"the manager began unsure (a sample entropy of {entropy:.2f} nat an image): mixture.alpha was {taken:.3g} "
        f"instead of {asked_for:g}"
    ]


def _groups(count: int) -> str:
    return f"{count} group{'' if count == 1 else 's'}"


def _warned(note: str) -> str:
    warnings.warn(note, FaciesWarning, stacklevel=3)
    return note

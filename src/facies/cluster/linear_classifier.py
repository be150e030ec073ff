"""From an expert's names to a classifier: a calibrated linear probe on the embedding, judged on stacks it never saw."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from facies.cluster.calibration import expected_calibration_error, fit_temperature
from facies.errors import InputError

__all__ = ["FORMAT", "LinearProbe", "ProbeReport"]

FORMAT = 1
_TOLERANCE, _TOLERANCE_OF_FOLDS = 1e-4, 1e-3
_UNSEEN = -30.0  # logit of a class that a fold had no image of


@dataclass(frozen=True)
class ProbeReport:
    """How well a probe does on images of stacks that it had not seen, by cross-validation.

    Attributes
    ----------
    n_images, n_drawn : int
        Images named, and those of them that it was fitted to.
    n_stacks, n_folds : int
        Stacks (or what stands for them) and folds; 0 folds if there was but one stack.
    accuracy : float or None
        Share of images put into the right class.
    balanced_accuracy : float or None
        Mean over the classes of the share of their images that were found.
    recall, precision : dict of float or None
        By class; None where no fold could tell.
    calibration_before, calibration_after : float or None
        Expected calibration error before and after the temperature, each fold with the temperature of the others.
    """

    n_images: int
    n_drawn: int
    n_stacks: int
    n_folds: int
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    recall: dict[str, float | None] = field(default_factory=dict)
    precision: dict[str, float | None] = field(default_factory=dict)
    calibration_before: float | None = None
    calibration_after: float | None = None


class LinearProbe(ClassifierMixin, BaseEstimator):
    """Tells the classes that an expert named from the embedding.

    Multinomial logistic regression with an L2 penalty on standardised vectors, ``p(k | z) = softmax((W z + b) / T)_k``.
    The temperature T [1]_ minimises the negative log-likelihood of the logits out of fold. Folds are made of whole
    stacks: grains of one photograph resemble each other, and would flatter a probe that had seen their neighbours.

    Parameters
    ----------
    C : float, default=0.1
        Inverse strength of the penalty, as in scikit-learn.
    folds : int, default=5
        Folds of the cross-validation, at most as many as there are stacks.
    most_images : int or None, default=4000
        Images that it is fitted to. Of more named ones so many are drawn, as evenly over the classes as they go, and
        weighted so that each class counts as much as all its images. None takes all.
    random_state : int, default=0
        Seed of that draw.

    Attributes
    ----------
    classes_ : ndarray of str, shape (K,)
        Names, sorted.
    coef_, intercept_ : ndarray of float32, shapes (K, D) and (K,)
        On the embedding itself: the standardisation and the temperature are multiplied in.
    temperature_ : float
        T; 1 where it could not be found.
    report_ : ProbeReport
    notes_ : list of str
        What the user should know of this fit.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017.
    """

    def __init__(
        self, *, C: float = 0.1, folds: int = 5, most_images: int | None = 4000, random_state: int = 0
    ) -> None:
        self.C = C
        self.folds = folds
        self.most_images = most_images
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, stacks: ArrayLike | None = None) -> Self:
        """Fit to named images.

        Parameters
        ----------
        X : array_like of float, shape (n, D)
            Their embedding.
        y : array_like of str, shape (n,)
            Their classes.
        stacks : array_like, shape (n,), optional
            Where each comes from; those of one stack are never both learnt from and judged. Without it each image is a
            stack by itself.

        Raises
        ------
        InputError
            If fewer than two classes have two images each, or the embedding is not finite.
        """
        self.notes_: list[str] = []
        vectors, names, places = self._checked(X, y, stacks)
        self.classes_, codes = np.unique(names, return_inverse=True)
        rows, weights = _drawn(codes, self.most_images, self.random_state)
        with threadpool_limits(1):  # matrices this small take longer on several threads, much longer on busy ones
            self._fit_drawn(vectors[rows], codes[rows], places[rows], weights, len(codes))
        return self

    def _fit_drawn(
        self,
        vectors: NDArray[np.float32],
        codes: NDArray[np.int64],
        places: NDArray[np.int64],
        weights: NDArray[np.float32],
        n_images: int,
    ) -> None:
        mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        scale = np.maximum(vectors.std(axis=0, dtype=np.float64), 1e-6).astype(np.float32)
        scaled = (vectors - mean) / scale
        folds = self._folds(codes, places)
        report: dict[str, Any] = {"n_images": n_images, "n_drawn": len(codes), "n_stacks": len(np.unique(places))}
        if folds is None:
            self.temperature_, self.report_ = 1.0, ProbeReport(**report, n_folds=0)
        else:
            logits = self._out_of_fold(scaled, codes, weights, folds)
            self.temperature_ = fit_temperature(logits, codes, weights)
            self.report_ = ProbeReport(**report, **_judged(logits, codes, weights, folds, self.classes_))
        coefficients, intercept = self._regression(scaled, codes, weights, _TOLERANCE)
        coefficients = coefficients / scale / self.temperature_
        self.coef_ = coefficients.astype(np.float32)
        self.intercept_ = (intercept / self.temperature_ - coefficients @ mean).astype(np.float32)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float32]:
        """Calibrated logits, float32 (N, K)."""
        check_is_fitted(self, "coef_")
        vectors = np.asarray(X, np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.coef_.shape[1]:
            raise InputError(
                f"the embedding has the shape {vectors.shape}, the probe learnt from {self.coef_.shape[1]} dimensions: "
                "use the probe of this run"
            )
        return vectors @ self.coef_.T + self.intercept_

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Probability of each class, float32 (N, K)."""
        return softmax(self.decision_function(X), axis=1).astype(np.float32)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Name of the likeliest class, (N,)."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]

    def save(self, folder: str | Path) -> None:
        """Write ``probe.json`` and ``probe.safetensors`` into a folder; nothing is pickled."""
        from safetensors.numpy import save_file

        check_is_fitted(self, "coef_")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"coefficients": self.coef_, "intercept": self.intercept_}, folder / "probe.safetensors")
        told = {
            "format": FORMAT,
            "classes": self.classes_.tolist(),
            "n_dimensions": self.coef_.shape[1],
            "temperature": self.temperature_,
            "parameters": self.get_params(),
            "report": asdict(self.report_),
            "notes": self.notes_,
        }
        (folder / "probe.json").write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If it is missing, damaged, or of another format.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        folder = Path(folder)
        try:
            told = json.loads((folder / "probe.json").read_text("utf-8"))
            if told["format"] != FORMAT:
                raise InputError(
                    f"{folder} holds a probe of format {told['format']!r}, and this version of facies reads format "
                    f"{FORMAT}: fit it again with `facies classify`"
                )
            arrays = load_file(folder / "probe.safetensors")
            probe = cls(**told["parameters"])
            probe.classes_ = np.array(told["classes"], object)
            probe.coef_, probe.intercept_ = arrays["coefficients"], arrays["intercept"]
            probe.temperature_, probe.notes_ = float(told["temperature"]), list(told["notes"])
            probe.report_ = ProbeReport(**told["report"])
            if probe.coef_.shape != (len(told["classes"]), told["n_dimensions"]):
                raise ValueError("shape")
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{folder} holds no whole probe ({' '.join(str(error).split())}): fit it again with `facies classify`"
            ) from error
        return probe

    def _checked(
        self, X: ArrayLike, y: ArrayLike, stacks: ArrayLike | None
    ) -> tuple[NDArray[np.float32], NDArray[np.object_], NDArray[np.int64]]:
        vectors, names = np.asarray(X, np.float32), np.asarray(y, object)
        if vectors.ndim != 2 or names.shape != (len(vectors),):
            raise InputError(f"{len(vectors)} vectors have {len(vectors)} names: {names.shape} were given")
        if not np.isfinite(vectors).all():
            raise InputError("the embedding holds NaN or infinity: leave those images out")
        given = np.arange(len(names)) if stacks is None else np.asarray(stacks)
        places = np.unique(given.astype(str), return_inverse=True)[1]
        found, counts = np.unique(names, return_counts=True)
        single = found[counts < 2]
        if len(found) - len(single) < 2:
            told = ", ".join(f"{name!r}: {count}" for name, count in zip(found, counts, strict=True)) or "none"
            raise InputError(
                f"a classifier needs two images of each of two classes at least ({told}): name another class, or more images"
            )
        if len(single):
            self.notes_.append(f"left out, for they have a single image: {', '.join(map(str, single))}")
        keep = ~np.isin(names, single)
        return vectors[keep], names[keep], places[keep]

    def _folds(self, codes: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Fold of each image, stacks whole; None where there is but one stack."""
        from sklearn.model_selection import GroupKFold

        pairs = np.unique(np.stack([codes, places]), axis=1)
        stacks_of_class = np.bincount(pairs[0], minlength=len(self.classes_))
        n_folds = min(self.folds, len(np.unique(places)))
        few = stacks_of_class < max(n_folds, 2)
        if few.any():
            told = ", ".join(
                f"{self.classes_[k]} ({stacks_of_class[k]} stack{'s' if stacks_of_class[k] > 1 else ''})"
                for k in np.flatnonzero(few)
            )
            self.notes_.append(f"how well these are told is uncertain, for they come from few stacks: {told}")
        if n_folds < 2:
            self.notes_.append(
                "all named images come from one stack: the accuracy cannot be measured; name some of others"
            )
            return None
        folds = np.zeros(len(codes), np.int64)
        for number, (_, held_out) in enumerate(GroupKFold(n_folds).split(codes, groups=places)):
            folds[held_out] = number
        return folds

    def _regression(
        self, scaled: NDArray[np.float32], codes: NDArray[np.int64], weights: NDArray[np.float32], tolerance: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coefficients (K, D) and intercepts (K,) of all classes, also of those that no image is of."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        there, inner = np.unique(codes, return_inverse=True)
        coefficients = np.zeros((len(self.classes_), scaled.shape[1]))
        intercept = np.full(len(self.classes_), _UNSEEN)
        if len(there) == 1:
            intercept[there] = 0.0
            return coefficients, intercept
        model = LogisticRegression(C=self.C, tol=tolerance, max_iter=200)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # two hundred steps are more than the counts feel
            model.fit(scaled, inner, sample_weight=weights)
        if len(there) == 2:  # scikit-learn keeps the difference of the two
            coefficients[there] = np.concatenate([-model.coef_, model.coef_]) / 2
            intercept[there] = np.concatenate([-model.intercept_, model.intercept_]) / 2
        else:
            coefficients[there], intercept[there] = model.coef_, model.intercept_
        return coefficients, intercept

    def _out_of_fold(
        self,
        scaled: NDArray[np.float32],
        codes: NDArray[np.int64],
        weights: NDArray[np.float32],
        folds: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        logits = np.empty((len(codes), len(self.classes_)))
        for fold in range(int(folds.max()) + 1):
            held_out = folds == fold
            coefficients, intercept = self._regression(
                scaled[~held_out], codes[~held_out], weights[~held_out], _TOLERANCE_OF_FOLDS
            )
            logits[held_out] = scaled[held_out] @ coefficients.astype(np.float32).T + intercept
        return logits


def _drawn(codes: NDArray[np.int64], most: int | None, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows to fit to, and their weights of mean 1: each class counts as much as all its images."""
    if most is None or len(codes) <= most:
        return np.arange(len(codes)), np.ones(len(codes), np.float32)
    counts = np.bincount(codes)
    share, left, open_ = np.zeros_like(counts), most, np.ones(len(counts), bool)
    while open_.any():  # classes smaller than an even share give all they have, and their rest goes to the others
        even = left // open_.sum()
        small = open_ & (counts <= even)
        if not small.any():
            share[open_] = max(even, 1)
            break
        share[small], open_ = counts[small], open_ & ~small
        left = most - int(share.sum())
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    within = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.sort(order[within < share[codes[order]]])
    weights = (counts / np.maximum(share, 1))[codes[rows]]
    return rows, (weights / weights.mean()).astype(np.float32)


def _judged(
    logits: NDArray[np.float64],
    codes: NDArray[np.int64],
    weights: NDArray[np.float32],
    folds: NDArray[np.int64],
    names: NDArray[np.object_],
) -> dict[str, Any]:
    """What the logits out of fold say, for `ProbeReport`."""
    n_folds, n_classes = int(folds.max()) + 1, len(names)
    found = logits.argmax(axis=1)
    right = found == codes
    cooled = np.empty_like(logits)
    for fold in range(n_folds):
        here = folds == fold
        cooled[here] = logits[here] / fit_temperature(logits[~here], codes[~here], weights[~here])
    of_class, of_found, hits = (
        np.bincount(numbers, weight, minlength=n_classes).astype(np.float64)
        for numbers, weight in ((codes, weights), (found, weights), (codes, weights * right))
    )
    recall = _shares(hits, of_class)
    return {
        "n_folds": n_folds,
        "accuracy": float(np.average(right, weights=weights)),
        "balanced_accuracy": float(np.mean([share for share in recall if share is not None])),
        "recall": dict(zip(names.tolist(), recall, strict=True)),
        "precision": dict(zip(names.tolist(), _shares(hits, of_found), strict=True)),
        "calibration_before": expected_calibration_error(softmax(logits, axis=1).max(axis=1), right, weights),
        "calibration_after": expected_calibration_error(softmax(cooled, axis=1).max(axis=1), right, weights),
    }


def _shares(part: NDArray[np.float64], whole: NDArray[np.float64]) -> list[float | None]:
    return [float(a / b) if b > 0 else None for a, b in zip(part, whole, strict=True)]

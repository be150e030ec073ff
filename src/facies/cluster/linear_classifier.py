"""A classifier from an expert's names: calibrated logistic regression on the embedding, cross-validated by stacks."""

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

FORMAT = 1
_TOLERANCE, _TOLERANCE_OF_FOLDS = 1e-4, 1e-3
_LOGIT_WITHOUT_IMAGES = -30.0  # of a class of which the training part of a fold has no image


@dataclass(frozen=True)
class ProbeReport:
    """Cross-validated quality of a probe on images of stacks that were not in its training part.

    Attributes
    ----------
    n_images, n_drawn : int
        Number of named images, and of those among them that the probe was fitted to.
    n_stacks, n_folds : int
        Number of stacks and of folds; 0 folds if all images are of one stack, and all that follows is then None.
    accuracy : float or None
        Share of images that were put into the right class.
    balanced_accuracy : float or None
        Mean of the recall over the classes.
    recall, precision : dict of float or None
        By class; None for a class without images, or without predicted images.
    calibration_before, calibration_after : float or None
        Expected calibration error before and after temperature scaling, each fold with the temperature of the others.
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


@dataclass(kw_only=True, eq=False, repr=False)
class LinearProbe(ClassifierMixin, BaseEstimator):
    """Linear classifier of the expert's classes on the embedding, with calibrated probabilities.

    Multinomial logistic regression with an L2 penalty on standardised vectors, ``p(k | z) = softmax((W z + b) / T)_k``.
    The temperature T (Guo et al., ICML 2017) minimises the negative log-likelihood of the logits out of fold. A stack is
    never divided among folds: grains of one photograph resemble each other, and the accuracy would come out too good.

    Attributes
    ----------
    classes_ : ndarray of str, shape (K,)
        Names, sorted.
    coef_, intercept_ : ndarray of float32, shapes (K, D) and (K,)
        On the embedding itself: the standardisation and the temperature are multiplied in.
    temperature_ : float
        T; 1 where it could not be found.
    report_ : ProbeReport
        Cross-validated quality.
    held_out_rows_ : ndarray of int64, shape (m,)
        Which of the images given to `fit` were in the cross-validation; empty if there was none.
    held_out_probabilities_ : ndarray of float32, shape (m, K)
        Calibrated probabilities of these, from folds in which they, and their stacks, were not.
    notes_ : list of str
        Warnings about this fit, one sentence each: classes left out, too few stacks.

    Examples
    --------
    >>> import numpy as np
    >>> embedding = np.concatenate([np.full((20, 2), -1.0), np.full((20, 2), 1.0)])
    >>> probe = LinearProbe().fit(embedding, ["quartz"] * 20 + ["shell"] * 20)
    >>> probe.predict([[0.9, 0.8]]).tolist()
    ['shell']
    """

    C: float = 0.1
    """Inverse strength of the penalty, as in scikit-learn. Larger values fit the named images more closely."""
    folds: int = 5
    """Number of folds of the cross-validation, at most the number of stacks. More folds train on more images each, and
    take longer."""
    most_images: int | None = 4000
    """Largest number of images to fit to. Of more named images a random sample is taken, as even over the classes as
    possible, and weighted so that each class counts as much as all its images. None takes all."""
    random_state: int = 0
    """Seed of that sample."""

    def fit(self, X: ArrayLike, y: ArrayLike, stacks: ArrayLike | None = None) -> Self:
        """Fit to named images.

        Parameters
        ----------
        X : array_like of float, shape (n, D)
            Embedding of the named images.
        y : array_like of str, shape (n,)
            Class of each.
        stacks : array_like, shape (n,), optional
            Stack of photographs, or other origin, of each image; by default each image is a stack of its own.

        Raises
        ------
        InputError
            If fewer than two classes have two images each, or the embedding is not finite.
        """
        self.notes_: list[str] = []
        vectors, names, stack_codes, kept = self._validate(X, y, stacks)
        self.classes_, codes = np.unique(names, return_inverse=True)
        rows, weights = _draw_sample(codes, self.most_images, self.random_state)
        with threadpool_limits(1):  # matrices this small take longer on several threads, much longer on busy ones
            self._fit_sample(vectors[rows], codes[rows], stack_codes[rows], weights, len(codes))
        self.held_out_rows_ = kept[rows][: len(self.held_out_probabilities_)]
        return self

    def _fit_sample(
        self,
        vectors: NDArray[np.float32],
        codes: NDArray[np.int64],
        stack_codes: NDArray[np.int64],
        weights: NDArray[np.float32],
        n_images: int,
    ) -> None:
        mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        scale = np.maximum(vectors.std(axis=0, dtype=np.float64), 1e-6).astype(np.float32)
        scaled = (vectors - mean) / scale
        folds = self._folds(codes, stack_codes)
        report: dict[str, Any] = {"n_images": n_images, "n_drawn": len(codes), "n_stacks": len(np.unique(stack_codes))}
        if folds is None:
            self.temperature_, self.report_ = 1.0, ProbeReport(**report, n_folds=0)
            self.held_out_probabilities_ = np.zeros((0, len(self.classes_)), np.float32)
        else:
            logits = self._out_of_fold(scaled, codes, weights, folds)
            self.temperature_ = fit_temperature(logits, codes, weights)
            self.held_out_probabilities_ = softmax(logits / self.temperature_, axis=1).astype(np.float32)
            self.report_ = ProbeReport(**report, **_cross_validation(logits, codes, weights, folds, self.classes_))
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
        description = {
            "format": FORMAT,
            "classes": self.classes_.tolist(),
            "n_dimensions": self.coef_.shape[1],
            "temperature": self.temperature_,
            "parameters": self.get_params(),
            "report": asdict(self.report_),
            "notes": self.notes_,
        }
        (folder / "probe.json").write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        folder = Path(folder)
        try:
            description = json.loads((folder / "probe.json").read_text("utf-8"))
            if description["format"] != FORMAT:
                raise InputError(
                    f"{folder} holds a probe of format {description['format']!r}, and this version of facies reads format "
                    f"{FORMAT}: fit it again with `facies classify`"
                )
            arrays = load_file(folder / "probe.safetensors")
            probe = cls(**description["parameters"])
            probe.classes_ = np.array(description["classes"], object)
            probe.coef_, probe.intercept_ = arrays["coefficients"], arrays["intercept"]
            probe.temperature_, probe.notes_ = float(description["temperature"]), list(description["notes"])
            probe.report_ = ProbeReport(**description["report"])
            if probe.coef_.shape != (len(description["classes"]), description["n_dimensions"]):
                raise ValueError("shape")
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{folder} holds no whole probe ({' '.join(str(error).split())}): fit it again with `facies classify`"
            ) from error
        return probe

    def _validate(
        self, X: ArrayLike, y: ArrayLike, stacks: ArrayLike | None
    ) -> tuple[NDArray[np.float32], NDArray[np.object_], NDArray[np.int64], NDArray[np.int64]]:
        vectors, names = np.asarray(X, np.float32), np.asarray(y, object)
        if vectors.ndim != 2 or names.shape != (len(vectors),):
            raise InputError(f"{len(vectors)} vectors have {len(vectors)} names: {names.shape} were given")
        if not np.isfinite(vectors).all():
            raise InputError("the embedding holds NaN or infinity: leave those images out")
        given = np.arange(len(names)) if stacks is None else np.asarray(stacks)
        stack_codes = np.unique(given.astype(str), return_inverse=True)[1]
        classes, counts = np.unique(names, return_counts=True)
        single = classes[counts < 2]
        if len(classes) - len(single) < 2:
            named = ", ".join(f"{name!r}: {count}" for name, count in zip(classes, counts, strict=True)) or "none"
            raise InputError(
                f"a classifier needs two images of each of two classes at least ({named}): name another class, or more images"
            )
        if len(single):
            self.notes_.append(f"left out, for they have a single image: {', '.join(map(str, single))}")
        keep = ~np.isin(names, single)
        return vectors[keep], names[keep], stack_codes[keep], np.flatnonzero(keep)

    def _folds(self, codes: NDArray[np.int64], stack_codes: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Fold of each image, that of its stack; None where there is only one stack."""
        from sklearn.model_selection import GroupKFold

        pairs = np.unique(np.stack([codes, stack_codes]), axis=1)
        stacks_of_class = np.bincount(pairs[0], minlength=len(self.classes_))
        n_folds = min(self.folds, len(np.unique(stack_codes)))
        few = stacks_of_class < max(n_folds, 2)
        if few.any():
            named = ", ".join(
                f"{self.classes_[k]} ({stacks_of_class[k]} stack{'s' if stacks_of_class[k] > 1 else ''})"
                for k in np.flatnonzero(few)
            )
            self.notes_.append(f"how well these are told is uncertain, for they come from few stacks: {named}")
        if n_folds < 2:
            self.notes_.append(
                "all named images come from one stack: the accuracy cannot be measured; name some of others"
            )
            return None
        folds = np.zeros(len(codes), np.int64)
        for number, (_, held_out) in enumerate(GroupKFold(n_folds).split(codes, groups=stack_codes)):
            folds[held_out] = number
        return folds

    def _regression(
        self, scaled: NDArray[np.float32], codes: NDArray[np.int64], weights: NDArray[np.float32], tolerance: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coefficients (K, D) and intercepts (K,) of all classes, also of those without images in `codes`."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        present, inner = np.unique(codes, return_inverse=True)
        coefficients = np.zeros((len(self.classes_), scaled.shape[1]))
        intercept = np.full(len(self.classes_), _LOGIT_WITHOUT_IMAGES)
        if len(present) == 1:
            intercept[present] = 0.0
            return coefficients, intercept
        model = LogisticRegression(C=self.C, tol=tolerance, max_iter=200)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # later steps no longer change the predictions
            model.fit(scaled, inner, sample_weight=weights)
        if len(present) == 2:  # scikit-learn gives the difference of the two
            coefficients[present] = np.concatenate([-model.coef_, model.coef_]) / 2
            intercept[present] = np.concatenate([-model.intercept_, model.intercept_]) / 2
        else:
            coefficients[present], intercept[present] = model.coef_, model.intercept_
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


def _draw_sample(
    codes: NDArray[np.int64], most: int | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows to fit to, and weights of mean 1 by which each class counts as much as all its images."""
    if most is None or len(codes) <= most:
        return np.arange(len(codes)), np.ones(len(codes), np.float32)
    counts = np.bincount(codes)
    share, remaining, undecided = np.zeros_like(counts), most, np.ones(len(counts), bool)
    while undecided.any():  # classes smaller than an even share are taken whole, and the others divide the rest
        even = remaining // undecided.sum()
        small = undecided & (counts <= even)
        if not small.any():
            share[undecided] = max(even, 1)
            break
        share[small], undecided = counts[small], undecided & ~small
        remaining = most - int(share.sum())
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    within = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.sort(order[within < share[codes[order]]])
    weights = (counts / np.maximum(share, 1))[codes[rows]]
    return rows, (weights / weights.mean()).astype(np.float32)


def _cross_validation(
    logits: NDArray[np.float64],
    codes: NDArray[np.int64],
    weights: NDArray[np.float32],
    folds: NDArray[np.int64],
    names: NDArray[np.object_],
) -> dict[str, Any]:
    """Fields of `ProbeReport`, from the logits out of fold."""
    n_folds, n_classes = int(folds.max()) + 1, len(names)
    predicted = logits.argmax(axis=1)
    correct = predicted == codes
    calibrated = np.empty_like(logits)
    for fold in range(n_folds):
        held_out = folds == fold
        temperature = fit_temperature(logits[~held_out], codes[~held_out], weights[~held_out])
        calibrated[held_out] = logits[held_out] / temperature
    of_class, of_predicted, hits = (
        np.bincount(numbers, weight, minlength=n_classes).astype(np.float64)
        for numbers, weight in ((codes, weights), (predicted, weights), (codes, weights * correct))
    )
    recall = _shares(hits, of_class)
    return {
        "n_folds": n_folds,
        "accuracy": float(np.average(correct, weights=weights)),
        "balanced_accuracy": float(np.mean([share for share in recall if share is not None])),
        "recall": dict(zip(names.tolist(), recall, strict=True)),
        "precision": dict(zip(names.tolist(), _shares(hits, of_predicted), strict=True)),
        "calibration_before": expected_calibration_error(softmax(logits, axis=1).max(axis=1), correct, weights),
        "calibration_after": expected_calibration_error(softmax(calibrated, axis=1).max(axis=1), correct, weights),
    }


def _shares(part: NDArray[np.float64], whole: NDArray[np.float64]) -> list[float | None]:
    return [float(a / b) if b > 0 else None for a, b in zip(part, whole, strict=True)]

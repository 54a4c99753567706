"""Prints what NumPy, SciPy and scikit-learn say of real data, as JSON."""

import json
import sys

import numpy as np
import scipy.special
import scipy.stats
from sklearn.covariance import EmpiricalCovariance, shrunk_covariance
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SETS = {"cancer": load_breast_cancer, "digits": load_digits, "wine": load_wine}
SHRINKAGE = 0.01
COMPONENTS = 5
DECAY = 0.99


def mahalanobis(rows, mean, covariance):
    estimate = EmpiricalCovariance()
    estimate.location_ = mean
    estimate.precision_ = np.linalg.inv(covariance)
    estimate.covariance_ = covariance
    return estimate.mahalanobis(rows)


def probabilistic(rows):
    """The distance by PCA's own covariance, whose sizes are corrected for the sample."""
    pca = PCA(COMPONENTS).fit(rows)
    return mahalanobis(rows, pca.mean_, pca.get_covariance() * (len(rows) - 1) / len(rows))


def truths(name):
    data = SETS[name]()
    rows = data.data.astype(float)
    fit = EmpiricalCovariance().fit(rows)
    shrunk = shrunk_covariance(fit.covariance_, SHRINKAGE)
    weights = DECAY ** np.arange(len(rows))[::-1]
    mean = np.average(rows, axis=0, weights=weights)
    decayed = shrunk_covariance(np.cov(rows.T, aweights=weights, ddof=0), SHRINKAGE)
    pca = PCA(COMPONENTS).fit(rows)
    variances = np.linalg.eigvalsh(shrunk)[::-1][:COMPONENTS]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(rows, data.target)
    logits = model.decision_function(rows)
    if logits.ndim == 1:
        logits = np.stack([np.zeros_like(logits), logits], axis=1)
    chances = scipy.special.softmax(logits, axis=1)
    top = np.sort(chances, axis=1)[:, ::-1]
    q = np.quantile(rows, [0, 0.25, 0.75, 1], axis=0)
    unit = np.where(q[2] > q[1], q[2] - q[1], q[3] - q[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.nan_to_num(np.maximum(np.maximum(rows - q[2], q[1] - rows), 0) / unit)
    return {
        "rows": rows.tolist(),
        "shrunk": mahalanobis(rows, fit.location_, shrunk).tolist(),
        "decayed": mahalanobis(rows, mean, decayed).tolist(),
        "components": ((pca.transform(rows) ** 2) / variances).sum(axis=1).tolist(),
        "probabilistic": probabilistic(rows).tolist(),
        "threshold": scipy.stats.chi2.ppf(0.999, rows.shape[1]),
        "beyond": np.sort(beyond, axis=1)[:, ::-1][:, :3].tolist(),
        "logits": logits.tolist(),
        "confidence": (1 - top[:, 0]).tolist(),
        "margin": (1 - top[:, 0] + top[:, 1]).tolist(),
        "entropy": scipy.stats.entropy(chances, axis=1).tolist(),
        "energy": (-2 * scipy.special.logsumexp(logits / 2, axis=1)).tolist(),
    }


json.dump({name: truths(name) for name in SETS}, sys.stdout)

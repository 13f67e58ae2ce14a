"""Second-order rounding of weights: later weights make up for the rounding errors of earlier ones.

For outputs X w the error of rounding w to q is (q - w)^T H (q - w) with H = X^T X, so errors in
correlated inputs can cancel. Weights are rounded one input at a time, the most excited first, and
the error is spread over the rest along the inverse of H. After E. Frantar et al., "GPTQ", 2022
(arXiv:2210.17323) and "Optimal Brain Compression", 2022 (arXiv:2208.11580).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcugen.quantizer.scheme import MAX_WEIGHT

Matrix = NDArray[np.float64]

DAMPING = 0.01  # share of H's mean diagonal that is added to it
MAX_INPUTS = 4096  # larger H would take over 128 MB


def matched_weights(weights: Matrix, gram: Matrix, cross: Matrix) -> Matrix:
    """Weights [out, k] that answer the errors in their inputs.

    Minimises |X_q v - X w|^2 + ridge |v - w|^2 over v, where X_q are the inputs as quantized, X as
    float, `gram` = X_q^T X_q and `cross` = X_q^T (X - X_q).
    """
    ridge = 0.05 * np.mean(np.diag(gram)) + 1e-12
    regular = gram + ridge * np.eye(len(gram))
    matched: Matrix = weights + np.linalg.solve(regular, cross @ weights.T).T
    return matched


def round_weights(weights: Matrix, scale: NDArray[np.float64], gram: Matrix) -> Matrix:
    """Integers [out, k] in [-127, 127] for weights [out, k], scales [out] and H [k, k]."""
    hessian = gram.copy()
    diagonal = np.einsum("ii->i", hessian)
    mean = diagonal.mean()
    if mean <= 0.0:  # no input was ever different from zero
        return np.clip(np.rint(weights / scale[:, None]), -MAX_WEIGHT, MAX_WEIGHT)
    diagonal += DAMPING * mean
    order = np.argsort(-diagonal)
    rest = weights[:, order]
    spread = np.linalg.cholesky(np.linalg.inv(hessian[np.ix_(order, order)])).T
    rounded = np.empty_like(rest)
    for i in range(rest.shape[1]):
        rounded[:, i] = np.clip(np.rint(rest[:, i] / scale), -MAX_WEIGHT, MAX_WEIGHT)
        error = (rest[:, i] - rounded[:, i] * scale) / spread[i, i]
        rest[:, i + 1 :] -= np.outer(error, spread[i, i + 1 :])
    result = np.empty_like(rounded)
    result[:, order] = rounded
    return result

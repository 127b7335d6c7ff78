"""The error of what is not supported: an estimator, a setting of it, or a question about it."""


class UnsupportedEstimatorError(TypeError):
    """The estimator, or a setting of it, has no adapter, or not for what is asked."""

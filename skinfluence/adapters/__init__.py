"""Adapters: fitted estimators, and what they minimised."""

from ._black_box import BlackBox
from ._fitted_model import FittedModel, Model, encode_rows, fitted_model

__all__ = ["BlackBox", "FittedModel", "Model", "encode_rows", "fitted_model"]

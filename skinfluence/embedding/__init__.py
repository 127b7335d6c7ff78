"""Rows as vectors whose inner products are influences."""

from ._influence_embedding import InfluenceEmbedding

__all__ = ["InfluenceEmbedding"]

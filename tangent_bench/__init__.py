"""A reproducible benchmark suite for task arithmetic in the tangent space."""

__version__ = "0.1.0"

"""The mathematics in weight space: vectors, Taylor expansions, tangent kernels."""

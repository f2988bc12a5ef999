"""From vectors to predictions and numbers: evaluation, selection of coefficients, resampling."""

"""From numbers to verdicts: comparisons, claims, the paper's own numbers."""

"""From images to task vectors: steps, the loop, its saved states, modes, pre-training."""

"""A public encoder of texts, all-MiniLM-L6-v2, as the image towers' counterpart.

    texts → tokens (`tokens`) → f(x; θ), the mean of the last layer's tokens (`encoder`)
    J(x; θ) τ and the gradient, from one pass (`rules`), which `tangent.written` finds
    weights, from a folder (`loading`); where it is on this machine: `models.minilm`
    frozen heads, from prompts of classes at θ0 (`prompts`)

Wang et al., "MiniLM", NeurIPS 2020; Reimers and Gurevych, "Sentence-BERT", EMNLP 2019.

Legend of shape suffixes: B texts, L tokens, W width, H heads, D embedding (as wide as a token).
"""

"""Where the tables of texts come from: public packages, pinned by their hashes.

A module for each task yields its excerpts; `separation` deals them to splits that share no text, no
near-copy and no unit; `make texts` writes the tables. No run needs it.
"""

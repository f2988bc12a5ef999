"""Files that last: where they lie, how they are written, rows and how presets join theirs."""

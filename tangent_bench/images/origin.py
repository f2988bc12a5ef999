"""Where the images of a data set come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Origin:
    """Where the images of a data set are found and what they must be.

    Attributes:
        hub: id on the Hugging Face hub.
        revision: the commit that is meant; None takes the newest.
        files: for each stored split the pattern of its parquet files at that commit; left out, `datasets` finds them.
        counts: images of each split, validation cut off; empty if any number will do.
        counts_cut: the same where validation had to be cut off train although `counts` is about an own one.
        folders: names of its folder below the root, the first that is there counts.
        folder_names: names of class folders, in the order of the labels, where they are not the class names.
        test_folders: folders of the test split, the first that is there counts.
        splits: names of the stored splits; without "val", it is cut off train.
        config, image, label: configuration and columns of the hub copy.
        agreement: part of the stored class names that must be ours (ImageNet's synonyms were rewritten for CLIP).
        native: side in pixels of its images, if all are squares of that size.
        leaked: whether the training split takes in the test images, as a known copy did; `counts` are of that.
        turn: whether EXIF orientation is obeyed (the official code does not).
        advice: how to get the images if not from the hub.
        without_train: what to say if there are no training images to cut validation off.
    """

    hub: str
    revision: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    counts_cut: Mapping[str, int] | None = None
    folders: tuple[str, ...] = ()
    folder_names: tuple[str, ...] | None = None
    test_folders: tuple[str, ...] = ("test",)
    splits: Mapping[str, str] = field(default_factory=lambda: {"train": "train", "test": "test"})
    config: str | None = None
    image: str = "image"
    label: str = "label"
    agreement: float = 1.0
    native: int | None = None
    leaked: bool = False
    turn: bool = False
    advice: str = ""
    without_train: str = "add the training images"

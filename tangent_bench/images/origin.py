"""Where the images of a data set are published, and what they must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Origin:
    """Where the images of a data set are published, and what they must be.

    Attributes:
        hub: id on the Hugging Face hub.
        revision: commit of the hub copy; None takes the newest.
        files: pattern of the parquet files of each stored split at that commit; without one,
            `datasets` finds them.
        counts: number of images of each split, after validation was cut off; empty if any number
            will do.
        counts_cut: the same if validation was cut off train although `counts` is about a copy with
            a validation split of its own.
        folders: names of the data set's folder below the root; the first that exists counts.
        folder_names: names of class folders in the order of the labels, where they differ from the
            class names.
        test_folders: folders of the test split; the first that exists counts.
        splits: names of the stored splits; without "val", validation is cut off train. Empty: the
            usual words tell.
        config: configuration of the hub copy.
        image: column of the images in the hub copy.
        label: column of the labels in the hub copy.
        agreement: share of the stored class names that must be ours (ImageNet's synonyms were
            rewritten for CLIP).
        native: side of the images in pixels, if all are squares of that size.
        leaked: whether the training split includes the test images, as a known copy did; `counts`
            are of that copy.
        turn: whether the EXIF orientation is obeyed (the official code does not).
        advice: how to get the images without the hub.
        own: whether a user names it in a config. Where validation is cut off, pictures that repeat
            stay in train then (the official code does not look).
        without_train: advice if there are no training images to cut validation off.
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
    own: bool = False
    without_train: str = "add the training images"

"""Pictures of every mode and format, and folders of every kind: nothing is lost in silence.

A picture is read as it looks, or refused in a sentence, or counted as passed over.
"""

from __future__ import annotations

import io
import random
import re
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tangent_bench.images import notes
from tangent_bench.images.class_folders import is_litter
from tangent_bench.images.decoding import suffixes
from tangent_bench.images.folders import FolderTask
from tests.small import generator

# Pillow itself warns of formats that it will drop, and of palettes that it writes.
pytestmark = [pytest.mark.full, pytest.mark.filterwarnings("ignore")]
SIDE = 32
ACROSS, DOWN = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
COLOURS = np.stack([255 * ACROSS, 255 * DOWN, 128 + 0 * DOWN], axis=-1).round().astype(np.uint8)
PICTURE = Image.fromarray(COLOURS)
GREY = np.asarray(PICTURE.convert("L")).astype(np.int64)
ALPHA = (255 * ACROSS).round().astype(np.uint8)
ON_WHITE = np.round(COLOURS * (ALPHA / 255)[..., None] + 255 - ALPHA[..., None])
GREY_ON_WHITE = np.round(GREY * (ALPHA / 255) + 255 - ALPHA)


def _deep(dtype: str) -> Image.Image:
    return Image.fromarray((GREY * 257).astype(dtype))


def _with_alpha(mode: str) -> Image.Image:
    image = PICTURE.convert("L" if mode == "LA" else "RGB")
    image.putalpha(Image.fromarray(ALPHA))
    return image.convert(mode)


def _grey(levels: np.ndarray) -> np.ndarray:
    return np.repeat(levels[..., None], 3, axis=-1)


# Mode → the picture in it, as it looks, and how far it may be from that on the average.
MODES = {
    "1": (lambda: Image.fromarray(GREY > 127), _grey(np.where(GREY > 127, 255, 0)), 2),
    "L": (lambda: PICTURE.convert("L"), _grey(GREY), 2),
    "LA": (lambda: _with_alpha("LA"), _grey(GREY_ON_WHITE), 2),
    "P": (lambda: PICTURE.quantize(128), COLOURS, 9),
    "PA": (lambda: _with_alpha("RGBA").convert("PA"), ON_WHITE, 30),
    "RGB": (lambda: PICTURE, COLOURS, 2),
    "RGBA": (lambda: _with_alpha("RGBA"), ON_WHITE, 2),
    "RGBa": (lambda: _with_alpha("RGBA").convert("RGBa"), ON_WHITE, 3),
    "La": (lambda: _with_alpha("LA").convert("La"), _grey(GREY_ON_WHITE), 3),
    "RGBX": (lambda: PICTURE.convert("RGBX"), COLOURS, 2),
    "CMYK": (lambda: PICTURE.convert("CMYK"), COLOURS, 3),
    "YCbCr": (lambda: PICTURE.convert("YCbCr"), COLOURS, 3),
    "HSV": (lambda: PICTURE.convert("HSV"), COLOURS, 3),
    "LAB": (lambda: _lab(), COLOURS, 9),
    "I;16": (lambda: _deep("<u2"), _grey(GREY), 2),
    "I;16B": (lambda: _deep(">u2"), _grey(GREY), 2),
    "I": (lambda: _deep("<i4"), _grey(GREY), 2),
    "F": (lambda: _deep("<f4"), _grey(GREY), 2),
    "F in [0, 1]": (lambda: Image.fromarray((GREY / 255).astype("<f4")), _grey(GREY), 2),
}
LOSSY = {"JPEG": 12, "MPO": 12, "WEBP": 12, "AVIF": 12, "JPEG2000": 8, "GIF": 24, "BLP": 99}
# What Pillow loses when it writes, so that no reader can have it: it clips depth, and drops alpha.
WRITTEN_WRONG = {("I;16B", "JPEG2000"), ("I;16B", "ICNS"), ("LA", "DDS"), ("LA", "GIF")}
WRITTEN_WRONG |= {("RGBA", kind) for kind in ("BMP", "DIB", "PPM", "GIF")}
WRITTEN_WRONG |= {(mode, kind) for mode in ("PA", "La", "RGBa") for kind in ("GIF", "BMP", "PPM")}
for _mode in ("I", "I;16", "I;16B", "F", "F in [0, 1]"):
    WRITTEN_WRONG |= {(_mode, kind) for kind in ("AVIF", "GIF", "WEBP")}


def _lab() -> Image.Image:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(PICTURE, *profiles, outputMode="LAB")


@pytest.fixture(autouse=True)
def unsaid(monkeypatch):
    monkeypatch.setattr(notes, "_said", set())


def _suffix(kind: str) -> str:
    found = [suffix for suffix, name in Image.registered_extensions().items() if name == kind]
    return found[0] if found else f".{kind.lower()}"


def _written(mode: str) -> Iterator[tuple[str, bytes]]:
    """The formats that Pillow can write a picture of a mode in, and the files."""
    Image.init()
    image = MODES[mode][0]()
    for kind in sorted(Image.SAVE):
        file = io.BytesIO()
        with suppress(Exception):
            image.save(file, kind)
            yield kind, file.getvalue()


def _plain_task(folder: Path, odd: Path | None = None) -> FolderTask:
    """Two classes of ten pictures; a file of a third class is put in by the caller."""
    for split in ("train", "val", "test"):
        for name in ("a", "b"):
            (folder / split / name).mkdir(parents=True)
            noise = generator("fuzz", split, name).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / split / name / "0.png")
    if odd is not None:
        shutil.copy(odd, folder / "test/a" / odd.name)
    return FolderTask("fuzz", {"folder": str(folder), "templates": ["a {}"], "side": SIDE})


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_is_read_as_it_looks_or_refused_or_counted(tmp_path, mode, caplog):
    _, expected, tolerance = MODES[mode]
    wrong = []
    for kind, content in _written(mode):
        if (mode, kind) in WRITTEN_WRONG:
            continue
        file = tmp_path / f"odd{_suffix(kind)}"
        file.write_bytes(content)
        caplog.clear()
        notes._said.clear()
        task = _plain_task(tmp_path / f"{kind} {mode}".replace("/", ""), file)
        try:
            images = task.load("test").images.astype(int)
        except ValueError as sentence:
            assert "\n" not in str(sentence) and str(file.name) in str(sentence), (mode, kind)
            continue
        if file.suffix not in suffixes():
            assert len(images) == 2 and f"1 {file.suffix}" in caplog.text, (mode, kind)
            continue
        assert len(images) == 3
        error = min(np.abs(image - expected).mean() for image in images)
        if error > tolerance + LOSSY.get(kind, 0):
            wrong.append((mode, kind, round(error)))
    assert not wrong


def test_what_is_refused_is_known():
    """Whoever adds a format or a mode sees what becomes of it."""
    from tangent_bench.images.decoding import decode

    read, refused = set(), set()
    for mode in MODES:
        for kind, content in _written(mode):
            if _suffix(kind) not in suffixes():
                continue
            try:
                decode(content, "x", turn=True)
                read.add((mode, kind))
            except ValueError:
                refused.add((mode, kind))
    assert {mode for mode, _ in refused} <= {"I", "F", "F in [0, 1]", "LAB"}, refused
    assert len(read) > 90
    assert {("I;16", "PNG"), ("I;16B", "TIFF"), ("CMYK", "JPEG"), ("PA", "TIFF")} & read


# Folders

CLASSES = ["cat", "dog", "a b", "a_b", "é", unicodedata.normalize("NFD", "ü"), "日本", "R&D <b>"]
CLASSES += ["Zebra", "0", "1", "2", "10", "007", "-1", "class_1", "class_10", "class_2", "🙂"]
FILES = [".png", ".PNG", ".jpg", ".gif", ".tif", ".bmp", ".webp"]
ODD = [".heic", ".txt", "", ".svg"]
WORDS = {"train": ["train", "Training", "TRAIN"], "test": ["test", "testing", "Test"]}
WORDS["val"] = ["val", "valid", "Validation", "dev"]


class Layout:
    """A folder that a seed draws, with the class folder of every picture."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.rng = random.Random(seed)
        self.colours = 0
        self.folder_of = {}
        self.classes = self._some_classes()
        self.splits = {split: self.rng.choice(WORDS[split]) for split in ("train", "test")}
        if self.rng.random() < 0.5:
            self.splits["val"] = self.rng.choice(WORDS["val"])
        for split, word in self.splits.items():
            for name in self.classes:
                self._class_folder(root / word / name, split, name)
        self._disturb()

    def _some_classes(self) -> list[str]:
        kinds = [CLASSES, [str(k) for k in range(12)], [f"class_{k}" for k in range(11)]]
        names = self.rng.choice(kinds)
        return self.rng.sample(names, self.rng.randint(2, min(6, len(names))))

    def _class_folder(self, folder: Path, split: str, name: str) -> None:
        folder.mkdir(parents=True)
        for k in range(self.rng.choice([1, 3, 8, 8, 8])):
            suffix = self.rng.choice(FILES)
            self._picture(folder / f"{k}{suffix}", name)

    def _picture(self, file: Path, name: str) -> None:
        """Blocks of black and white tell it from all others, in whatever format."""
        self.colours += 1
        bits = [self.colours >> bit & 1 for bit in range(16)]
        blocks = (255 * np.array(bits, dtype=np.uint8)).reshape(4, 4)
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.kron(blocks, np.ones((8, 8), np.uint8))).save(file)
        self.folder_of[self.colours] = name

    def _disturb(self) -> None:
        """Up to three things that people have in their folders."""
        ways = [self._litter, self._odd, self._empty, self._unused, self._twice, self._linked]
        ways += [self._beside, self._hidden, self._leak, self._nested]
        self.done = [way.__name__ for way in self.rng.sample(ways, self.rng.randint(0, 3))]
        for name in self.done:
            getattr(self, name)()

    def _some(self, split: str = "train") -> Path:
        return self.root / self.splits[split] / self.rng.choice(self.classes)

    def _litter(self) -> None:
        for name in ("._0.png", ".DS_Store", "Thumbs.db"):
            (self._some() / name).write_bytes(b"\0")

    def _odd(self) -> None:
        for suffix in ODD:
            (self._some() / f"odd{suffix}").write_bytes(b"\0")

    def _empty(self) -> None:
        folder = self._some(self.rng.choice(list(self.splits)))
        shutil.rmtree(folder)
        folder.mkdir()

    def _unused(self) -> None:
        self._picture(self.root / "extra" / "cat" / "0.png", "cat")

    def _twice(self) -> None:
        for file in self._first():
            shutil.copy(file, self._some() / f"again{file.suffix}")

    def _first(self) -> list[Path]:
        """A training picture, unless its class is empty."""
        found = [file for file in self._some().iterdir() if file.stem.isdigit()]
        return sorted(found)[:1]

    def _linked(self) -> None:
        (self._some() / "loop").symlink_to("..")

    def _beside(self) -> None:
        self._picture(self.root / self.splits["train"] / "lost.png", "")

    def _hidden(self) -> None:
        self._picture(self._some() / ".ipynb_checkpoints" / "0.png", "")

    def _leak(self) -> None:
        for file in self._first():
            shutil.copy(file, self._some("test") / f"leak{file.suffix}")

    def _nested(self) -> None:
        folder = self._some()
        self._picture(folder / "more" / "x.png", folder.name)

    @property
    def in_order(self) -> list[str]:
        """The classes as people would list them."""
        names = [unicodedata.normalize("NFC", name) for name in self.classes]
        if all(re.fullmatch(r"-?\d+", name) for name in names):
            return sorted(names, key=int)
        return sorted(names, key=str.casefold)

    def files(self) -> list[Path]:
        """Pictures in class folders of used splits, without litter; links are not followed."""
        found = []
        for word in self.splits.values():
            for file in (self.root / word).glob("*/**/*"):
                inside = file.relative_to(self.root).parts
                is_picture = file.suffix.lower() in suffixes() and file.is_file()
                if is_picture and not any(map(is_litter, inside)) and "loop" not in inside:
                    found.append(file)
        return found


def _number(image: np.ndarray) -> int:
    bits = image[4::8, 4::8, 0].ravel() > 127
    return sum(int(bit) << place for place, bit in enumerate(bits))


@pytest.mark.parametrize("seed", range(150))
def test_a_folder_is_read_as_it_is_or_refused(tmp_path, seed, caplog):
    layout = Layout(tmp_path / "mine", seed)
    entry = {"folder": str(layout.root), "templates": ["a {}"], "side": SIDE}
    if seed % 3 == 0:
        entry["class_names"] = [f"name {k}" for k in range(len(layout.classes))]
    try:
        task = FolderTask("fuzz", entry)
        loaded = {split: task.load(split) for split in ("train", "val", "test")}
        for split in loaded:
            task.checked(split)
    except ValueError as sentence:
        text = str(sentence)
        assert text.startswith("Task 'fuzz': ") and "\n" not in text and text.endswith(".")
        assert re.search(r"; |two ways", text), "no sentence without what to do"
        return
    assert "_empty" not in layout.done and "_leak" not in layout.done
    assert entry.get("class_names") is None or task.classes == layout.in_order
    numbers = []
    for images in loaded.values():
        for image, label in zip(images.images, images.labels, strict=True):
            number = _number(image)
            numbers.append(number)
            folder = unicodedata.normalize("NFC", layout.folder_of[number])
            assert "_twice" in layout.done or task.classes[label] == folder
    assert len(numbers) == len(layout.files())
    if "_twice" not in layout.done:
        assert len(set(numbers)) == len(numbers)
    assert ("_odd" in layout.done) <= (
        f"{len(ODD)} files in" in caplog.text or "_beside" in layout.done
    )
    assert ("_unused" in layout.done) <= ("not used: extra" in caplog.text)
    assert ("_beside" in layout.done) <= ("beside the class folders" in caplog.text)

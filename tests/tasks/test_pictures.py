"""Pictures of every depth and kind: read as people see them, or refused in a sentence."""

from __future__ import annotations

import io
import logging

import numpy as np
import pytest
from PIL import Image

from tangent_bench.images import notes
from tangent_bench.images.decoding import decode, suffixes
from tangent_bench.images.folders import FolderTask
from tangent_bench.images.sources import open_split
from tests import hub_copies
from tests.hub_copies import tiny, write_parquet
from tests.small import pixels

RAMP = np.linspace(0, 65535, 1024).reshape(32, 32).astype(np.uint16)
GREY = np.round(RAMP / 257).astype(np.uint8)


@pytest.fixture(autouse=True)
def unsaid(monkeypatch):
    monkeypatch.setattr(notes, "_said", set())


def written(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def read(image: Image.Image, kind: str, turn: bool = True, **options) -> np.ndarray:
    return np.asarray(decode(written(image, kind, **options), "Task 't': x", turn)).astype(int)


DEEP = [("<u2", "PNG"), ("<u2", "TIFF"), ("<u2", "PPM"), ("<u2", "JPEG2000")]
DEEP += [(">u2", "PNG"), (">u2", "TIFF")]


@pytest.mark.parametrize(("order", "kind"), DEEP)
def test_sixteen_bits_are_scaled_and_not_clipped(order, kind):
    found = read(Image.fromarray(RAMP.astype(order)), kind)
    assert found.shape == (32, 32, 3) and np.abs(found - GREY[..., None]).max() <= 1
    assert len(np.unique(found)) == 256


def test_eight_bits_as_sixteen_come_back_as_they_were():
    eight = pixels(1, 20, "eight")[0][..., 0]
    deep = Image.fromarray(eight.astype(np.uint16) * 257)
    assert np.array_equal(read(deep, "PNG")[..., 0], eight)


def tiff(packed: bytes, bits: int) -> bytes:
    """A grey TIFF of 2 × 2 values without a sign, as Pillow reads but does not write them."""
    tags = {256: 2, 257: 2, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 2, 279: len(packed)}
    entries = b""
    for tag, value in tags.items():
        entries += tag.to_bytes(2, "little") + b"\4\0\1\0\0\0" + value.to_bytes(4, "little")
    begin = (8 + len(packed)).to_bytes(4, "little")
    directory = len(tags).to_bytes(2, "little") + entries + bytes(4)
    return b"II*\0" + begin + packed + directory


def test_a_file_of_twelve_bits_is_scaled_by_twelve():
    values = [0, 4095, 2048, 1024]
    packed = bytearray()
    for first, second in zip(values[::2], values[1::2]):
        packed += bytes([first >> 4, (first & 15) << 4 | second >> 8, second & 255])
    found = np.asarray(decode(tiff(bytes(packed), bits=12), "x", turn=False))[..., 0].ravel()
    assert found.tolist() == [0, 255, 128, 64]


def test_sixteen_bits_whose_zero_is_white_are_turned_round():
    image = Image.fromarray(RAMP)
    found = read(image, "TIFF", tiffinfo={262: 0})
    assert np.abs(found - (255 - GREY.astype(int))[..., None]).max() <= 1


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (RAMP.astype(np.int32), "TIFF", "values with a sign"),
        (RAMP.astype(np.float32), "TIFF", "floating-point values"),
        ((RAMP / 65535).astype(np.float32), "TIFF", "floating-point values"),
        ((RAMP / 65535).astype(np.float32), "PPM", "floating-point values"),
    ],
)
def test_values_without_a_known_range_are_refused(values, kind, words):
    with pytest.raises(ValueError, match=f"Task 't': x has {words}, whose black and white .*save"):
        read(Image.fromarray(values), kind)


def test_thirty_two_bits_without_a_sign_are_refused():
    with pytest.raises(ValueError, match="has values of 32 bits"):
        decode(tiff(np.arange(4, dtype="<u4").tobytes(), bits=32), "x", turn=False)


def test_eight_bits_with_a_sign_are_refused():
    """Pillow reads −1 as 255."""
    with pytest.raises(ValueError, match="has values with a sign"):
        read(Image.fromarray(GREY), "TIFF", tiffinfo={339: 2})


def test_a_range_that_is_hardly_used_is_said_once(caplog):
    twelve = Image.fromarray(RAMP // 16)
    for _ in range(3):
        read(twelve, "PNG")
    assert caplog.text.count("no value above 4,095 of 65,535, and is nearly black") == 1
    caplog.clear()
    read(Image.fromarray(np.zeros((4, 4), np.uint16)), "PNG")
    read(Image.fromarray(RAMP), "PNG")
    assert not caplog.text


def test_deep_pictures_are_turned_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    for order in ("<u2", ">u2"):
        deep = Image.fromarray(np.rot90(RAMP).astype(order))
        assert np.abs(read(deep, "PNG", exif=exif)[..., 0] - GREY).max() <= 1


def test_deep_pictures_of_a_folder(tmp_path):
    for split in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
            for k in range(10):
                deep = RAMP // (1 + k) if split == "train" else RAMP - 60 * k
                turned = Image.fromarray(deep if name == "a" else deep.T.copy())
                turned.save(tmp_path / split / name / f"{k}.tif")
    task = FolderTask("deep", {"folder": str(tmp_path), "templates": ["a {}"]})
    images = np.concatenate([task.load(split).images for split in ("train", "val")])
    assert images.shape == (20, 32, 32, 3)
    assert sorted(images.max(axis=(1, 2, 3)).tolist()) == sorted(
        round(65535 // (1 + k) / 257) for k in range(10) for _ in "ab"
    )


@pytest.mark.usefixtures("alone")
def test_deep_pictures_of_the_hub(tmp_path, monkeypatch):
    content = written(Image.fromarray(RAMP), "PNG"), "png"
    monkeypatch.setattr(hub_copies, "encoded", lambda split, label, number: content)
    write_parquet(tmp_path / "tiny")
    _, image = next(open_split(tiny(), "test", tmp_path).stream())
    assert np.array_equal(np.asarray(image), np.repeat(GREY[..., None], 3, axis=-1))
    content = written(Image.fromarray((RAMP / 65535).astype(np.float32)), "TIFF"), "tif"
    write_parquet(tmp_path / "tiny")
    with pytest.raises(ValueError, match=r"image 0 of .*data has floating-point values"):
        next(open_split(tiny(), "test", tmp_path).stream())


# Transparency, palettes, printing colours, one bit, animations


def half_clear(mode: str) -> Image.Image:
    """The left half opaque red or grey, the right half transparent black."""
    image = Image.new("RGBA", (8, 8), (200, 30, 10, 255))
    image.paste((0, 0, 0, 0), (4, 0, 8, 8))
    return image.convert(mode)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "WEBP"), ("RGBA", "TIFF"), ("RGBA", "TGA")],
)
def test_transparent_parts_lie_on_white(mode, kind):
    found = read(half_clear(mode), kind, **({"lossless": True} if kind == "WEBP" else {}))
    opaque = (200, 30, 10) if mode == "RGBA" else (79, 79, 79)
    assert np.abs(found[:, :4] - opaque).max() <= 1 and found[:, 4:].min() == 255


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_transparent_colours_of_a_palette_lie_on_white(kind):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([200, 30, 10, 0, 0, 0])
    image.paste(1, (4, 0, 8, 8))
    found = read(image, kind, transparency=1)
    assert (found[:, :4] == (200, 30, 10)).all() and found[:, 4:].min() == 255


def test_a_transparent_grey_level_lies_on_white():
    for image, clear in ((Image.fromarray(GREY), 7), (Image.fromarray(RAMP), int(RAMP[0, 9]))):
        found = read(image, "PNG", transparency=clear)
        expected = np.where(np.asarray(image) == clear, 255, GREY)
        assert np.abs(found[..., 0] - expected).max() <= 1


def test_half_transparent_is_mixed_with_white():
    image = Image.new("RGBA", (2, 2), (0, 100, 200, 51))  # a fifth
    assert np.abs(read(image, "PNG")[0, 0] - (204, 224, 244)).max() <= 1


def test_opaque_pixels_stay_as_they_are():
    colours = pixels(1, 20, "opaque")[0]
    image = Image.fromarray(np.dstack([colours, np.full((20, 20), 255, np.uint8)]))
    assert np.array_equal(read(image, "PNG"), colours)


def test_a_wholly_transparent_picture_is_said(caplog):
    assert read(Image.new("RGBA", (4, 4), (9, 9, 9, 0)), "PNG").min() == 255
    assert "is wholly transparent and becomes white" in caplog.text


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_printing_colours(kind):
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow: red
    assert np.abs(read(image, kind)[0, 0] - (255, 0, 0)).max() <= 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
def test_one_bit_is_black_and_white(kind):
    image = Image.fromarray(GREY > 127)
    assert image.mode == "1"
    assert np.array_equal(read(image, kind)[..., 0], np.where(GREY > 127, 255, 0))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_first_picture_of_an_animation_counts(kind, caplog):
    frames = [Image.new("RGB", (8, 8), (level, 0, 0)) for level in (250, 128, 0)]
    options = {"lossless": True} if kind == "WEBP" else {}
    found = read(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert (found == (250, 0, 0)).all() and not caplog.text


def test_further_pages_of_a_tiff_are_said(caplog):
    pages = [Image.fromarray(pixels(1, 8, "page", k)[0]) for k in range(3)]
    found = read(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert np.array_equal(found, np.asarray(pages[0]))
    assert "has 3 pages, of which the first is the image" in caplog.text


# Files


def test_what_pillow_reads_by_itself_is_read():
    for suffix in (".gif", ".jfif", ".jpe", ".avif", ".jp2", ".tif", ".webp", ".png", ".mpo"):
        assert suffix in suffixes()
    for suffix in (".heic", ".eps", ".pdf", ".wmf", ".mpg", ".fits", ".h5", ".svg"):
        assert suffix not in suffixes()


def test_no_other_program_is_started_for_a_picture(monkeypatch):
    """A PostScript file called .png would otherwise be given to Ghostscript."""
    from PIL import EpsImagePlugin

    monkeypatch.setattr(
        EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was started")
    )
    eps = written(Image.new("RGB", (8, 8)), "EPS")
    with pytest.raises(ValueError, match="cannot be read as an image"):
        decode(eps, "x", turn=True)


def test_reading_says_nothing_without_need(caplog):
    with caplog.at_level(logging.INFO):
        for mode in ("L", "P", "RGB", "1"):
            read(Image.fromarray(GREY).convert(mode), "PNG")
    assert not caplog.text

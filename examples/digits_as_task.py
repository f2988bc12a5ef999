"""Your own images as a task: writes scikit-learn's digits as PNG files, and a config."""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

ROOT = Path(__file__).resolve().parents[1]
CONFIG = """\
preset: digits
results: results/digits
custom_tasks:
  digits_folder:
    folder: data/digits # <folder>/{train,test}/<class>/<image>; without val/, a tenth of train
    templates: ["the digit {}", "a handwritten {}", "a photo of the number {}"]
    # of the class folders in order of name
    class_names: [zero, one, two, three, four, five, six, seven, eight, nine]
    title: Digits
    source: the 1,797 digits that scikit-learn ships, 8 × 8 pixels
    licence: CC BY 4.0 (E. Alpaydin and C. Kaynak)
tasks: [digits_folder, mnist]
"""


def main() -> None:
    pixels_NF, digits_N = map(np.asarray, load_digits(return_X_y=True))
    images_NHW = pixels_NF.reshape(-1, 8, 8)
    for number, (pixels, digit) in enumerate(zip(images_NHW, digits_N, strict=True)):
        split = "train" if number < 1500 else "test"
        file = ROOT / "data/digits" / split / str(digit) / f"{number:04}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15).astype("uint8")).save(file)
    (ROOT / "config/digits.yaml").write_text(CONFIG, encoding="utf-8")
    print(f"Wrote {len(images_NHW)} images under data/digits, and config/digits.yaml. Now run:")
    print("    make reproduce PRESET=digits")


if __name__ == "__main__":
    main()

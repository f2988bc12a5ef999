"""Your own images as a task: scikit-learn's digits as PNG files in folders, and a config for them and MNIST."""

from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

ROOT = Path(__file__).resolve().parents[1]
CONFIG = """\
preset: digits
results: results/digits
custom_tasks:
  digits_folder:
    folder: data/digits # <folder>/{train,test}/<class>/<image>; without val/, a tenth of train is cut off for it
    templates: ["the digit {}", "a handwritten {}", "a photo of the number {}"]
    class_names: [zero, one, two, three, four, five, six, seven, eight, nine] # of the class folders in order of name
    title: Digits
    source: the 1,797 digits that scikit-learn ships, 8 × 8 pixels
    licence: CC BY 4.0 (E. Alpaydin and C. Kaynak)
tasks: [digits_folder, mnist]
"""


def main() -> None:
    digits = load_digits()
    for number, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        split = "train" if number < 1500 else "test"
        file = ROOT / "data/digits" / split / str(digit) / f"{number:04}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15).astype("uint8")).save(file)
    (ROOT / "config/digits.yaml").write_text(CONFIG, encoding="utf-8")
    print(f"Wrote {len(digits.images)} images under data/digits, and config/digits.yaml. Now run:")
    print("    make reproduce PRESET=digits")


if __name__ == "__main__":
    main()

"""Real images as a task: sorts the solar cells of the package elpv-dataset, and writes a config."""

import shutil
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG = """\
preset: solar_cells
results: results/solar_cells
custom_tasks:
  solar_cells:
    folder: data/solar_cells # its class folders are called defective and functional
    templates: ["a {} solar cell", "a photo of a {} solar cell"]
    title: Solar cells
    source: ELPV (Buerhop-Lutz et al. 2018, Deitsch et al. 2019), the cells that are surely one
    licence: CC BY-NC-SA 4.0
tasks: [solar_cells, mnist]
"""
CLASSES = {0.0: "functional", 1.0: "defective"}  # by probability of a defect; others are unsure


def main() -> None:
    package = find_spec("elpv_dataset")
    if package is None or package.origin is None:
        raise SystemExit("elpv-dataset is not installed; see docs/how-to/your-own-images.md.")
    cells = Path(package.origin).parent / "data"
    copied = dict.fromkeys(CLASSES.values(), 0)
    with (cells / "labels.csv").open(encoding="utf-8") as file:
        for name, probability, _ in map(str.split, file):
            if kind := CLASSES.get(float(probability)):
                split = "test" if copied[kind] % 4 == 3 else "train"
                folder = ROOT / "data/solar_cells" / split / kind
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(cells / name, folder)
                copied[kind] += 1
    (ROOT / "config/solar_cells.yaml").write_text(CONFIG, encoding="utf-8")
    print(f"Wrote {copied} images under data/solar_cells, and config/solar_cells.yaml. Now run:")
    print("    make reproduce PRESET=solar_cells")


if __name__ == "__main__":
    main()

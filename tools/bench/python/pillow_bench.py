"""From a picture's file to patches with Pillow and NumPy: `pillow_bench.py PICTURES.json ROUNDS SECONDS`."""

import hashlib
import json
import pathlib
import sys

import numpy as np
import PIL
from measure import measure, print_report
from PIL import Image

PATCH = 14


def patches(image):
    """[3, 14, 14 * patches], normalised to -1..1, as MiniCPM-V's `reshape_by_patch` lays them out."""
    values = (np.asarray(image).astype(np.float32) / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
    height, width = values.shape[:2]
    grid = values.transpose(2, 0, 1).reshape(3, height // PATCH, PATCH, width // PATCH, PATCH)
    return np.ascontiguousarray(grid.transpose(0, 2, 1, 3, 4)).reshape(3, PATCH, -1)


def preprocess(picture):
    image = Image.open(picture["file"]).convert("RGB")
    slices = [image.resize(picture["source"], Image.Resampling.BICUBIC)]
    refined = image.resize(picture["refined"], Image.Resampling.BICUBIC)
    width, height = refined.width // picture["columns"], refined.height // picture["rows"]
    for row in range(picture["rows"]):
        for column in range(picture["columns"]):
            box = (column * width, row * height, (column + 1) * width, (row + 1) * height)
            slices.append(refined.crop(box))
    return [patches(part) for part in slices]


def main():
    pictures = json.loads(pathlib.Path(sys.argv[1]).read_text())
    rounds, seconds = int(sys.argv[2]), float(sys.argv[3])
    results = []
    for picture in pictures:
        time = measure(lambda picture=picture: preprocess(picture), rounds, seconds)
        digest = hashlib.sha256(b"".join(part.tobytes() for part in preprocess(picture))).hexdigest()
        results.append({"picture": picture["name"], "digest": digest, **time})
    print_report({"version": f"Pillow {PIL.__version__}, NumPy {np.__version__}", "results": results})


if __name__ == "__main__":
    main()

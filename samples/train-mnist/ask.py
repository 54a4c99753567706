"""Asks the served model about the held-out digits, and prints how many it knows.

    python ask.py package/src/digits [http://localhost:8003/seldon/default/mnist]
"""

import json
import pathlib
import sys
import urllib.request

PIXELS = 28 * 28
HELD_OUT = 5
AT_ONCE = 100


def main(folder, url="http://localhost:8003/seldon/default/mnist"):
    right = count = 0
    for digit in range(10):
        data = json.loads((pathlib.Path(folder) / f"{digit}.json").read_text())["data"]
        images = [data[i : i + PIXELS] for i in range(0, len(data), PIXELS)][::HELD_OUT]
        for start in range(0, len(images), AT_ONCE):
            some = images[start : start + AT_ONCE]
            request = urllib.request.Request(
                url + "/api/v1.0/predictions",
                json.dumps({"data": {"ndarray": some}}).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request) as answer:
                scores = json.load(answer)["data"]["ndarray"]
            right += sum(max(range(10), key=row.__getitem__) == digit for row in scores)
            count += len(scores)
    print(f"served accuracy {right / count:.4f} ({right} of {count})")


if __name__ == "__main__":
    main(*sys.argv[1:])

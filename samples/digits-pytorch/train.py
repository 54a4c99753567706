"""Trains the network of this sample, writes it as two programs, and all other files.

    pip install --no-deps -r ../../manifests/python/torch.txt -r ../../manifests/python/mlserver-sklearn.txt
    python train.py

The data (1,797 digits of 8 x 8 pixels) comes with scikit-learn. The answers are what the
network says in this process.
"""

import json
import pathlib

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent


class Digits(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Linear(64, 32)
        self.last = torch.nn.Linear(32, 10)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.last(torch.relu(self.hidden(pixels / 16))), dim=1)


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    torch.manual_seed(20)
    torch.set_num_threads(1)
    digits = load_digits()
    split = train_test_split(digits.data, digits.target, test_size=597, stratify=digits.target, random_state=20)
    train_x, held_x = (torch.tensor(x, dtype=torch.float32) for x in split[:2])
    train_y, held_y = (torch.tensor(y) for y in split[2:])
    model = Digits()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.nll_loss(model(train_x).log(), train_y).backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        right = int((model(held_x).argmax(1) == held_y).sum())
    write("accuracy.json", {"trained_on": len(train_x), "held_out": len(held_x), "right": right, "accuracy": right / len(held_x)})
    print(f"{right} of {len(held_x)} held-out digits right")

    rows = torch.export.Dim("rows")
    for folder in ("exported", "scripted"):
        (HERE / folder).mkdir(exist_ok=True)
    exported = torch.export.export(model, (train_x[:2],), dynamic_shapes={"pixels": {0: rows}})
    torch.export.save(exported, HERE / "exported" / "model.pt2")
    torch.jit.script(model).save(str(HERE / "scripted" / "model.pt"))
    for count in (1, 64):
        x = held_x[:count]
        with torch.inference_mode():
            y = model(x).tolist()
        write_cases(count, x.tolist(), y)


def write_cases(count, x, y):
    write(f"request-{count}.json", {"data": {"ndarray": x}})
    write(f"response-{count}.json", {"data": {"ndarray": y}})
    write(f"request-tensorflow-{count}.json", {"instances": x})
    write(f"response-tensorflow-{count}.json", {"predictions": y})
    write(f"request-tensorflow-{count}.grpc.json", {"model_spec": {"name": "digits"}, "inputs": {"pixels": {
        "dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": count}, {"size": 64}]}, "float_val": sum(x, [])}}})
    write(f"response-tensorflow-{count}.grpc.json", {"outputs": {"output-0": {"dtype": "DT_FLOAT", "floatVal": sum(y, [])}}})
    tensor = {"name": "pixels", "datatype": "FP32"}
    write(f"request-v2-{count}.json", {"inputs": [{**tensor, "shape": [count, 64], "data": sum(x, [])}]})
    write(f"response-v2-{count}.json", {"outputs": [{"name": "output-0", "datatype": "FP32", "shape": [count, 10], "data": sum(y, [])}]})
    write(f"request-v2-{count}.grpc.json", {"model_name": "digits", "inputs": [{**tensor, "shape": [count, 64], "contents": {"fp32_contents": sum(x, [])}}]})
    write(f"response-v2-{count}.grpc.json", {"outputs": [{"name": "output-0", "datatype": "FP32", "shape": [str(count), "10"], "contents": {"fp32Contents": sum(y, [])}}]})


if __name__ == "__main__":
    main()

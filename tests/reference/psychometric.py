#!/usr/bin/python3
"""Static choices by the textbook's iteratively reweighted least squares, with a prior of variance
100, in numpy.

psychometric.py                      expected numbers of tests/unit/test_psychometric.c
psychometric.py DATA.csv FOLDS SEED  held-out nats a trial of x = tanh(5 c) / tanh(5) and a bias, each
                                     animal predicted by the other folds: tests/unit/test_crossval.c
"""
import sys

here = sys.path.pop(0)  # random.py and others beside this file would stand in for Python's own

import csv
import importlib.util
import os

import numpy as np

TRIALS, VAR, STREAM_FOLDS = 400, 100.0, 1


def made_up_trials():
    x, g, y = 1, [], []
    for _ in range(TRIALS):
        row = []
        for _ in range(3):
            x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
            row.append((x >> 8) / 8388608 - 1)
        row[2] = 1.0
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        p = 1 / (1 + np.exp(-(2 * row[0] - row[1] + 0.5)))
        g.append(row)
        y.append(float((x >> 8) / 16777216 < p))
    return np.array(g), np.array(y)


def fit(g, y):
    w = np.zeros(g.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-g @ w))
        s = p * (1 - p)
        z = g @ w + (y - p) / s
        w = np.linalg.solve(g.T @ (s[:, None] * g) + np.eye(len(w)) / VAR, g.T @ (s * z))
    return w


def nats(g, y, w):
    p = 1 / (1 + np.exp(-g @ w))
    return -np.sum(np.log(np.where(y == 1, p, 1 - p)))


def deal(names, n_folds, seed):
    """Fisher and Yates over the sorted names, then place modulo folds."""
    spec = importlib.util.spec_from_file_location("xoshiro", os.path.join(here, "random.py"))
    xoshiro = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(xoshiro)
    bits = xoshiro.stream(seed, STREAM_FOLDS)
    order = sorted(names)
    for i in range(len(order), 1, -1):
        k = next(b for b in bits if b >= 2**64 % i) % i
        order[i - 1], order[k] = order[k], order[i - 1]
    return {name: i % n_folds for i, name in enumerate(order)}


def held_out(path, n_folds, seed):
    animals = {}
    with open(path) as f:
        for row in csv.DictReader(f):
            if row["choice"] != "":
                x = np.tanh(5 * float(row["stimulus"])) / np.tanh(5)
                animals.setdefault(row["subject"], []).append((x, 1.0, float(row["choice"])))
    animals = {name: np.array(rows) for name, rows in animals.items()}
    fold = deal(animals, n_folds, seed)
    total = 0.0
    for k in range(n_folds):
        rest = np.concatenate([rows for name, rows in animals.items() if fold[name] != k])
        w = fit(rest[:, :2], rest[:, 2])
        total += sum(nats(rows[:, :2], rows[:, 2], w) for name, rows in animals.items()
                     if fold[name] == k)
    return total / sum(map(len, animals.values()))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(f"{held_out(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])):.9f}")
        sys.exit(0)
    g, y = made_up_trials()
    w = fit(g, y)
    print("w", *(f"{v:.12f}" for v in w))
    print(f"nats {nats(g, y, w):.12f}")

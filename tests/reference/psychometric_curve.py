#!/usr/bin/python3
"""The curve of model/psychometric.h fitted as psychofit's mle_fit_psycho() does it: scipy's fmin (Nelder
and Mead, coefficients 1, 2, 0.5, 0.5, first simplex 5% of the start) and four random restarts, here
with numpy alone and to narrower tolerances. Prints the numbers of tests/unit/test_psychometric.c."""
import sys

here = sys.path.pop(0)  # random.py and others beside this file would stand in for Python's own

import math

import numpy as np

SETS = {
    "steep": ([-100, -25, -12.5, -6.25, 0, 6.25, 12.5, 25, 100],
              [120, 115, 130, 118, 122, 117, 125, 121, 119],
              [5, 8, 21, 45, 66, 82, 104, 113, 112]),
    "shallow and biased": ([-100, -50, -25, 0, 25, 50, 100],
                           [90, 85, 88, 40, 92, 86, 91],
                           [20, 31, 50, 29, 78, 80, 86]),
    "few trials": ([-100, -25, 0, 25, 100], [9, 11, 4, 10, 12], [1, 3, 3, 9, 12]),
}
START = (20, 0.05, 0.05)


def predict(x, contrasts):
    z = np.array([math.erf((c - x[0]) / x[1]) for c in contrasts])
    return x[2] + (1 - x[2] - x[3]) * (z + 1) / 2


def nats(x, contrasts, n, n_right):
    p = np.clip(predict(x, contrasts), 2.220446049250313e-16, 1 - 2.220446049250313e-16)
    return -np.sum(n_right * np.log(p) + (n - n_right) * np.log(1 - p))


def fmin(cost, start, tolerance=1e-10, calls_max=4000):
    k = len(start)
    simplex = [np.array(start, float)]
    for i in range(k):
        corner = np.array(start, float)
        corner[i] = corner[i] * 1.05 if corner[i] != 0 else 0.00025
        simplex.append(corner)
    simplex = np.array(simplex)
    costs = np.array([cost(x) for x in simplex])
    calls = k + 1
    while calls < calls_max:
        order = np.argsort(costs, kind="stable")
        simplex, costs = simplex[order], costs[order]
        if (np.max(np.abs(simplex[1:] - simplex[0])) <= tolerance and
                np.max(np.abs(costs[1:] - costs[0])) <= tolerance):
            break
        centre = simplex[:-1].mean(0)
        tried = {f: centre + f * (simplex[-1] - centre) for f in (-1.0, -2.0, -0.5, 0.5)}
        found = cost(tried[-1.0])
        calls += 1
        taken, value = -1.0, found
        if found < costs[0]:
            further = cost(tried[-2.0])
            calls += 1
            if further < found:
                taken, value = -2.0, further
        elif found >= costs[-2]:
            taken = -0.5 if found < costs[-1] else 0.5
            value = cost(tried[taken])
            calls += 1
        if value < costs[-1]:
            simplex[-1], costs[-1] = tried[taken], value
        else:
            simplex[1:] = simplex[0] + 0.5 * (simplex[1:] - simplex[0])
            costs[1:] = [cost(x) for x in simplex[1:]]
            calls += k
    return simplex[0], costs[0]


def fit(contrasts, n, n_right, random):
    contrasts, n, n_right = (np.array(x, float) for x in (contrasts, n, n_right))
    low = np.array([contrasts.min(), 0, 0, 0])
    high = np.array([contrasts.max(), 100, 1, 1])

    def cost(x):
        if np.any(x < low) or np.any(x > high) or x[1] == 0:
            return 1e7
        return nats(x, contrasts, n, n_right)

    start = np.array([contrasts.mean(), *START])
    found = []
    for _ in range(5):
        found.append(fmin(cost, start))
        start = low + random.random(4) * (high - low)
    return min(found, key=lambda f: f[1])


if __name__ == "__main__":
    for name, (contrasts, n, n_right) in SETS.items():
        x, least = fit(contrasts, n, n_right, np.random.default_rng(1))
        print(name, [float(f"{v:.10g}") for v in x], f"{least:.12g}")

#!/usr/bin/env python3
"""Reference for model/src/twin/filter.h, in textbook form and with numpy.

The mode is found in all dimensions at once by Newton's method on the log posterior
    L(w) = y log s(g.w) + (1-y) log(1 - s(g.w)) - (w-m)' inv(P) (w-m) / 2,
and the covariance is the inverse of minus its Hessian there, inv(inv(P) + p(1-p) g g').
The C code solves the same problem in one dimension and never inverts a matrix.

tests/unit/test_filter.c holds the numbers that this prints.
"""
import numpy as np


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def update(m, P, g, y):
    inv = np.linalg.inv(P)
    w = m.copy()
    for _ in range(100):
        p = sigmoid(w @ g)
        gradient = (y - p) * g - inv @ (w - m)
        hessian = -p * (1 - p) * np.outer(g, g) - inv
        step = np.linalg.solve(hessian, gradient)
        t = 1.0
        while t > 1e-6 and objective(w - t * step, m, inv, g, y) < objective(w, m, inv, g, y):
            t /= 2
        w = w - t * step
        if np.abs(step).max() < 1e-15:
            break
    p = sigmoid(w @ g)
    return w, np.linalg.inv(inv + p * (1 - p) * np.outer(g, g))


def objective(w, m, inv, g, y):
    a = w @ g
    log_p = -np.logaddexp(0, -a) if y else -np.logaddexp(0, a)
    return log_p - (w - m) @ inv @ (w - m) / 2


def predict(m, P, g):
    a, v = m @ g, g @ P @ g
    z = 1.6448536269514722 * np.sqrt(v)
    return sigmoid(a / np.sqrt(1 + np.pi * v / 8)), sigmoid(a - z), sigmoid(a + z)


TRIALS = [([1.0, 1.0, 0.0], 1), ([-0.5, 1.0, 1.0], 0), ([0.25, 1.0, -1.0], 0),
          ([0.0, 1.0, -1.0], 1), ([-1.0, 1.0, 1.0], 1), ([0.84836, 1.0, 1.0], 1)]


def show(name, values):
    print(f"{name}: " + ", ".join(f"{v:.16g}" for v in np.ravel(values)))


def main():
    m = np.array([0.5, -0.25, 0.0])
    P = np.diag([4.0, 2.0, 0.5])
    drift = np.array([1e-3, 2e-3, 1e-4])
    session = np.array([0.04, 1.0, 0.01])
    for t, (g, y) in enumerate(TRIALS):
        if t == 3:
            P = P + np.diag(session)
        m, P = update(m, P, np.array(g), y)
        P = P + np.diag(drift)
    show("w", m)
    show("P", P)
    show("predict", predict(m, P, np.array([-0.30274, 1.0, 1.0])))
    # A rule's step: w += dw, P = A P A' with A = I + u g', multiplied out.
    g = np.array([0.5, 1.0, -1.0])
    u = np.array([-0.02, 0.03, 0.01])
    A = np.eye(3) + np.outer(u, g)
    show("moved P", A @ P @ A.T)
    # A wide prior, where Newton's method needs its safeguard.
    m, P = update(np.zeros(1), np.array([[400.0]]), np.array([1.0]), 1)
    show("wide", [m[0], P[0, 0]])
    m, P = update(np.array([-30.0]), np.array([[900.0]]), np.array([1.0]), 1)
    show("wide and wrong", [m[0], P[0, 0]])


main()

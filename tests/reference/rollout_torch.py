"""Virtual animals with the rnn rule in PyTorch eager, one thread: what bench_rollout is measured
against. Ends with 77 where there is no torch.

rollout_torch.py ANIMALS TRIALS
    microseconds per animal and trial, the best of five after one to warm up: choices, rewards and
    drift noise drawn, 32 units, 2 hidden layers, weights of stimulus and bias
"""
import sys

sys.path.pop(0)  # random.py and others beside this file would stand in for Python's own

import time

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit(77)

HIDDEN = 32


def run(animals, trials, cell, mlp, contrasts):
    w = torch.zeros(animals, 2)
    h = torch.zeros(animals, HIDDEN)
    one = torch.ones(animals)
    zero = torch.zeros(animals)
    sd = torch.tensor([0.0095, 0.092])
    for t in range(trials):
        c = contrasts[t]
        x = torch.tanh(5 * c) / 0.9999092
        side = (c > 0).float()
        p = torch.sigmoid(w[:, 0] * x + w[:, 1])
        chose = torch.bernoulli(p)
        reward = (chose == side).float()
        seen = torch.stack([w[:, 0], w[:, 1], x, one, zero, chose, reward, side], dim=1)
        h = cell(seen, h)
        w = w + 1e-3 * mlp(h) + sd * torch.randn(animals, 2)
    return w


def main():
    animals, trials = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    cell = nn.GRUCell(8, HIDDEN)
    mlp = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(),
                        nn.Linear(HIDDEN, 2))
    contrasts = torch.randint(-4, 5, (trials, animals)).float() / 4
    best = float("inf")
    with torch.no_grad():
        for repeat in range(6):
            start = time.perf_counter()
            run(animals, trials, cell, mlp, contrasts)
            took = time.perf_counter() - start
            best = min(best, took) if repeat else float("inf")
    print(best / animals / trials * 1e6)


main()

"""The rnn rule and its training in PyTorch eager, one thread: what bench_fit is measured against.

fit_torch.py ANIMALS TRIALS HIDDEN LAYERS TRUNCATION prints microseconds per animal and trial of one
step of training (forward, backward, Adam), the best of three after one to warm up. Ends with 77
where there is no torch.
"""
import sys
import time

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit(77)

torch.set_num_threads(1)
torch.manual_seed(1)
ANIMALS, TRIALS, HIDDEN, LAYERS, TRUNCATION = map(int, sys.argv[1:6])
WEIGHTS, COVARIATES = 2, 6


class Rule(nn.Module):
    def __init__(self):
        super().__init__()
        self.scaling_factor = nn.Parameter(torch.full((WEIGHTS,), 1e-3))
        self.gru = nn.GRU(WEIGHTS + COVARIATES, HIDDEN)
        layers = []
        for _ in range(LAYERS):
            layers += [nn.Linear(HIDDEN, HIDDEN), nn.ReLU()]
        self.dnn = nn.Sequential(*layers, nn.Linear(HIDDEN, WEIGHTS))

    def forward(self, x, g, w, h):
        logits = []
        for t in range(x.shape[0]):
            out, h = self.gru(torch.cat([w, x[t]], dim=1).unsqueeze(0), h)
            w = w + self.scaling_factor * self.dnn(out[0])
            logits.append((w * g[t]).sum(dim=1))
        return torch.stack(logits), w, h


rule = Rule()
adam = torch.optim.Adam(rule.parameters(), lr=1e-3)
x = torch.rand(TRIALS, ANIMALS, COVARIATES)
g = torch.rand(TRIALS, ANIMALS, WEIGHTS)
y = (torch.rand(TRIALS, ANIMALS) < 0.5).float()


def step():
    adam.zero_grad()
    w = torch.zeros(ANIMALS, WEIGHTS)
    h = torch.zeros(1, ANIMALS, HIDDEN)
    for t in range(0, TRIALS, TRUNCATION):
        part = slice(t, t + TRUNCATION)
        logits, w, h = rule(x[part], g[part], w.detach(), h.detach())
        loss = nn.functional.binary_cross_entropy_with_logits(logits, y[part], reduction="sum")
        (loss / y.numel()).backward()
    adam.step()


best = float("inf")
step()
for _ in range(3):
    start = time.perf_counter()
    step()
    best = min(best, time.perf_counter() - start)
print(best * 1e6 / y.numel())

"""The rules dnn and rnn and their open-loop training in PyTorch eager, one thread: what `murid fit`
is checked and measured against. Ends with 77 where there is no torch.

fit_torch.py losses M.safetensors DATA.csv EPOCHS TRUNCATION
    from the weights in M (murid fit --epochs 0), the loss before each epoch's step, as
    `murid fit --losses` writes it; the policy is stimulus,bias
fit_torch.py time ANIMALS TRIALS HIDDEN LAYERS TRUNCATION
    microseconds per animal and trial of one step of training (forward, backward, Adam) of an rnn
    rule on made-up trials, the best of three after one to warm up
"""
import sys

sys.path.pop(0)  # random.py and others beside this file would stand in for Python's own

import csv
import json
import math
import struct
import time

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit(77)

WEIGHTS, COVARIATES = 2, 6


class Rule(nn.Module):
    def __init__(self, hidden, layers, recurrent):
        super().__init__()
        self.scaling_factor = nn.Parameter(torch.full((WEIGHTS,), 1e-3))
        self.gru = nn.GRU(WEIGHTS + COVARIATES, hidden) if recurrent else None
        width = hidden if recurrent else WEIGHTS + COVARIATES
        parts = []
        for _ in range(layers):
            parts += [nn.Linear(width, hidden), nn.ReLU()]
            width = hidden
        self.dnn = nn.Sequential(*parts, nn.Linear(width, WEIGHTS))

    def forward(self, x, g, w, h):
        logits = []
        for t in range(x.shape[0]):
            seen = torch.cat([w, x[t]], dim=1)
            if self.gru is not None:
                out, h = self.gru(seen.unsqueeze(0), h)
                seen = out[0]
            w = w + self.scaling_factor * self.dnn(seen)
            logits.append((w * g[t]).sum(dim=1))
        return torch.stack(logits), w, h


class Training:
    """x (trials, animals, 6), g (trials, animals, 2), y and mask (trials, animals)."""

    def __init__(self, rule, hidden, truncation, x, g, y, mask):
        self.rule, self.hidden, self.truncation = rule, hidden, truncation
        self.x, self.g, self.y, self.mask = x, g, y, mask
        self.adam = torch.optim.Adam(rule.parameters(), lr=1e-3)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.adam, 5, 0.999)

    def step(self):
        self.adam.zero_grad()
        animals = self.x.shape[1]
        w = torch.zeros(animals, WEIGHTS)
        h = torch.zeros(1, animals, self.hidden)
        total = 0.0
        n = float(self.mask.sum())
        for t in range(0, self.x.shape[0], self.truncation):
            part = slice(t, t + self.truncation)
            logits, w, h = self.rule(self.x[part], self.g[part], w.detach(), h.detach())
            loss = nn.functional.binary_cross_entropy_with_logits(
                logits, self.y[part], weight=self.mask[part], reduction="sum") / n
            loss.backward()
            total += float(loss)
        self.adam.step()
        self.schedule.step()
        return total


def read_table(path):
    """As docs/model.md, section fit: x of the choice before, g of the trial, and the choice."""
    animals = {}
    with open(path, newline="") as f:
        for row in csv.DictReader(f):
            a = animals.setdefault(row["subject"], {"rows": [], "session": None, "starts": True,
                                                    "last": [0, 1, 0, 0, 0, 0]})
            if row["session"] != a["session"]:
                a["session"], a["starts"] = row["session"], True
            if row["choice"] not in ("0", "1"):
                continue
            s = math.tanh(5 * float(row["stimulus"])) / math.tanh(5)
            choice = int(row["choice"])
            a["rows"].append((a["last"], [s, 1], choice))
            reward = float(row["reward"]) if row["reward"] else 0.5
            a["last"] = [s, 1, int(a["starts"]), choice, reward, int(s > 0)]
            a["starts"] = False
    longest = max(len(a["rows"]) for a in animals.values())
    x = torch.zeros(longest, len(animals), COVARIATES)
    g = torch.zeros(longest, len(animals), WEIGHTS)
    y = torch.zeros(longest, len(animals))
    mask = torch.zeros(longest, len(animals))
    for i, a in enumerate(animals.values()):
        n = len(a["rows"])
        x[:n, i] = torch.tensor([r[0] for r in a["rows"]], dtype=torch.float32)
        g[:n, i] = torch.tensor([r[1] for r in a["rows"]], dtype=torch.float32)
        y[:n, i] = torch.tensor([r[2] for r in a["rows"]], dtype=torch.float32)
        mask[:n, i] = 1
    return x, g, y, mask


def read_weights(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    meta = header.pop("__metadata__")
    tensors = {}
    for name, t in header.items():
        if t["dtype"] == "F32":
            begin, end = t["data_offsets"]
            values = struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
            tensors[name] = torch.tensor(values).reshape(t["shape"])
    return meta, tensors


def losses(model, table, epochs, truncation):
    meta, tensors = read_weights(model)
    hidden = int(meta["hidden"])
    rule = Rule(hidden, int(meta["layers"]), meta["rule"] == "rnn")
    if rule.gru is None:
        del rule.gru
        rule.gru = None
    rule.load_state_dict(tensors)
    training = Training(rule, hidden, int(truncation), *read_table(table))
    print("epoch,nats_per_trial")
    for epoch in range(int(epochs)):
        print(f"{epoch},{training.step():.9g}", flush=True)


def measure(animals, trials, hidden, layers, truncation):
    torch.manual_seed(1)
    shape = (int(trials), int(animals))
    training = Training(Rule(int(hidden), int(layers), True), int(hidden), int(truncation),
                        torch.rand(*shape, COVARIATES), torch.rand(*shape, WEIGHTS),
                        (torch.rand(*shape) < 0.5).float(), torch.ones(*shape))
    best = float("inf")
    training.step()
    for _ in range(3):
        start = time.perf_counter()
        training.step()
        best = min(best, time.perf_counter() - start)
    print(best * 1e6 / (shape[0] * shape[1]))


torch.set_num_threads(1)
{"losses": losses, "time": measure}[sys.argv[1]](*sys.argv[2:])

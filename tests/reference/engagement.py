"""The numbers in tests/unit/test_engagement.c: docs/model.md, section engagement, in plain Python.

    python3 tests/reference/engagement.py
"""
import math

MASK = (1 << 64) - 1
LEVEL = [0.05, 0.25, 0.5, 0.75, 0.9, 0.97]
AT = [-1.219, -0.5, 0.0, 0.5, 0.950, 1.394]
DENSITY = [0.139, 0.429, 0.538, 0.429, 0.237, 0.092]
SHARE = [b - a for a, b in zip([0.0] + LEVEL, LEVEL + [1.0])]
RT_OUT = [0.02, 0.06, 0.115, 0.215, 0.23, 0.195, 0.165]
START = [0.95, 0.04, 0.01]
MOVE = [[0.981, 0.015, 0.004], [0.12, 0.87, 0.01], [0.05, 0.02, 0.93]]
SLIP, HABIT_TRIALS, HABIT, NO_GO_AWAY, RT_WEIGHT, LAPSES = 0.02, 10.0, 0.8, 0.6, 0.8, 0.1


class Random:
    """splitmix64, as tests/support/seeded.h."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 11) * 2.0**-53


class Quantiles:
    def __init__(self):
        self.q, self.n, self.seen = None, 0.0, 0

    def ratio(self, x):
        if self.seen < 20:
            return 1.0
        bin_ = sum(x > q for q in self.q)
        return (RT_OUT[bin_] / SHARE[bin_]) ** RT_WEIGHT

    def learn(self, x, weight):
        if self.q is None:
            self.q, self.n = [x + 0.9 * z for z in AT], 8.0
        spread = min(max(self.q[3] - self.q[1], 0.1), 3.0)
        self.q = [
            q + weight * spread * (level - (x <= q)) / (self.n * f)
            for q, level, f in zip(self.q, LEVEL, DENSITY)
        ]
        for i in range(1, 6):
            self.q[i] = max(self.q[i], self.q[i - 1])
        self.n = min(self.n + 1.0, 150.0)
        self.seen += 1


def follow(trials):
    p, habit, no_go, no_go_n, speed = list(START), 0.5, 0.02, 50.0, Quantiles()
    detector, score, stretch = [0.0, 0.0], [0.0, 0.0], [0, 0]
    for p_right, rt_s, choice in trials:
        signs = [1.0, 1.0, 1.0]
        if choice >= 0:
            believed = (1 - SLIP) * p_right + SLIP / 2
            q = 0.5 + HABIT * (habit - 0.5)
            signs[0] = q / believed if choice == 1 else (1 - q) / (1 - believed)
            if rt_s is not None:
                signs[1] = speed.ratio(math.log(max(rt_s, 0.001)))
        rate = min(max(no_go, 0.005), 0.3)
        signs[2] = NO_GO_AWAY / rate if choice < 0 else (1 - NO_GO_AWAY) / (1 - rate)
        ratio = [signs[0] * signs[1], signs[0] * signs[1] * signs[2]]

        p = [sum(p[i] * MOVE[i][j] for i in range(3)) for j in range(3)]
        engaged = max(p[0], 0.1)
        p = [p[0], p[1] * ratio[0], p[2] * ratio[1]]
        p = [v / sum(p) for v in p]
        for i in range(2):
            sound = ratio[i] / (1 - LAPSES + LAPSES * ratio[i])
            detector[i] = (1 + detector[i]) * sound
            stretch[i] = stretch[i] + 1 if score[i] > 0 else 1
            score[i] = max(score[i], 0.0) + math.log(sound)

        no_go_n = min(no_go_n + engaged, 500.0)
        no_go += engaged * ((choice < 0) - no_go) / no_go_n
        if choice >= 0:
            habit += (choice - habit) / HABIT_TRIALS
            if rt_s is not None:
                speed.learn(math.log(max(rt_s, 0.001)), engaged)
    return p, no_go, speed.q, sum(detector) / 2, score, stretch


def some_trials(n, seed):
    """Engaged for n trials, then n more without looking: slow, biased, with no-gos."""
    r = Random(seed)
    for t in range(2 * n):
        p_right, u, v, w = r.uniform(), r.uniform(), r.uniform(), r.uniform()
        out = t >= n
        choice = int(u < (0.7 if out else p_right))
        rt_s = math.exp(2 * v - 1 + (1.5 if out else 0.0))
        if w < (0.3 if out else 0.02):
            choice = -1
        yield p_right, None if w > 0.9 else rt_s, choice


if __name__ == "__main__":
    for n in (5, 40):
        p, no_go, q, e_value, score, stretch = follow(some_trials(n, 11))
        print(n, *(f"{v:.15g}" for v in [*p, no_go, q[0], q[3], q[5], e_value, *score, *stretch]))

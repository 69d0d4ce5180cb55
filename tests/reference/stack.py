#!/usr/bin/env python3
"""The stack of docs/model.md in plain Python, for the numbers of tests/unit/test_stack.c: five choices
of an animal whose bank has members none, none and reinforce with like priors."""
import math

RULE_VAR, DISENGAGED_VAR, DRIFT, TRUST, SHARE = 0.3, 0.1, 3e-5, 0.9, 1e-3
TRIALS = [  # p of the mixture, logits of the members, p_disengaged, choice
    (0.6, (0.2, 0.5, 0.6), 0.1, 1),
    (0.3, (-1.0, -0.6, -0.9), 0.0, 1),
    (0.9, (2.0, 2.2, 9.0), 0.5, 0),
    (0.5, (0.1, -0.1, 0.3), 0.9, 1),
    (0.7, (0.8, 1.0, 3.0), 0.2, 1),
]


def sigmoid(a):
    return 1 / (1 + math.exp(-a))


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def main():
    b = [0.0] * 4
    P = [[0.0] * i + [v] + [0.0] * (3 - i)
         for i, v in enumerate((RULE_VAR, RULE_VAR, DISENGAGED_VAR, DISENGAGED_VAR))]
    trust = TRUST
    for p_bank, logit, out, y in TRIALS:
        base = math.log(p_bank / (1 - p_bank))
        f = [min(max(x - base, -4), 4) for x in ((logit[0] + logit[1]) / 2, logit[2])]
        f += [out * base, out]
        Pf = [dot(row, f) for row in P]
        v = dot(f, Pf)
        m = base + dot(f, b)
        said = base + min(max(dot(f[:2], b[:2]), -0.3), 0.3) + dot(f[2:], b[2:])
        p = sigmoid(said / math.sqrt(1 + math.pi * v / 8))
        print(f"{trust * p + (1 - trust) * p_bank:.15f}")
        like, like_bank = (p, p_bank) if y else (1 - p, 1 - p_bank)
        trust = trust * like / (trust * like + (1 - trust) * like_bank)
        trust = (1 - SHARE) * trust + SHARE * TRUST
        lo, hi = -60.0, 60.0  # the mode a = m + v (y - sigmoid(a)), by bisection
        for _ in range(200):
            a = (lo + hi) / 2
            lo, hi = (a, hi) if a < m + v * (y - sigmoid(a)) else (lo, a)
        q = y - sigmoid(a)
        k = sigmoid(a) * (1 - sigmoid(a))
        b = [x + u * q for x, u in zip(b, Pf)]
        P = [[P[i][j] - Pf[i] * Pf[j] * k / (1 + k * v) + (DRIFT if i == j else 0.0)
              for j in range(4)] for i in range(4)]
    print(f"trust {trust:.15f}")
    print("b", " ".join(f"{x:.15f}" for x in b))


main()

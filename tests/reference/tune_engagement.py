"""Where the defaults of model/engagement.h for reaction times and for switching come from: two states,
fitted to recorded animals by the algorithm of Baum and Welch, in plain Python (a few minutes).

    murid run -c CONFIG & murid play mice_train.csv --asap --to tcp://127.0.0.1:5770
    python3 tests/reference/tune_engagement.py murid-data/journal.sqlite

Engaged, an animal chooses as the twin had predicted; disengaged, as its running mean of choices says.
What is fitted: among which of the animal's own quantiles its reaction times lie, and how states follow
each other."""
import math
import sqlite3
import sys

from engagement import HABIT, HABIT_TRIALS, SHARE, SLIP, Quantiles

BINS, ROUNDS = 7, 60


def read(path):
    """Sessions of trials: probability of the choice in both states, and the reaction time's bin."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    sessions, last, speed, habit = [], (None, None), None, 0.5
    for subject, session, choice, rt_s, p in db.execute(
            "SELECT subject, session, choice, rt_s, p_right FROM trial WHERE p_right IS NOT NULL"
            " ORDER BY subject, event"):
        if subject != last[0]:
            speed = Quantiles()
        if (subject, session) != last:
            sessions.append([])
            habit, last = 0.5, (subject, session)
            speed.n = min(speed.n, 10.0)
        p = (1 - SLIP) * p + SLIP / 2
        q = 0.5 + HABIT * (habit - 0.5)
        x = math.log(max(rt_s, 0.001)) if rt_s is not None else None
        bin_ = sum(x > k for k in speed.q) if x is not None and speed.seen >= 20 else None
        sessions[-1].append((p if choice else 1 - p, q if choice else 1 - q, bin_))
        habit += (choice - habit) / HABIT_TRIALS
        if x is not None:
            speed.learn(x, 1.0)
    return sessions


def likelihoods(session, rt):
    return [(p * rt[0][b], q * rt[1][b]) if b is not None else (p, q) for p, q, b in session]


def smooth(seen, start, move):
    """Log likelihood, P(disengaged) of every trial, and how often each state followed each."""
    forward, scale, before = [], [], start
    for e, d in seen:
        a, b = before[0] * e, before[1] * d
        scale.append(a + b)
        forward.append((a / (a + b), b / (a + b)))
        f = forward[-1]
        before = [f[0] * move[0][k] + f[1] * move[1][k] for k in range(2)]
    out, moves, back = [0.0] * len(seen), [[0.0, 0.0], [0.0, 0.0]], (1.0, 1.0)
    for t in range(len(seen) - 1, -1, -1):
        f = forward[t]
        out[t] = f[1] * back[1] / (f[0] * back[0] + f[1] * back[1])
        if t > 0:
            ahead = [seen[t][k] * back[k] / scale[t] for k in range(2)]
            for i in range(2):
                for k in range(2):
                    moves[i][k] += forward[t - 1][i] * move[i][k] * ahead[k]
            back = [move[i][0] * ahead[0] + move[i][1] * ahead[1] for i in range(2)]
    return sum(map(math.log, scale)), out, moves


def normal(values):
    return [v / sum(values) for v in values]


def main(path):
    sessions = read(path)
    n = sum(map(len, sessions))
    start, move = [0.95, 0.05], [[0.98, 0.02], [0.05, 0.95]]
    rt = [SHARE, [1 / BINS] * BINS]
    for _ in range(ROUNDS):
        score, first, moves = 0.0, 0.0, [[0.0, 0.0], [0.0, 0.0]]
        counts = [[0.0] * BINS, [0.0] * BINS]
        tenths = [[0.0, 0] for _ in range(10)]
        for session in sessions:
            nats, out, m = smooth(likelihoods(session, rt), start, move)
            score += nats
            first += out[0] / len(sessions)
            moves = [[moves[i][k] + m[i][k] for k in range(2)] for i in range(2)]
            for t, (d, (_, _, b)) in enumerate(zip(out, session)):
                tenths[10 * t // len(session)][0] += d
                tenths[10 * t // len(session)][1] += 1
                if b is not None:
                    counts[0][b] += 1 - d
                    counts[1][b] += d
        start, move = [1 - first, first], [normal(row) for row in moves]
        rt = [normal(c) for c in counts]

    def show(name, values):
        print(f"{name:24}" + " ".join(f"{v:.3f}" for v in values))
    print(f"{n} choices, {score / n:.5f} nats a trial, "
          f"{sum(d for d, _ in tenths) / n:.3f} of them disengaged")
    show("start", start)
    show("from engaged", move[0])
    show("from disengaged", move[1])
    show("engaged rt", rt[0])
    show("disengaged rt", rt[1])
    show("by tenth of the session", [d / m for d, m in tenths])


if __name__ == "__main__":
    main(sys.argv[1])

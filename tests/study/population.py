"""Is a simulated population like the real one? Virtual mice drawn from a model under a protocol, against
the animals of a table: median and spread (half the distance of the quartiles) over animals of the
accuracy of chosen sessions, trials with contrast alone. The real ones' 95% intervals resample animals.

    MURID_BIN=build/release/daemon/murid python3 tests/study/population.py
        [--model M] [--protocol P.yaml] [--data CSV] [--mice N] [--seed N] [more words for simulate]

Prints one line a session, and exits with 1 if a simulated figure lies outside its interval. Needs the
recorded animals; without them it says so and exits with 0.
"""
import argparse
import collections
import csv
import json
import os
import random
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MURID = os.environ.get("MURID_BIN", os.path.join(SOURCE, "build", "release", "daemon", "murid"))
SESSIONS = (5, 10, 15, 20)
RESAMPLES = 4000


def quantile(values, p):
    ordered = sorted(values)
    at = p * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def median(values):
    return quantile(values, 0.5)


def spread(values):
    return (quantile(values, 0.75) - quantile(values, 0.25)) / 2


def interval(values, figure, rng):
    draws = sorted(figure([rng.choice(values) for _ in values]) for _ in range(RESAMPLES))
    return draws[int(0.025 * RESAMPLES)], draws[int(0.975 * RESAMPLES) - 1]


def real(path):
    """Accuracy of each animal by its session's number."""
    sums = collections.defaultdict(lambda: [0, 0])
    with open(path) as f:
        for r in csv.DictReader(f):
            if float(r["stimulus"]) != 0 and r["reward"]:
                s = sums[int(r["session"]), r["subject"]]
                s[0] += float(r["reward"])
                s[1] += 1
    found = collections.defaultdict(list)
    for (session, _), (correct, n) in sums.items():
        found[session].append(correct / n)
    return found


def simulated(options, words):
    done = subprocess.run([MURID, "simulate", "--model", options.model, "--protocol",
                           options.protocol, "--mice", str(options.mice), "--sessions",
                           str(max(SESSIONS)), "--seed", str(options.seed), "--json", *words],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    return {s["session"]: s["accuracy"] for s in json.loads(done.stdout)["protocols"][0]["sessions"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=os.path.join(SOURCE, "configs", "models",
                                                        "mice.safetensors"))
    parser.add_argument("--protocol", default=os.path.join(SOURCE, "configs", "protocols",
                                                           "fixed_set.yaml"))
    parser.add_argument("--data", default=os.path.join(SOURCE, "..", "shared", "data",
                                                       "mice_train.csv"))
    parser.add_argument("--mice", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options, words = parser.parse_known_args()
    if not os.path.exists(options.data):
        print("skipped: ../shared/data absent")
        return 0
    rng = random.Random(options.seed)
    animals = real(options.data)
    mice = simulated(options, words)
    outside = 0
    print("session  mice   median  95% interval      simulated          spread  95% interval      "
          "simulated")
    for session in SESSIONS:
        values = animals[session]
        line = f"{session:7} {len(values):5}"
        q = mice[session]
        for figure, got in ((median, q["q50"]), (spread, (q["q75"] - q["q25"]) / 2)):
            lo, hi = interval(values, figure, rng)
            is_inside = lo <= got <= hi
            outside += not is_inside
            line += (f"   {figure(values):6.3f}  {lo:.3f} to {hi:.3f}  {got:9.3f} "
                     f"{'inside ' if is_inside else 'OUTSIDE'}")
        print(line)
    print(f"{outside} of {2 * len(SESSIONS)} figures lie outside")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())

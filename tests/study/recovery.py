"""What a fit in the filter recovers from animals whose learning rule is known.

Cohorts of `murid simulate` with fixed seeds, fitted by `murid fit --filter ekf`, scored one step ahead
by `murid eval` on fresh animals of the same kind, asked by `murid rule`. Prints tables and which
claims of docs/model.md hold; the exit code is 1 if one does not.

    MURID_BIN=build/release/daemon/murid /usr/bin/python3 tests/study/recovery.py [--quick] [PART ...]

Parts: reinforce, classic, still, eligibility. --quick: few animals, a smoke test of the same parts.
"""
import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np

MURID = os.environ["MURID_BIN"]
POLICY = ["--policy", "stimulus,bias"]
WEIGHTS = ("stimulus", "bias")
T90 = {2: 6.314, 3: 2.920, 5: 2.132}  # Student's t of so many cohorts, 90%
STATES = 16

# Longer strides than the defaults, which are set for recorded animals: here noise, prior and rates
# have further to go.
CLASSIC_FIT = ["--epochs", "80", "--rate", "0.05", "--mirror", "off"]
NET_FIT = ["--epochs", "200", "--rate", "0.003", "--filter-rate", "60", "--batch", "12"]


def murid(*words):
    done = subprocess.run([MURID, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"murid {' '.join(map(str, words))}: ended with {done.returncode}: "
                           f"{done.stderr}")
    return done.stdout


class Study:
    """A place for files, a pool of workers, and what was claimed."""

    def __init__(self, directory, quick):
        self.directory = directory
        self.quick = quick
        self.pool = ThreadPoolExecutor(os.cpu_count())
        self.claims = []
        self.n_files = 0

    def path(self, ending):
        self.n_files += 1
        return os.path.join(self.directory, f"{self.n_files}.{ending}")

    def map(self, function, *lists):
        return list(self.pool.map(function, *lists))

    def claim(self, text, holds):
        self.claims.append((text, bool(holds)))
        print(f"  {'holds' if holds else 'FAILS'}: {text}", flush=True)


class Cohort:
    """Virtual animals of one rule: rows, and the truth behind them."""

    def __init__(self, study, rule, seed, mice, trials, noise, words=(), start=("0,0", "0.3,1")):
        self.csv, self.truth = study.path("csv"), study.path("csv")
        self.study, self.mice, self.trials = study, mice, trials
        sessions = max(1, trials // 500)
        self.stated = ["--rule", rule, *POLICY, "--noise", noise, "--session-noise", "0",
                       "--start", start[0], *words]
        murid("simulate", *self.stated, "--start-sd", start[1], "--mice", mice, "--sessions",
              sessions, "--trials", trials // sessions, "--seed", seed, "-o", self.csv, "--truth",
              self.truth)

    def states(self, n):
        """True weights of n trials, drawn from all trials of all animals with equal chance."""
        with open(self.truth, encoding="utf-8") as f:
            rows = [[float(r[name]) for name in WEIGHTS] for r in csv.DictReader(f)]
        return np.array(rows)[np.random.default_rng(0).integers(len(rows), size=n)]

    def true_model(self):
        model = self.study.path("safetensors")
        murid("model", "--new", *self.stated, "--start-sd", "0.3,1", "-o", model)
        return Model(model)

    def fit(self, rule, words, seed=0):
        model = self.study.path("safetensors")
        murid("fit", self.csv, "-o", model, "--rule", rule, *POLICY, "--seed", seed, "--threads",
              "1", *words)
        return Model(model)


class Model:
    def __init__(self, path):
        self.path = path
        self.about = json.loads(murid("model", path, "--json"))

    @property
    def rate(self):
        return np.array(self.about["rate"])

    @property
    def noise_sd(self):
        return np.sqrt(self.about["drift_var"])

    def nats(self, cohort):
        """Of each animal of a cohort, nats a trial, one step ahead."""
        said = json.loads(murid("eval", cohort.csv, "--model", self.path, "--json"))
        return np.array([said["subjects"][name]["nats"] for name in sorted(said["subjects"])])

    def dw(self, study, states):
        """(weights, states, stimuli, outcomes), and the stimuli."""
        table = study.path("csv")
        murid("rule", self.path, "--weights", ",".join(f"{v:.9g}" for v in states.ravel()), "--csv",
              table)
        with open(table, encoding="utf-8") as f:
            rows = [r for r in csv.DictReader(f) if r["history"] == "settled"]
        x = np.array(sorted({float(r["stimulus"]) for r in rows}))
        values = np.array([float(r["value"]) for r in rows])
        return values.reshape(len(WEIGHTS), len(states), 2, len(x)).transpose(0, 1, 3, 2), x


def paired(a, b, seed=0):
    """Mean of a - b over animals and its 95% bootstrap interval, resampling animals."""
    d = a - b
    means = d[np.random.default_rng(seed).integers(len(d), size=(10000, len(d)))].mean(axis=1)
    return d.mean(), *np.percentile(means, [2.5, 97.5])


def of_herds(values):
    """Mean over cohorts and its 90% t interval."""
    v = np.asarray(values)
    half = T90[len(v)] * v.std(ddof=1) / np.sqrt(len(v))
    return v.mean(), v.mean() - half, v.mean() + half


def weighted_r(a, b, weight):
    c = np.cov(a.ravel(), b.ravel(), aweights=weight.ravel())
    return c[0, 1] / np.sqrt(c[0, 0] * c[1, 1])


def correlations(true, fitted, states, x):
    """Of dw over where the animals were, for each weight: of its mean over stimuli and outcomes
    (the drift at each w), of its mean over outcomes, of all of it. An outcome counts as often as it
    happens at that w."""
    p_right = 1 / (1 + np.exp(-(states[:, :1] * x + states[:, 1:])))
    p_correct = np.where(x > 0, p_right, 1 - p_right)
    p = np.stack([p_correct, 1 - p_correct], axis=-1)
    found = []
    for i in range(len(WEIGHTS)):
        by_x = [(dw[i] * p).sum(axis=-1) for dw in (true, fitted)]
        found.append((weighted_r(by_x[0].mean(axis=1), by_x[1].mean(axis=1), np.ones(len(states))),
                      weighted_r(*by_x, np.ones_like(by_x[0])),
                      weighted_r(true[i], fitted[i], p)))
    return np.array(found)


def head(text):
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def say(*words):
    print(*words, flush=True)


def in_mil(interval):
    return "%+.3f [%+.3f, %+.3f]" % tuple(1000 * np.array(interval))


# ---- a noisy learner --------------------------------------------------------------------------


def reinforce(study):
    """A noisy REINFORCE learner: its rate, and what nets say of it."""
    rate, noise = 0.03125, "0.01,0.01"
    cohorts, mice, trials = (2, 5, 1000) if study.quick else (5, 12, 5000)
    words = ["--rate", rate]
    head(f"REINFORCE, rate {rate}, noise sd 0.01 a trial: {cohorts} cohorts of {mice} animals, "
         f"{trials} trials each")
    learned = [Cohort(study, "reinforce", s, mice, trials, noise, words)
               for s in range(1, cohorts + 1)]
    fresh = Cohort(study, "reinforce", 101, mice, trials, noise, words)
    rules = ["reinforce", "none"] if study.quick else ["reinforce", "none", "reward_max",
                                                       "predict_max"]
    fits = {r: study.map(lambda h, r=r: h.fit(r, CLASSIC_FIT), learned) for r in rules}
    ratios = np.array([m.rate / rate for m in fits["reinforce"]])
    say("fitted rate / true, cohort by cohort: stimulus", ratios[:, 0].round(3), "bias",
        ratios[:, 1].round(3))
    for i, name in enumerate(WEIGHTS):
        say("  %s: mean %.3f, 90%% of the mean over cohorts [%.3f, %.3f]"
            % (name, *of_herds(ratios[:, i])))
    say("  noise sd fitted:", *(m.noise_sd.round(4) for m in fits["reinforce"]))
    mean = of_herds(ratios[:, 0])[0]
    least = 0.3 if study.quick else 0.1
    study.claim(f"the stimulus' rate is found within {least:.0%}, over cohorts", abs(mean - 1) < least)

    true_nats = fresh.true_model().nats(fresh)
    for r in rules:
        gaps = np.array([m.nats(fresh) - true_nats for m in fits[r]])
        say(f"  {r:12} behind the truth on fresh animals, nats per 1000 trials: "
            f"{in_mil(paired(gaps.mean(axis=0), 0 * true_nats))}")
    gap = [fits["none"][0].nats(fresh) - fits["reinforce"][0].nats(fresh)]
    study.claim("REINFORCE beats no rule on fresh animals", paired(gap[0], 0)[1] > 0)

    if not study.quick:
        ask_nets(study, learned[0], fresh, fits["reward_max"][0])


def ask_nets(study, learned, fresh, rival):
    """What nets say of the learner, beside the rule that scores nearest to the truth."""
    states = learned.states(STATES)
    truth = fresh.true_model()
    true_dw, x = truth.dw(study, states)
    true_nats = truth.nats(fresh)
    nets = [(r, s) for r in ("dnn", "rnn") for s in range(3)]
    fitted = study.map(lambda n: learned.fit(n[0], NET_FIT, n[1]), nets)
    named = [(f"{r} seed {s}", m) for (r, s), m in zip(nets, fitted)] + [("reward_max", rival)]
    say(f"correlation of dw with the truth: {STATES} weights where the animals were, {len(x)} "
        "stimuli, correct and error\n  by their chance; of the drift at each w, by stimulus, and "
        "by stimulus and outcome")
    drift = []
    for name, model in named:
        r = correlations(true_dw, model.dw(study, states)[0], states, x)
        drift.append(r[0, 0])
        say("  %-12s stimulus %.2f %.2f %.2f, bias %.2f %.2f %.2f; behind the truth %s"
            % (name, *r[0], *r[1], in_mil(paired(model.nats(fresh), true_nats))))
    study.claim("nets say the stimulus' drift with r >= 0.95", min(drift[:len(nets)]) >= 0.95)


# ---- every classic rule -----------------------------------------------------------------------


def classic(study):
    """Each rule, with noise and without: who wins on fresh animals, and the rates."""
    rules = ["reinforce", "reinforce_base", "reward_max", "predict_max", "eligibility"]
    rate = {"eligibility": 0.25}
    extra = {"reinforce_base": ["--baseline", "0.3"], "eligibility": ["--decay", "0.9"]}
    mice, trials = (5, 1000) if study.quick else (12, 5000)
    kinds = [("predict_max", "0.01")] if study.quick else [(r, n) for r in rules
                                                          for n in ("0.01", "0")]
    fitted = ["none", "predict_max"] if study.quick else ["none"] + rules
    head(f"classic rules: {mice} animals of {trials} trials; nats per 1000 trials behind the best "
         f"on {mice} fresh ones")
    beaten, known = [], []
    for rule, noise in kinds:
        a = rate.get(rule, 0.03125)
        words = ["--rate", a, *extra.get(rule, [])]
        cohort = Cohort(study, rule, 1, mice, trials, f"{noise},{noise}", words)
        fresh = Cohort(study, rule, 101, mice, trials, f"{noise},{noise}", words)
        models = study.map(lambda r, h=cohort: h.fit(r, CLASSIC_FIT), fitted)
        nats = {r: m.nats(fresh) for r, m in zip(fitted, models)}
        best = min(fitted, key=lambda r, n=nats: n[r].mean())
        say(f"{rule}, noise {noise}: best is {best}; rates of {rule} / true "
            f"{(models[fitted.index(rule)].rate / a).round(3)}")
        tied = []
        for r in fitted:
            gap = paired(nats[r], nats[best])
            tied += [r] if r != best and gap[1] <= 0 else []
            say(f"    {r:15} {in_mil(gap)}")
        say(f"    not told apart from the best: {', '.join(tied) or 'none'}")
        beaten.append(paired(nats[rule], nats["none"])[2] < 0)
        known.append(rule == best or rule in tied)
    study.claim("every rule beats none on its own kind's fresh animals", all(beaten))
    study.claim("no other rule beats the true one", all(known))


# ---- animals that do not learn ----------------------------------------------------------------


def still(study):
    """Animals whose weights wander, or stand still: no rule may be found."""
    cohorts, mice, trials = (2, 5, 1000) if study.quick else (5, 12, 5000)
    kinds = [("wander", "0.03,0.03", ("1,0", "0.3,0.5")), ("stand still", "0,0", ("1.5,0.3", "0.3,0.5"))]
    for name, noise, start in kinds[:1] if study.quick else kinds:
        head(f"animals that do not learn: weights {name}; {cohorts} cohorts of {mice}, {trials} trials")
        learned = [Cohort(study, "none", s, mice, trials, noise, start=start)
                   for s in range(1, cohorts + 1)]
        fresh = [Cohort(study, "none", 100 + s, mice, trials, noise, start=start)
                 for s in range(1, cohorts + 1)]
        none = study.map(lambda h: h.fit("none", CLASSIC_FIT), learned)
        none_nats = np.concatenate(study.map(lambda m, f: m.nats(f), none, fresh))
        for rule in ("reinforce",) if study.quick else ("reinforce", "predict_max"):
            fits = study.map(lambda h, r=rule: h.fit(r, CLASSIC_FIT), learned)
            nats = np.concatenate(study.map(lambda m, f: m.nats(f), fits, fresh))
            rates = np.array([m.rate for m in fits])
            gain = paired(none_nats, nats)
            for i, weight in enumerate(WEIGHTS):
                say(f"  {rule}: rate of {weight} %+.5f, 90%% over cohorts [%+.5f, %+.5f]"
                    % of_herds(rates[:, i]), "each", rates[:, i].round(5))
            say(f"  {rule}: gain over none on fresh animals, nats per 1000 trials {in_mil(gain)}")
            study.claim(f"{name}: {rule} does not beat none", gain[1] <= 0)
            mean, lo, hi = of_herds(rates[:, 0])
            study.claim(f"{name}: {rule}'s rate of the stimulus is not told from 0, or is below 5% "
                        "of a learner's", lo <= 0 <= hi or max(abs(lo), abs(hi)) < 0.05 * 0.03125)


# ---- an animal that remembers -----------------------------------------------------------------


def eligibility(study):
    """A learner with a trace of past trials: the recurrent net must see what the other cannot."""
    rate, decay = 1.0, 0.9
    mice, fresh_mice, trials = (5, 8, 1000) if study.quick else (36, 24, 5000)
    words = ["--rate", rate, "--decay", decay]
    head(f"eligibility, rate {rate}, decay {decay}, noise 0.01: {mice} animals of {trials} trials, "
         f"{fresh_mice} fresh")
    cohort = Cohort(study, "eligibility", 1, mice, trials, "0.01,0.01", words)
    fresh = Cohort(study, "eligibility", 101, fresh_mice, trials, "0.01,0.01", words)
    net_words = NET_FIT + ["--weight-decay", "1", "--hidden", "32", "--mirror", "off"]
    names = ["reinforce", "eligibility"] if study.quick else ["reinforce", "eligibility", "dnn",
                                                              "dnn", "rnn", "rnn"]
    seeds = [0, 0, 0, 1, 0, 1]
    models = study.map(
        lambda n, s: cohort.fit(n, net_words if n in ("dnn", "rnn") else CLASSIC_FIT, s), names,
        seeds[:len(names)])
    nats = {}
    for name, model in zip(names, models):
        nats.setdefault(name, []).append(model.nats(fresh))
    for name, each in nats.items():
        say(f"  {name:12} {np.mean(each):.5f} nats a trial; over reinforce, per 1000 trials: "
            f"{in_mil(paired(nats['reinforce'][0], np.mean(each, axis=0)))}")
    study.claim("eligibility beats REINFORCE on fresh animals",
                paired(nats["reinforce"][0], nats["eligibility"][0])[1] > 0)
    if not study.quick:
        gain = paired(np.mean(nats["dnn"], axis=0), np.mean(nats["rnn"], axis=0))
        say(f"  rnn over dnn, per 1000 trials, mean of two seeds: {in_mil(gain)}")
        study.claim("rnn beats dnn on fresh animals", gain[1] > 0)


PARTS = {"reinforce": reinforce, "classic": classic, "still": still, "eligibility": eligibility}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()
    for name in options.parts:
        if name not in PARTS:
            parser.error(f"{name}: one of {', '.join(PARTS)} was expected")
    with tempfile.TemporaryDirectory() as directory:
        study = Study(directory, options.quick)
        for name in options.parts or PARTS:
            PARTS[name](study)
    print()
    for text, holds in study.claims:
        print("holds" if holds else "FAILS", text)
    return 0 if all(holds for _, holds in study.claims) else 1


if __name__ == "__main__":
    sys.exit(main())

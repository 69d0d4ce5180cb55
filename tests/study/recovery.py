"""What fits recover from animals whose learning rule is known, and what recorded animals tell of theirs.

    MURID_BIN=build/release/daemon/murid /usr/bin/python3 tests/study/recovery.py [PART ...] [options]
    mpirun -n 8 /usr/bin/python3 tests/study/recovery.py [PART ...] [options]

Parts, all of them by default:
    paper     the tables of ../shared/vectors/recovery, beside the figures of arXiv:2509.04661
    cohorts   simulated cohorts of five classic rules: dw and the 90% intervals of dw, by setting and rule
    indices   asymmetry and history of cohorts that have them, or have not
    real      the recorded animals of ../shared/data: which rules explain them, their indices, and whether a
              table of this size could tell (docs/rules.md)
    heldout   the same animals held out: what nets predict, and whether a memory predicts them better
    classic   which rule predicts fresh animals of each classic rule best
    still     animals that do not learn: no rule may be found
    nets      what nets predict of known learners, and how near their dw is

Prints tables as Markdown, and claims; the exit code is 1 if a claim does not hold, or after Ctrl-C. The whole
takes hours: finished pieces are kept, and the same command continues (pieces.py). Under mpirun or srun, which
share the directory, every rank measures a part of the pieces and the first prints. --quick is a smoke test of
every part on a few small animals.
"""
import argparse
import itertools
import math
import os
import signal
import sys
import tempfile

import numpy as np

import known_rules
import pieces
import recorded
import stated_rules
from pieces import Piece

CHANCE = np.log(2)
AUTHORS = {"fig2": (0.970, 0.956, 0.871, 0.0070, 632), "t2000": (0.864, 0.838, 0.520, 0.0036, 2104),
           "naive": (0.550, 0.308, 0.217, 0.0063, 798)}
TARGETS = {"fig2": (0.97, 63), "t2000": (0.99, 210)}  # r_all, processor time in seconds
NAIVE_PRIOR = ["--start", "0", "--start-sd", "0"]
POLICIES = ("stimulus,bias", "stimulus_right,stimulus_left,bias")
NETS = ("dnn", "rnn", "dnn_gain", "rnn_gain")
NOISY_SEEDS = 20
INDEX_SEEDS = 20
LEAST_TERM = 0.05  # of the largest: smaller terms are not shown


class Study:
    """Runs pieces; gathers what is printed, and what was claimed."""

    def __init__(self, options, directory):
        self.options, self.quick = options, options.quick
        self.rank, self.size = pieces.rank_and_size(os.environ)
        self.store = pieces.Store(directory, [known_rules.MURID, *(m.__file__ for m in (known_rules, recorded,
                                                                                        stated_rules))])
        self.text, self.claims, self.figures = [], [], {}

    def run(self, wanted):
        return pieces.run(wanted, self.store, self.options.jobs, self.rank, self.size)

    def seeds(self, default=3):
        return range(1, 2 if self.quick else 1 + (self.options.seeds or default))

    def say(self, text=""):
        self.text.append(text)
        if self.rank == 0:
            print(text, flush=True)

    def table(self, head, rows):
        self.say()
        for row in (head, ["---"] * len(head), *rows):
            self.say("| " + " | ".join(str(v) for v in row) + " |")
        self.say()

    def claim(self, text, holds):
        self.claims.append((text, bool(holds)))
        self.say(f"- {'holds' if holds else '**FAILS**'}: {text}")


# ---- figures of tables ------------------------------------------------------------------------


def number(v, digits=3):
    return "-" if v is None else f"{v:.{digits}f}"


def spread(values, digits=3):
    """Mean and range."""
    known = [v for v in values if v is not None]
    if not known:
        return "-"
    text = number(np.mean(known), digits)
    return text if len(known) == 1 else f"{text} ({number(min(known), digits)} to {number(max(known), digits)})"


def paired(a, b, seed=0):
    """Mean of a - b over animals and its 95% bootstrap interval, resampling animals."""
    d = np.asarray(a) - b
    means = d[np.random.default_rng(seed).integers(len(d), size=(10000, len(d)))].mean(axis=1)
    return d.mean(), *np.percentile(means, [2.5, 97.5])


def in_mil(interval):
    return "%+.2f (%+.2f to %+.2f)" % tuple(1000 * np.array(interval))


def one_sided(d):
    """p of a mean of differences over animals that is no greater than 0: all changes of their signs."""
    n = len(d)
    total = np.zeros(1)
    for v in d:
        total = np.concatenate([total + v, total - v])
    assert n <= 22, n
    return float(np.mean(total >= np.sum(d) - 1e-15 * np.abs(d).sum()))


def interval(said):
    if said["mean"] is None:
        return "not known"
    if said["lo"] is None:
        return f"{said['mean']:+.2f}"
    return f"{said['mean']:+.2f} ({said['lo']:+.2f} to {said['hi']:+.2f})"


def trials(memory):
    """How long a memory lasts."""
    if memory["mean"] is None:
        return "none"
    if memory["lo"] is None:
        return f"{memory['mean']:.3g}"
    said = f"{memory['lo']:.3g} to {memory['hi']:.3g}"
    return f"{memory['mean']:.3g} ({said})" if memory["known"] else f"not known ({said})"


def holds_trials(memory, true):
    """Whether a length that is said to be known has the true one in its interval."""
    return bool(memory["known"]) and memory["lo"] <= true <= memory["hi"]


def sign(said):
    """Of an interval that leaves 0 out; 0 where it does not; None without one."""
    if said["lo"] is None:
        return None
    return 1 if said["lo"] > 0 else -1 if said["hi"] < 0 else 0


def least_held(n):
    """0.9 less two standard errors, of n cohorts whose intervals hold all or nothing."""
    return 0.9 - 2 * np.sqrt(0.09 / n)


def nine_in_ten(held):
    """Could as few of them hold, if each held with probability 0.9? Not where that is rarer than 1 in 40."""
    n, k = len(held), int(np.sum(held))
    return sum(math.comb(n, i) * 0.9**i * 0.1**(n - i) for i in range(k + 1)) >= 0.025


NO_INTERVALS = "intervals: the model has none"

# ---- paper ------------------------------------------------------------------------------------


def paper(study):
    study.say("\n## The tables of the paper\n\nPoint estimate of dw of the stimulus' weight over the grid, "
              "`murid fit --rule basis`, one thread.")
    if not os.path.isdir(known_rules.VECTORS):
        study.say("skipped: ../shared/vectors absent")
        return
    names = ["t2000"] if study.quick else list(AUTHORS)
    n = 8 if study.quick else 0
    stated = [] if study.quick else [Piece(known_rules.paper, 20, setting="naive", n_animals=n, stated=NAIVE_PRIOR)]
    found = study.run([*(Piece(known_rules.paper, 60, setting=name, n_animals=n) for name in names), *stated])
    rows = []
    for name, got in zip(names, found):
        values = [got[k] for k in ("r_all", "r_chance", "r_stim", "rmse", "cpu_s")]
        for who, (*scores, rmse, cpu) in (("authors", AUTHORS[name]), ("murid", values)):
            rows.append([name, who, *map(number, scores), number(rmse, 4), f"{cpu:.1f}"])
    for got in found[len(names):]:
        values = [number(got[k]) for k in ("r_all", "r_chance", "r_stim")]
        rows.append(["naive", f"murid, {' '.join(NAIVE_PRIOR)}", *values, number(got["rmse"], 4), f"{got['cpu_s']:.1f}"])
    study.table(["setting", "fit", "r_all", "r_chance", "r_stim", "rmse", "processor time, s"], rows)
    for got in found[len(names):]:
        study.claim("naive: r_all of at least 0.95 with the prior stated", got["r_all"] >= 0.95)
    for name, got in zip(names, found):
        r, cpu = (0.85, 60) if study.quick else TARGETS.get(name, (None, None))
        if r is not None:
            study.claim(f"{name}: r_all of at least {r} in {cpu} s", got["r_all"] >= r and got["cpu_s"] <= cpu)
    study.figures["paper"] = ("r_all", [(name, got["r_all"], AUTHORS[name][0]) for name, got in zip(names, found)])


# ---- cohorts ----------------------------------------------------------------------------------


def cohorts(study):
    study.say("\n## Cohorts of known rules\n\ndw of the fit against the truth: r_all over the paper's grid (stimulus, "
              "terms of the trial itself) and what unbiased estimates reach on average (Cramer and Rao); over trials that the "
              "animals had, r for both weights, coverage of the 90% intervals, and their width as a part of the rms of "
              "the stimulus' dw. Mean and range over cohorts.")
    settings = ["small"] if study.quick else study.options.settings
    rules = ["reinforce", "predict_max"] if study.quick else list(known_rules.CLASSIC)
    kinds = list(itertools.product(settings, rules))
    wanted = [[Piece(known_rules.cohort, known_rules.SETTINGS[s]["mice"] * known_rules.SETTINGS[s]["trials"],
                     setting=s, rule=rule, seed=seed)
               for seed in study.seeds(NOISY_SEEDS if s == "noisy" else 3)] for s, rule in kinds]
    results = iter(study.run(list(itertools.chain(*wanted))))
    found = {kind: [next(results) for _ in each] for kind, each in zip(kinds, wanted)}
    rows = []
    for (setting, rule), each in found.items():
        row = [setting, rule, len(each), *(spread([c[name] for c in each]) for name in ("r_all", "r_limit"))]
        row += [spread([c["r_visited"][i] for c in each]) for i in range(2)]
        for name in ("cover", "width"):
            row += [spread([c[name] and c[name][i] for c in each], 2) for i in range(2)]
        rows.append(row + [spread([c["cpu_s"] for c in each], 0)])
    study.table(["setting", "rule", "cohorts", "r_all", "limit", "r stimulus", "r bias", "coverage stimulus", "coverage bias",
                 "width stimulus", "width bias", "processor time, s"], rows)
    for setting in settings:
        claim_setting(study, setting, {rule: each for (s, rule), each in found.items() if s == setting})
    study.figures["cohorts"] = ("r_all", [(f"{s}, {rule}", np.mean([c["r_all"] for c in each]), None)
                                          for (s, rule), each in found.items()])


def claim_setting(study, setting, found):
    limits = {rule: [c for c in each if (c["r_limit"] or 0) >= 0.97] for rule, each in found.items()}
    told = [c["r_all"] for each in limits.values() for c in each]
    if told:
        study.claim(f"{setting}: r_all of at least 0.95 in all {len(told)} cohorts whose limit is 0.97 or more "
                    f"(least {min(told):.3f})", min(told) >= 0.95)
    elif setting in ("noisy", "small"):
        r = np.mean([c["r_visited"][0] or 0 for c in found["reinforce"]])
        study.claim(f"{setting}: reinforce's dw of the stimulus over visited trials, r {r:.3f}, at least 0.9", r >= 0.9)
    else:
        study.say(f"- {setting}: no unbiased estimate reaches an r_all of 0.97")
    cover = {rule: [c["cover"][0] for c in each if c["cover"]] for rule, each in found.items()}
    if not all(cover.values()):
        study.say(f"- {setting}: {NO_INTERVALS}")
        return
    short = [f"{rule} {np.mean(each):.2f}" for rule, each in cover.items() if np.mean(each) < least_held(len(each))]
    study.claim(f"{setting}: 90% intervals hold the stimulus' dw of every rule; short: {', '.join(short) or 'none'}",
                not short)


# ---- indices ----------------------------------------------------------------------------------


def indices(study):
    study.say("\n## Indices of cohorts that have them\n\n`murid rule`. Asymmetry is that of every w, history is stated as the mean "
              "number of trials for which rewards are remembered; the true index is that where the animals were.")
    levels = {"asymmetry": [0, 1] if study.quick else [0, 0.5, 1], "history": [5] if study.quick else [0, 1, 5]}
    for name, about in known_rules.INDEX_COHORTS.items():
        if not study.quick or name == "few":
            indices_of(study, about, [(kind, level) for kind, each in levels.items() for level in each])


def indices_of(study, about, kinds):
    seeds = study.seeds(INDEX_SEEDS)
    results = iter(study.run([Piece(known_rules.index, 1, kind=kind, level=level, about=about, seed=seed)
                              for kind, level in kinds for seed in seeds]))
    rows, held, signs, lasts, means, known, right = [], [], [], [], {}, {}, {}
    for kind, level in kinds:
        got = [next(results) for _ in seeds]
        means.setdefault(kind, []).append(np.mean([g["said"]["mean"] for g in got if g["said"]["mean"] is not None]))
        known.setdefault(kind, []).extend(is_known(g["said"]) for g in got)
        lasts += [kind == "history" and holds_trials(g["memory"], level) for g in got if g["memory"]["known"]]
        if None not in (sign(g["said"]) for g in got):
            held += [g["said"]["lo"] <= g["true"] <= g["said"]["hi"] for g in got]
            signs += [abs(g["true"]) < 0.1 or sign(g["said"]) in (0, np.sign(g["true"])) for g in got]
        right.setdefault(kind, []).extend(g["said"]["mean"] * g["true"] > 0 for g in got if abs(g["true"]) >= 0.1)
        rows.append([kind, level, len(got), spread([g["true"] for g in got], 2), "; ".join(interval(g["said"]) for g in got[:3]),
                     "; ".join(trials(g["memory"]) for g in got[:3])])
    study.say(f"\n{about['mice']} animals of {about['sessions'] * about['trials']} trials, weight {about['weight']}; the first "
              "three cohorts:")
    study.table(["index", "stated", "cohorts", "true", "found, 90%", "rewards remembered, trials"], rows)
    claim_lengths(study, lasts, sum(map(len, known.values())))
    claim_indices(study, held, signs)
    for kind, each in means.items():
        if np.mean(known[kind]) < 0.5:
            study.say(f"- {kind}: known in {sum(known[kind])} of {len(known[kind])} cohorts: such tables do not tell "
                      f"(means {', '.join(f'{m:+.2f}' for m in each)})")
            continue
        study.claim(f"{kind}: the estimate has the true sign in 95% of cohorts whose index is not 0 "
                    f"({np.mean(right[kind]):.2f} of {len(right[kind])})", np.mean(right[kind]) >= 0.95)
        if len(each) > 1:
            study.claim(f"{kind}: the cohorts of the most have more of it than those of none ({each[-1]:+.2f}, {each[0]:+.2f})",
                        each[-1] > each[0] + 0.1)


def is_known(said):
    return said["lo"] is not None and said["hi"] - said["lo"] <= 1


def claim_lengths(study, lasts, n):
    """lasts: whether each length that was said to be known was the true one, of n cohorts."""
    false = [not held for held in lasts] + [False] * (n - len(lasts))
    study.claim(f"a length of the memory that is not the true one is called known in at most a tenth of {n} cohorts "
                f"(known {len(lasts)}, true {sum(lasts)})", nine_in_ten([not f for f in false]))


def claim_indices(study, held, signs):
    if held:
        study.claim(f"90% intervals hold the true index ({np.mean(held):.2f} of {len(held)})", nine_in_ten(held))
        study.claim(f"nine in ten intervals do not exclude 0 on the wrong side ({np.mean(signs):.2f})", np.mean(signs) >= 0.9)
    else:
        study.say(f"- {NO_INTERVALS}")


# ---- recorded animals -------------------------------------------------------------------------


ANIMALS = {"mice_train.csv": ("17 mice learning a visual task from their first session, 94,031 trials",
                              "Liebana et al., Cell 2025, figshare 28877912, CC BY 4.0"),
           "ibl_trained_fit.csv": ("19 trained mice in the task with blocks, 93,153 trials",
                                   "International Brain Laboratory, by way of anhknguyen96/glm-hmm, CC BY 4.0")}
REAL_HEAD = """
# What recorded mice learn by

Which learning rule explains the choices of mice, what its steps look like, and whether tables of this size could tell.
This page is the output of one command, which reads the tables in `../shared/data`:

    MURID_BIN=build/release/daemon/murid /usr/bin/python3 tests/study/recovery.py real heldout --markdown docs/rules.md

Rule basis in the filter `moments` ([model](model.md), sections filter, basis, posterior and rule_probe), each table once
with one weight of the stimulus and once with one for each side."""
FAMILIES_HEAD = """
## Families of rules

Log likelihood more than that of `none`, weights that only drift, in nats; posterior among the families. *Without
learning*: what the best family gains on simulated mice with the same trials, noise and prior that learn nothing
(`murid compare`). More than that is not noise that looks like learning. It is not proof of learning either: whatever
moves choices from trial to trial as a rule would, such as a block that the animal tracks, speaks for a rule."""
STEPS_HEAD = """
## Steps

Of all weights, at 64 weights w that the animals had, 90% intervals (`murid rule`). Asymmetry: steps after correct trials
against those after errors, -1 to 1. History: after four rewarded against four unrewarded trials. What is wider than 1
is not known. Remembered: the mean age of the trials that a step goes by, by reward (terms memory) and by choice
(trace). Terms: coefficients of the mean rule by weight, of those of at least a twentieth of the largest."""
POWER_HEAD = """
## Could such tables tell?

Simulated cohorts of the same number of animals and trials, with their noise and prior and reinforce's rate, whose rule
has an asymmetry or a memory. Power: the part of them whose interval leaves 0 out on the true side."""


def gains(families):
    """The three families with the highest posterior."""
    order = sorted(families, key=lambda name: -families[name][1])
    return ", ".join(f"{name} {families[name][0]:.0f} ({families[name][1]:.2f})" for name in order[:3])


def real(study):
    study.say(REAL_HEAD)
    if not os.path.isdir(recorded.DATA):
        study.say("skipped: ../shared/data absent")
        return
    tables = ["mice_train.csv"] if study.quick else list(ANIMALS)
    policies = POLICIES[:1] if study.quick else POLICIES
    size = {"n_animals": 4 if study.quick else 0, "n_trials": 600 if study.quick else 0}
    kinds = list(itertools.product(tables, policies))
    study.table(["table", "animals", "source"], [[table, *ANIMALS[table]] for table in tables])
    found = dict(zip(kinds, study.run([Piece(recorded.families, 1, table=t, policy=p, **size) for t, p in kinds])))
    fits = dict(zip(kinds, study.run([Piece(recorded.recorded_fit, 1, table=t, policy=p, **size) for t, p in kinds])))
    study.say(FAMILIES_HEAD)
    study.table(["table", "policy", "families, gain (posterior)", "reinforce", "predict_max", "eligibility",
                 "without learning"],
                [[*kind, gains(f["families"]), *(f"{f['families'][r][0]:.0f}" for r in ("reinforce", "predict_max",
                                                                                        "eligibility")),
                  f"{f['without']:.1f}"] for kind, f in found.items()])
    for (table, policy), f in found.items():
        study.say(f"- {table}, {policy}: {' '.join(f['verdict'])}")
    study.say(STEPS_HEAD)
    rows = []
    for (table, policy), fit in fits.items():
        largest = max(np.abs(c).max() for c in fit["terms"].values())
        terms = ", ".join(f"{name} {' '.join(f'{v:+.3f}' for v in c)}" for name, c in fit["terms"].items()
                          if np.abs(c).max() >= LEAST_TERM * largest)
        rows.append([table, policy, *(interval(fit["indices"][k]) for k in ("asymmetry", "history")),
                     *(trials(fit["memory"][k]) for k in ("rewards", "choices")), terms, f"{fit['cpu_s']:.0f}"])
    study.table(["table", "policy", "asymmetry", "history", "rewards remembered, trials", "choices remembered, trials",
                 "terms", "processor time, s"], rows)
    study.say(POWER_HEAD)
    power(study, {table: fits[table, POLICIES[0]]["like"] for table in tables})


def heldout(study):
    study.say("\n## Held out\n\nEach animal predicted by rules fitted to others, in five folds; whether a memory, of a net or of the "
              "terms of basis, predicts better.")
    if not os.path.isdir(recorded.DATA):
        study.say("skipped: ../shared/data absent")
        return
    size = {"n_animals": 4 if study.quick else 0, "n_trials": 600 if study.quick else 0}
    predict_recorded(study, ["mice_train.csv"] if study.quick else list(ANIMALS), size)


def predict_recorded(study, tables, size):
    """Cross-validation by animal, and whether a memory predicts better."""
    rules = ["none", "reinforce", *([] if study.quick else ["basis"]), *(NETS[:1] if study.quick else NETS)]
    folds, words = (2, ["--epochs", "2"]) if study.quick else (5, [])
    kinds = list(itertools.product(tables, rules))
    found = study.run([Piece(recorded.held_out, 100 if stated_rules.is_net(r) else 1, table=t, policy=POLICIES[0], rule=r,
                             folds=folds, words=words if stated_rules.is_net(r) else [], **size) for t, r in kinds])
    nats = {kind: np.array([got[name] for name in sorted(got)]) for kind, got in zip(kinds, found)}
    study.table(["table", "rule", "held out, nats/trial, mean of animals", "gain over none, per 1,000 trials, 95%"],
                [[t, r, f"{nats[t, r].mean():.4f}", in_mil(paired(nats[t, "none"], nats[t, r]))] for t, r in kinds])
    for table in tables:
        for one, other in () if study.quick else (("rnn", "dnn"), ("rnn_gain", "dnn_gain"), ("rnn", "basis")):
            d = nats[table, other] - nats[table, one]
            study.say(f"- {table}: {one} over {other}, per 1,000 trials: {in_mil(paired(d, 0))}; one-sided p over "
                      f"{len(d)} animals, by changes of sign: {one_sided(d):.3f}")
    study.claim("every rule predicts held-out animals better than chance",
                all(v.mean() < CHANCE for v in nats.values()))


def power(study, like):
    """Could such tables tell? Cohorts of the same size, noise and prior, whose rule has the index."""
    kinds = [(table, kind, level) for table in like for kind, level in (("asymmetry", 0.5), ("history", 5))]
    seeds = study.seeds()
    results = iter(study.run([Piece(known_rules.index, 1, kind=kind, level=level, about=like[table], seed=seed)
                              for table, kind, level in kinds for seed in seeds]))
    rows, held, lasts = [], [], []
    for table, kind, level in kinds:
        got = [next(results) for _ in seeds]
        lasts += [kind == "history" and holds_trials(g["memory"], level) for g in got if g["memory"]["known"]]
        signs = [sign(g["said"]) for g in got]
        held += [g["said"]["lo"] <= g["true"] <= g["said"]["hi"] for g in got if sign(g["said"]) is not None]
        share = NO_INTERVALS if None in signs else f"{np.mean([s == np.sign(g['true']) for s, g in zip(signs, got)]):.2f}"
        rows.append([table, kind, level, spread([g["true"] for g in got], 2), "; ".join(interval(g["said"]) for g in got),
                     share, "; ".join(trials(g["memory"]) for g in got)])
    study.table(["like", "index", "stated", "true", "found, 90%", "power", "rewards remembered, trials"], rows)
    if not study.quick:
        claim_lengths(study, lasts, len(kinds) * len(seeds))
    if held and not study.quick:
        study.claim(f"90% intervals of such cohorts hold the true index ({np.mean(held):.2f} of {len(held)})",
                    nine_in_ten(held))


# ---- rules against each other -----------------------------------------------------------------


def classic(study):
    study.say("\n## Which rule predicts fresh animals of each classic rule\n\nnats per 1,000 trials behind the truth, mean "
              "over animals and 95%.")
    about = {**stated_rules.COHORT, **({"mice": 5, "sessions": 1} if study.quick else {})}
    learners = ["predict_max"] if study.quick else list(known_rules.CLASSIC)
    kinds = list(itertools.product(learners, ["0.01,0.01"] if study.quick else ["0.01,0.01", "0,0"]))
    rules = ["none", "predict_max"] if study.quick else ["none", *known_rules.CLASSIC, "basis"]
    results = study.run([Piece(stated_rules.predicted, 1, learner=learner, about={**about, "noise": noise}, seed=1,
                               rules=rules) for learner, noise in kinds])
    rows, beaten, known = [], [], []
    for (learner, noise), got in zip(kinds, results):
        nats = {rule: np.array(about["nats"]) for rule, about in got.items()}
        rows.append([learner, noise.split(",")[0], *(in_mil(paired(nats[rule], nats["truth"])) for rule in rules)])
        beaten.append(paired(nats[learner], nats["none"])[2] < 0)
        known += [paired(nats[rule], nats[learner])[2] >= 0 for rule in rules if rule != learner]
    study.table(["learner", "noise", *rules], rows)
    study.claim("every rule beats none on its own kind's fresh animals", all(beaten))
    study.claim("no other rule beats the true one", all(known))


def still(study):
    study.say("\n## Animals that do not learn\n\nGain over none on fresh animals, nats per 1,000 trials, and the rate of the "
              "stimulus, mean and range over cohorts.")
    kinds = {"weights wander": ("0.03,0.03", "1,0"), "weights stand still": ("0,0", "1.5,0.3")}
    rules = ["reinforce"] if study.quick else ["reinforce", "predict_max", "basis"]
    seeds = study.seeds(5)
    wanted = [Piece(stated_rules.predicted, 1, learner="none", seed=seed, rules=["none", *rules],
                    about={**stated_rules.COHORT, "noise": noise, "start": start, "sd": "0.3,0.5",
                           **({"mice": 5, "sessions": 1} if study.quick else {})})
              for noise, start in kinds.values() for seed in seeds]
    results, rows, gains = iter(study.run(wanted)), [], {}
    for name in kinds:
        got = [next(results) for _ in seeds]
        none = np.concatenate([g["none"]["nats"] for g in got])
        for rule in rules:
            gain = gains[name, rule] = paired(none, np.concatenate([g[rule]["nats"] for g in got]))
            rates = [g[rule]["rate"][0] for g in got]
            rows.append([name, rule, in_mil(gain), "-" if rule == "basis" else spread(rates, 4)])
    study.table(["animals", "rule", "gain over none", "rate"], rows)
    for (name, rule), gain in gains.items():
        study.claim(f"{name}: {rule} does not beat none", gain[1] <= 0)


LEARNERS = {"reinforce": {}, "eligibility": {"mice": 36, "fresh_mice": 24}}


def nets(study):
    study.say("\n## Nets\n\nFresh animals, nats per 1,000 trials behind the truth; r of the stimulus' dw with the truth at "
              f"{stated_rules.STATES} weights where the animals were: the drift at each w, by stimulus, by stimulus and "
              "outcome. Seeds one by one.")
    rules = ["dnn", "rnn"] if study.quick else [*NETS, "reinforce"]
    words = ["--epochs", "2"] if study.quick else stated_rules.NET_FIT
    learners = {"eligibility": {"mice": 5, "sessions": 1, "fresh_mice": 5}} if study.quick else LEARNERS
    kinds = [(learner, rule, seed) for learner in learners for rule in rules
             for seed in (range(2) if stated_rules.is_net(rule) and not study.quick else [0])]
    results = study.run([Piece(stated_rules.net, 50 if stated_rules.is_net(rule) else 1, learner=learner, rule=rule,
                               seed=seed, about={**stated_rules.COHORT, **learners[learner]},
                               words=words if stated_rules.is_net(rule) else []) for learner, rule, seed in kinds])
    study.table(["learner", "rule", "seed", "behind the truth", "r"],
                [[*kind, in_mil(paired(got["nats"], got["truth"])), " ".join(f"{v:.2f}" for v in got["r"][0])]
                 for kind, got in zip(kinds, results)])
    mean = {(learner, rule): np.mean([got["nats"] for kind, got in zip(kinds, results) if kind[:2] == (learner, rule)],
                                     axis=0) for learner in learners for rule in rules}
    study.claim("every net predicts better than chance", all(v.mean() < CHANCE for v in mean.values()))
    if not study.quick:
        gain = paired(mean["eligibility", "dnn"], mean["eligibility", "rnn"])
        study.claim(f"rnn beats dnn on animals with a trace, per 1,000 trials: {in_mil(gain)}", gain[1] > 0)


PARTS = {part.__name__: part for part in (paper, cohorts, indices, real, heldout, classic, still, nets)}


def draw(study, directory):
    """Figures of the tables, if matplotlib is there."""
    try:
        import matplotlib
    except ImportError:
        print("figures: matplotlib is absent", file=sys.stderr)
        return
    matplotlib.use("svg")
    from matplotlib import pyplot
    os.makedirs(directory, exist_ok=True)
    for name, (label, points) in study.figures.items():
        figure, axes = pyplot.subplots(figsize=(6, 1 + 0.3 * len(points)), layout="constrained")
        axes.plot([p[1] for p in points], range(len(points)), "o", label="murid")
        if points[0][2] is not None:
            axes.plot([p[2] for p in points], range(len(points)), "x", label="authors")
            axes.legend()
        axes.set_yticks(range(len(points)), [p[0] for p in points])
        axes.invert_yaxis()
        axes.set_xlabel(label)
        figure.savefig(os.path.join(directory, f"{name}.svg"))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--quick", action="store_true", help="a smoke test")
    parser.add_argument("--seeds", type=int, help="cohorts of each kind (default 3; noisy and indices 20; still 5)")
    parser.add_argument("--settings", type=lambda v: v.split(","), default=["fig2", "t2000", "naive", "noisy"],
                        help="of cohorts (default fig2,t2000,naive,noisy)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="pieces at a time (default one a processor)")
    parser.add_argument("--keep", metavar="DIR", help="results of finished pieces (default build/study; --quick: none)")
    parser.add_argument("--markdown", metavar="FILE", help="the tables")
    parser.add_argument("--figures", metavar="DIR", help="figures as SVG, with matplotlib")
    options = parser.parse_args()
    for given, known, what in ((options.parts, PARTS, "part"), (options.settings, known_rules.SETTINGS, "setting")):
        for name in given:
            if name not in known:
                parser.error(f"{what} {name}: one of {', '.join(known)} was expected")
    if options.jobs < 1 or (options.seeds is not None and options.seeds < 1):
        parser.error("--jobs, --seeds: at least 1 was expected")
    if options.quick and not options.keep and pieces.rank_and_size(os.environ)[1] > 1:
        parser.error("--quick: of several ranks needs a --keep that they share")
    return options


def main():
    options = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as place:
        kept = options.keep or (place if options.quick else os.path.join(known_rules.SOURCE, "build", "study"))
        study = Study(options, kept)
        try:
            for name in options.parts or PARTS:
                PARTS[name](study)
        except RuntimeError as fault:
            print(f"\nrecovery: {fault}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"\nrecovery: stopped; what is finished is in {kept}, the same command continues", file=sys.stderr)
            return 1
        if study.rank > 0:
            return 0
        failed = [text for text, holds in study.claims if not holds]
        study.say(f"\n{len(study.claims) - len(failed)} of {len(study.claims)} claims hold")
        if options.markdown:
            with open(options.markdown, "w", encoding="utf-8") as f:
                f.write("\n".join(study.text).strip() + "\n")
        if options.figures:
            draw(study, options.figures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

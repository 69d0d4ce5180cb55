"""Which rule predicts animals best: the pieces of the parts classic, still and nets of recovery.py.

Cohorts of a known rule, models fitted to them, and their nats/trial one step ahead on fresh animals of the
same kind, which no model has seen.
"""
import csv
import json
import os

import numpy as np

from known_rules import CLASSIC, FIT, POLICY, Rule, murid, noise_words, simulate, weighted_r

COHORT = {"mice": 12, "trials": 500, "sessions": 10, "rate": (0.03125, 0.03125), "start": "0,0", "sd": "0.3,1",
          "noise": "0.01,0.01"}
FRESH_SEED = 100  # added to that of the animals that were fitted
NET_FIT = ["--epochs", "200", "--rate", "0.003", "--filter-rate", "60", "--batch", "12"]
STATES = 16  # weights at which a net is asked


def is_net(rule):
    return rule.startswith(("dnn", "rnn"))


class Pair:
    """A cohort, fresh animals of its kind, and the model that is their truth."""

    def __init__(self, place, learner, about, seed):
        self.place = place
        self.rule = Rule.stated(CLASSIC.get(learner, {}), about["rate"])
        self.table, self.truth_table = simulate(place, self.rule, about, seed)
        fresh = {**about, "mice": about.get("fresh_mice", about["mice"])}
        self.fresh, _ = simulate(place, self.rule, fresh, seed + FRESH_SEED, "fresh")
        self.true_model = os.path.join(place, "truth.safetensors")
        murid("model", "--new", *self.rule.words(), *noise_words(about), "-o", self.true_model)

    def fit(self, rule, seed=0, words=()):
        model = os.path.join(self.place, f"{rule}.safetensors")
        murid("fit", self.table, "-o", model, "--rule", rule, "--policy", POLICY, "--seed", seed, *FIT, *words)
        return model

    def nats(self, model):
        """Of each fresh animal."""
        said = json.loads(murid("eval", self.fresh, "--model", model, "--json")[0])["subjects"]
        return [said[name]["nats"] for name in sorted(said)]

    def states(self):
        """True weights of trials drawn from all of the cohort's with equal chance."""
        with open(self.truth_table, encoding="utf-8") as f:
            rows = [[float(row[name]) for name in POLICY.split(",")] for row in csv.DictReader(f)]
        return np.array(rows)[np.random.default_rng(0).integers(len(rows), size=STATES)]


def rate_of(model):
    return json.loads(murid("model", model, "--json")[0])["rate"]


def predicted(place, learner, about, seed, rules):
    """Of each rule's fit, nats of the fresh animals and the rates; of the truth, the nats."""
    pair = Pair(place, learner, about, seed)
    found = {"truth": {"nats": pair.nats(pair.true_model)}}
    for rule in rules:
        model = pair.fit(rule)
        found[rule] = {"nats": pair.nats(model), "rate": rate_of(model)}
    return found


def rule_dw(place, model, states):
    """(weights, states, stimuli, outcomes), and the stimuli."""
    table = os.path.join(place, "dw.csv")
    murid("rule", model, "--weights", ",".join(f"{v:.9g}" for v in states.ravel()), "--csv", table, "--force")
    with open(table, encoding="utf-8") as f:
        rows = [row for row in csv.DictReader(f) if row["history"] == "settled"]
    x = np.array(sorted({float(row["stimulus"]) for row in rows}))
    values = np.array([float(row["value"]) for row in rows])
    return values.reshape(states.shape[1], len(states), 2, len(x)).transpose(0, 1, 3, 2), x


def dw_correlations(true, fitted, states, x):
    """Of dw where the animals were, for each weight: of its mean over stimuli and outcomes (the drift at
    each w), of its mean over outcomes, of all of it. An outcome counts as often as it happens there."""
    p_right = 1 / (1 + np.exp(-(states[:, :1] * x + states[:, 1:])))
    p_correct = np.where(x > 0, p_right, 1 - p_right)
    p = np.stack([p_correct, 1 - p_correct], axis=-1)
    found = []
    for each in zip(true, fitted):
        by_x = [(dw * p).sum(axis=-1) for dw in each]
        found.append([weighted_r(by_x[0].mean(axis=1), by_x[1].mean(axis=1), np.ones(len(states))),
                      weighted_r(*by_x, np.ones_like(by_x[0])), weighted_r(*each, p)])
    return found


def net(place, learner, about, rule, seed, words):
    """What one rule predicts of a learner's fresh animals, and how near its dw is to the truth's."""
    pair = Pair(place, learner, about, 1)
    model = pair.fit(rule, seed, words)
    states = pair.states()
    true, x = rule_dw(place, pair.true_model, states)
    return {"nats": pair.nats(model), "truth": pair.nats(pair.true_model),
            "r": dw_correlations(true, rule_dw(place, model, states)[0], states, x)}

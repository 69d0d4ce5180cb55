"""What recorded animals tell of their rule, and what such a table could tell: the pieces of the part real of
recovery.py."""
import collections
import csv
import json
import os

import numpy as np

from known_rules import FIT, SOURCE, Fitted, murid, said_index, said_memory, said_rule

DATA = os.path.join(SOURCE, "..", "shared", "data")
LEAST_SHARE = 0.02  # of trials: rarer contrasts are not simulated


def part_of(place, table, n_animals, n_trials):
    """Path of a table's first animals and their first trials; 0: all."""
    path, counts = os.path.join(place, table), collections.Counter()
    with open(os.path.join(DATA, table), encoding="utf-8") as rows, open(path, "w", encoding="utf-8") as f:
        f.write(next(rows))
        for row in rows:
            subject = row.split(",", 1)[0]
            counts[subject] += 1
            if n_animals and len(counts) > n_animals:
                break
            if not n_trials or counts[subject] <= n_trials:
                f.write(row)
    return path


def shape_of(path):
    """Numbers and contrasts for animals that are simulated like those of a table: as many, each with as many
    sessions and trials as the median."""
    trials, contrasts = collections.Counter(), collections.Counter()
    with open(path, encoding="utf-8") as f:
        for row in csv.DictReader(f):
            trials[row["subject"], row["session"]] += 1
            contrasts[float(row["stimulus"])] += 1
    sessions = collections.Counter(subject for subject, _ in trials)
    n = sum(contrasts.values())
    return {"mice": len(sessions), "sessions": int(np.median(list(sessions.values()))),
            "trials": int(np.median(list(trials.values()))),
            "stimuli": sorted(c for c, k in contrasts.items() if k >= LEAST_SHARE * n)}


def recorded_fit(place, table, policy, n_animals, n_trials):
    """The fit of basis, and the animals to simulate for the power of this analysis: of the same number, noise
    and prior, and of reinforce's rate."""
    path = part_of(place, table, n_animals, n_trials)
    fitted = Fitted(path, os.path.join(place, "model.safetensors"), policy)
    plain = os.path.join(place, "reinforce.safetensors")
    murid("fit", path, "-o", plain, "--rule", "reinforce", "--policy", policy, *FIT)
    said = fitted.said

    def sd(name):
        return ",".join(f"{np.sqrt(v):.9g}" for v in said[name])
    like = {**shape_of(path), "policy": policy, "weight": "all", "noise": sd("drift_var"),
            "session_noise": sd("session_var"), "sd": sd("prior_var"),
            "start": ",".join(f"{v:.9g}" for v in said["prior_mean"]),
            "rate": json.loads(murid("model", plain, "--json")[0])["rate"]}
    rule = said_rule(fitted.path)
    return {"terms": said["terms"], "cpu_s": fitted.cpu_s, "like": like,
            "indices": {kind: said_index(rule, "all", kind) for kind in ("asymmetry", "history")},
            "memory": {memory: said_memory(rule, memory) for memory in ("rewards", "choices")}}


def families(place, table, policy, n_animals, n_trials):
    """What murid compare says of the families of rules: {"families": {name: (log likelihood more than that of
    none, posterior)}, "without": what animals that learn nothing gain, "verdict": sentences}."""
    path = part_of(place, table, n_animals, n_trials)
    said = json.loads(murid("compare", path, "--policy", policy, "--threads", "1", "--json")[0])
    none = said["families"][0]["log_likelihood"]
    return {"families": {f["name"]: (f["log_likelihood"] - none, f["posterior"]) for f in said["families"]},
            "without": said["without_learning"]["gain_without"], "verdict": said["verdict"]}


def held_out(place, table, policy, rule, folds, n_animals, n_trials, words):
    """Nats/trial of each animal by a rule fitted to the animals of the other folds."""
    path = part_of(place, table, n_animals, n_trials)
    said = json.loads(murid("fit", path, "--rule", rule, "--policy", policy, "--cv", folds, "--threads", "1",
                            "--json", *words, cwd=place)[0])  # its state is a file there
    return {name: about["nats"][0] for name, about in said["subjects"].items()}

"""Animals of a known rule, what `murid fit` says of it, and how near that is: the pieces of the parts
paper, cohorts and indices of recovery.py.

Simulated cohorts are of rule basis, so that the truth and what is found are coefficients of the same terms
(model/basis.h); dw is computed here from either, without murid. Weights have the order of POLICY.
"""
import csv
import gzip
import json
import os
import struct

import numpy as np

from pieces import PROGRAMS

MURID = os.path.abspath(os.environ["MURID_BIN"])
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VECTORS = os.path.join(SOURCE, "..", "shared", "vectors", "recovery")
POLICY = "stimulus,bias"
FIT = ["--mirror", "off", "--threads", "1"]
TERMS = ("rewarded", "unrewarded", "predict_max", "reward_max", "rewarded_expected", "rewarded_unsure",
         "rewarded_contrast", "unrewarded_contrast", "rewarded_memory", "unrewarded_memory", "trace",
         "forgetting")
N_DIRECT = TERMS.index("rewarded_memory")  # terms that the trial itself determines

# The tables of ../shared/vectors/recovery: the rate of their rule in the paper's units.
PAPER_RATES = {"fig2": 2**-4, "t2000": 2**-6, "naive": 2**-6}

# Cohorts of the same kind, but of independent animals, and noisy learners whose bias learns too. rate: of
# the weights in murid's units, four times the paper's, where x is half as large and w twice.
SETTINGS = {
    "fig2": {"mice": 1000, "trials": 500, "rate": (0.25, 0), "start": "-4,0", "sd": "0,0.8165", "noise": "0"},
    "t2000": {"mice": 300, "trials": 2000, "rate": (0.0625, 0), "start": "-4,0", "sd": "0,0.8165", "noise": "0"},
    "naive": {"mice": 100, "trials": 2000, "rate": (0.0625, 0), "start": "0,0", "sd": "0,0", "noise": "0"},
    "noisy": {"mice": 12, "trials": 5000, "rate": (0.0625, 0.0625), "start": "0,0", "sd": "0.3,0.5",
              "noise": "0.01,0.01"},
    "small": {"mice": 24, "trials": 400, "rate": (0.25, 0), "start": "-1,0", "sd": "0.5,0.5", "noise": "0"},
}
# Terms of a classic rule of rate 1; eligibility's trace of decay 0.7 takes 0.7 of twice the rate.
CLASSIC = {"reinforce": {"rewarded": 1}, "reinforce_base": {"rewarded": 0.7, "unrewarded": -0.3},
           "predict_max": {"predict_max": 1}, "reward_max": {"reward_max": 1},
           "eligibility": {"rewarded": 0.6, "trace": 1.4}}
DECAY, MEMORY = 0.7, 0.8
ANIMALS_SCORED, TRIALS_SCORED = 12, 600  # where dw is compared


def murid(*words, cwd=None):
    return PROGRAMS.run([MURID, *words], cwd)


class Rule:
    """coefficient (draws, terms, weights), decay and memory (draws); one draw is a point."""

    def __init__(self, coefficient, decay, memory):
        self.coefficient, self.decay, self.memory = coefficient, decay, memory

    @staticmethod
    def stated(terms, rate, decay=DECAY, memory=MEMORY):
        c = np.zeros((1, len(TERMS), len(rate)))
        for name, value in terms.items():
            c[0, TERMS.index(name)] = value * np.array(rate)
        return Rule(c, np.array([decay]), np.array([memory]))

    def words(self, policy=POLICY):
        """For murid simulate and murid model --new."""
        each = [f"{name}={':'.join('%.9g' % v for v in row)}"
                for name, row in zip(TERMS, self.coefficient[0]) if row.any()]
        if not each:
            return ["--rule", "none", "--policy", policy]
        words = ["--rule", "basis", "--terms", ",".join(each), "--policy", policy]
        if self.coefficient[0, TERMS.index("trace")].any():
            words += ["--decay", self.decay[0]]
        if self.coefficient[0, N_DIRECT:N_DIRECT + 2].any():
            words += ["--memory", self.memory[0]]
        return words


def read_tensors(path):
    """Every tensor of a safetensors file."""
    kinds = {"F64": "<f8", "F32": "<f4", "U32": "<u4", "I64": "<i8"}
    with open(path, "rb") as f:
        data = f.read()
    n = struct.unpack("<Q", data[:8])[0]
    found = {}
    for name, about in json.loads(data[8:8 + n]).items():
        if name != "__metadata__":
            first, last = about["data_offsets"]
            values = np.frombuffer(data[8 + n + first:8 + n + last], kinds[about["dtype"]])
            found[name] = values.astype(float).reshape(about["shape"])
    return found


class Fitted:
    """A fitted model of rule basis: its point, its draws from the posterior or None, what murid model says,
    and the fit's processor time in seconds."""

    def __init__(self, table, model, policy=POLICY, stated=()):
        self.path = model
        _, self.cpu_s = murid("fit", table, "-o", model, "--rule", "basis", "--policy", policy, *FIT, *stated)
        said = self.said = json.loads(murid("model", model, "--json")[0])
        terms = np.array([said["terms"][name] for name in TERMS])
        self.point = Rule(terms[None], np.array([said["decay"][0]]), np.array([said["memory"]]))
        tensors = read_tensors(model)
        self.posterior = None
        if "posterior.coefficient" in tensors:
            self.posterior = Rule(tensors["posterior.coefficient"], tensors["posterior.decay"],
                                  tensors["posterior.memory"])


def direct_terms(x, y, r, p):
    """f of the terms that the trial determines, times (2y - 1): (..., N_DIRECT)."""
    q, u = np.where(y == 1, 1 - p, p), 1 - r
    f = [r * q, u * q, r * q - u * (1 - q), 2 * (2 * r - 1) * q * (1 - q), r * (1 - q), r * q * (1 - q),
         r * q * abs(x), u * q * abs(x)]
    return np.stack(f, -1) * (2 * y - 1)[..., None]


# ---- the paper's tables -----------------------------------------------------------------------


def paper_grid():
    """x, y, w, bias of the score in the paper's units, and p(right)."""
    axes = np.arange(-2, 2.01, 0.25), [0, 1], np.linspace(-2, 2, 101), [-1, 0, 1]
    x, y, w, bias = np.meshgrid(*axes, indexing="ij")
    return x, y, w, bias, 1 / (1 + np.exp(-(w * x + bias)))


def weighted_r(a, b, weight):
    c = np.cov(a.ravel(), b.ravel(), aweights=weight.ravel())
    return c[0, 1] / np.sqrt(c[0, 0] * c[1, 1])


def correlation(a, b):
    """None where one of them does not vary: there is no correlation."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) if a.std() > 0 and b.std() > 0 else None


def paper_terms():
    """f of the direct terms over the paper's grid, in its units: dw of the stimulus' weight is f @ coefficients of
    murid's."""
    x, y, _, _, p = paper_grid()
    return direct_terms(x / 2, y, ((x > 0) == (y == 1)) * 1.0, p) * (x / 2)[..., None] / 2


def mean_r_all(true, errors):
    """r_all of coefficients true + errors (draws, terms), its mean."""
    f = paper_terms().reshape(-1, N_DIRECT)
    covariance = np.cov(f.T)
    found = true + errors
    dot, square = found @ covariance @ true, np.einsum("di,ij,dj->d", found, covariance, found)
    return float(np.mean(dot / np.sqrt(square * (true @ covariance @ true))))


def paper_scores(coefficient, true_terms, rate):
    """dw of the stimulus' weight over the paper's grid, coefficient (terms) in murid's units; without
    the memory of earlier trials."""
    _, y, _, _, p = paper_grid()
    f = paper_terms()
    true = f @ (4 * rate * np.array([true_terms.get(name, 0) for name in TERMS[:N_DIRECT]]))
    found = f @ coefficient[:N_DIRECT]
    chance = np.where(y == 1, p, 1 - p)
    by_x = [(dw * chance).sum(axis=1) for dw in (true, found)]
    return {"r_all": correlation(true, found), "r_chance": float(weighted_r(true, found, chance)),
            "r_stim": correlation(*by_x), "rmse": float(np.sqrt(np.mean((found - true)**2)))}


def paper(place, setting, n_animals, stated=()):
    """A table of the paper, all animals or the first n_animals of it; stated: options of the fit."""
    table = os.path.join(place, "table.csv")
    seen = set()
    with gzip.open(os.path.join(VECTORS, f"{setting}.csv.gz"), "rt") as rows, open(table, "w") as f:
        f.write(next(rows))
        for row in rows:
            seen.add(row.split(",", 1)[0])
            if n_animals and len(seen) > n_animals:
                break
            f.write(row)
    fitted = Fitted(table, os.path.join(place, "model.safetensors"), stated=stated)
    scores = paper_scores(fitted.point.coefficient[0, :, 0], CLASSIC["reinforce"], PAPER_RATES[setting])
    return {**scores, "cpu_s": fitted.cpu_s}


# ---- simulated cohorts ------------------------------------------------------------------------


def paper_contrasts():
    """Contrasts whose transform (tanh5) is the paper's x / 2."""
    return np.arctanh(np.arange(-8, 9) / 8 * np.tanh(5)) / 5


def noise_words(about):
    return [f"--noise={about['noise']}", f"--session-noise={about.get('session_noise', 0)}",
            f"--start={about['start']}", f"--start-sd={about['sd']}"]


def simulate(place, rule, about, seed, name="cohort"):
    """Paths of a cohort's table and of the truth behind it."""
    paths = [os.path.join(place, f"{name}{end}") for end in (".csv", "_truth.csv")]
    stimuli = ",".join(f"{c:.9g}" for c in about.get("stimuli", paper_contrasts()))
    murid("simulate", *rule.words(about.get("policy", POLICY)), *noise_words(about), "--mice", about["mice"],
          "--sessions", about.get("sessions", 1), "--trials", about["trials"], f"--stimuli={stimuli}", "--seed",
          seed, "-o", paths[0], "--truth", paths[1])
    return paths


def read_columns(path, names, n):
    with open(path, encoding="utf-8") as f:
        found = []
        for row, _ in zip(csv.DictReader(f), range(n)):
            found.append([float(row[name]) for name in names])
    return np.array(found)


def policy_slopes(x):
    """g of both weights: (..., weights)."""
    return np.stack([x, np.ones_like(x)], -1)


class Traces:
    """What a rule remembers, by draw and animal: e of choices, m of rewards."""

    def __init__(self, rule, n_animals, n_weights=2):
        self.rule = rule
        self.decay, self.memory = rule.decay[:, None, None], rule.memory[:, None, None]
        self.e = np.zeros((len(rule.coefficient), n_animals, n_weights))
        self.m = np.zeros((*self.e.shape[:2], 1))

    def step(self, direct, g, reward, w):
        """dw of each draw at a trial: (draws, animals, weights); direct (..., animals, terms), g (animals,
        weights), reward (animals), w (..., animals, weights)."""
        c = self.rule.coefficient
        dw = np.einsum("...af,...fi->...ai", direct, c[:, :N_DIRECT])
        dw += self.m * np.einsum("...af,...fi->...ai", direct[..., :2], c[:, N_DIRECT:N_DIRECT + 2])
        dw = dw * g + c[:, None, -2] * reward[:, None] * self.e
        return dw - c[:, None, -1] * (w + dw)

    def remember(self, y, p, g, reward):
        """p (..., animals)."""
        self.e = self.decay * self.e + (1 - self.decay) * (y - p)[..., None] * g
        self.m = self.memory * self.m + (1 - self.memory) * (2 * reward[:, None] - 1)


def steps(rule, x, y, reward, w, every):
    """dw of each draw along recorded trials, at every so many of them: (draws, animals, times, weights).
    x, y, reward (animals, trials), w before each trial (animals, trials, weights)."""
    p = 1 / (1 + np.exp(-(w[..., 0] * x + w[..., 1])))
    g = policy_slopes(x)
    direct = direct_terms(x, y, reward, p)
    traces, found = Traces(rule, len(x)), []
    for t in range(x.shape[1]):
        if t % every == 0:
            found.append(traces.step(direct[None, :, t], g[:, t], reward[:, t], w[:, t]))
        traces.remember(y[:, t], p[:, t], g[:, t], reward[:, t])
    return np.stack(found, 2)


def logits(rule, x, y, reward, start):
    """Of each draw, without noise, from the weights start (animals, weights): yields (draws, animals)."""
    w = np.repeat(start[None], len(rule.coefficient), 0)
    g = policy_slopes(x)
    traces = Traces(rule, len(x))
    for t in range(x.shape[1]):
        logit = (w * g[:, t]).sum(-1)
        yield logit
        p = 1 / (1 + np.exp(-logit))
        dw = traces.step(direct_terms(x[:, t], y[:, t], reward[:, t], p), g[:, t], reward[:, t], w)
        traces.remember(y[:, t], p, g[:, t], reward[:, t])
        w = w + dw


def r_limit(true_terms, rate, x, y, reward, start):
    """Mean r_all over the errors of an estimate that no unbiased one can fall below (Cramer and Rao): of the terms
    that are polynomials of q, and of the rule's own others, by weight, where first weights and noise (none) are
    known. 1,000 draws."""
    truth = Rule.stated(true_terms, rate)
    names = [k for k, name in enumerate(TERMS) if k < TERMS.index("rewarded_contrast") or name in true_terms]
    free = [(k, i) for k in names for i in range(len(rate))]
    nudge = 1e-5
    c = np.repeat(truth.coefficient, 2 * len(free), 0)
    for n, (k, i) in enumerate(free):
        c[2 * n, k, i] += nudge
        c[2 * n + 1, k, i] -= nudge
    nudged = Rule(c, np.repeat(truth.decay, len(c)), np.repeat(truth.memory, len(c)))
    information = np.zeros((len(free), len(free)))
    for logit in logits(nudged, x, y, reward, start):
        slope = (logit[0::2] - logit[1::2]) / (2 * nudge)
        p = 1 / (1 + np.exp(-logit.mean(0)))
        information += slope * (p * (1 - p)) @ slope.T
    drawn = np.random.default_rng(0).multivariate_normal(np.zeros(len(free)), np.linalg.inv(information), 1000)
    error = np.zeros((len(drawn), N_DIRECT))
    for n, (k, i) in enumerate(free):
        if i == 0 and k < N_DIRECT:
            error[:, k] = drawn[:, n]
    return mean_r_all(truth.coefficient[0, :N_DIRECT, 0], error)


def cohort(place, setting, rule, seed):
    """A cohort of a classic rule; dw is compared at trials of its first animals."""
    about = SETTINGS[setting]
    truth = Rule.stated(CLASSIC[rule], about["rate"])
    table, truth_table = simulate(place, truth, about, seed)
    fitted = Fitted(table, os.path.join(place, "model.safetensors"))
    scores = paper_scores(fitted.point.coefficient[0, :, 0], CLASSIC[rule], about["rate"][0] / 4)
    everyone = (about["mice"], about["trials"])
    n = everyone[0] * everyone[1]
    contrast, y, reward = read_columns(table, ("stimulus", "choice", "reward"), n).T.reshape(3, *everyone)
    w = read_columns(truth_table, ("stimulus", "bias"), n).reshape(*everyone, 2)
    x = np.tanh(5 * contrast) / np.tanh(5)
    some = slice(0, ANIMALS_SCORED)
    trials = x[some], y[some], reward[some], w[some], max(1, everyone[1] // TRIALS_SCORED)
    true = steps(truth, *trials)[0]
    result = {"r_all": scores["r_all"], "r_limit": None, "cpu_s": fitted.cpu_s, "cover": None, "width": None}
    if about["noise"] == "0":
        result["r_limit"] = r_limit(CLASSIC[rule], about["rate"], x, y, reward, w[:, 0])
    found = steps(fitted.posterior or fitted.point, *trials)
    point = steps(fitted.point, *trials)[0]
    result["r_visited"] = [correlation(true[..., i], point[..., i]) for i in range(2)]
    if fitted.posterior:
        lo, hi = np.percentile(found, [5, 95], axis=0)
        inside = (true >= lo - 1e-9) & (true <= hi + 1e-9)
        result["cover"] = inside.mean(axis=(0, 1)).tolist()
        rms = np.sqrt(np.mean(true[..., 0]**2))
        result["width"] = (np.sqrt(np.mean((hi - lo)**2, axis=(0, 1))) / rms).tolist()
    return result


# ---- indices ----------------------------------------------------------------------------------

# Learners of one size, of which those after errors are a part, or earlier rewards change the size: like trained
# animals in the task with blocks, whose bias moves fast, and too few to tell.
INDEX_COHORTS = {
    "trained": {"mice": 20, "sessions": 16, "trials": 300, "rate": (0.01, 1.5), "start": "3,0", "sd": "0.8,0.9",
                "noise": "0.001,0.3", "session_noise": "0.5,1.5", "weight": "all",
                "stimuli": [-1, -0.25, -0.125, -0.0625, 0, 0.0625, 0.125, 0.25, 1]},
    "few": {"mice": 8, "sessions": 2, "trials": 300, "rate": (0.3, 0.1), "start": "0,0", "sd": "0.3,0.5",
            "noise": "0.005,0.005", "weight": "all"}}
MEMORY_DEPTH = 0.8  # of the step, at a memory of nothing but rewards


def rule_of_asymmetry(asymmetry, rate):
    """The same asymmetry at every w: a part of the step is that of predict_max, as long after errors."""
    plain = 2 * asymmetry / (1 + asymmetry)
    return Rule.stated({"rewarded": plain, "predict_max": 1 - plain}, rate)


def rule_of_memory(trials, rate):
    """Steps that are longer after rewards; earlier rewards count for a mean of so many trials."""
    terms = {"rewarded": 1, "unrewarded": -1 / 3}
    if trials == 0:
        return Rule.stated(terms, rate)
    deep = {f"{name}_memory": MEMORY_DEPTH * value for name, value in terms.items()}
    return Rule.stated({**terms, **deep}, rate, memory=1 - 1 / trials)


RULE_OF = {"asymmetry": rule_of_asymmetry, "history": rule_of_memory}


def said_rule(model, states=None):
    """What murid rule says: {"indices": {weight: {index: {mean, lo, hi}}}, "states": ...}, at given states or
    its own; the indices of what it cannot say are None."""
    words = ["--weights", ",".join(f"{v:.9g}" for w in states for v in w)] if states else []
    return json.loads(murid("rule", model, "--json", *words)[0])


def said_index(said, weight, kind):
    return said["indices"][weight][kind] if said["indices"] else {"mean": None, "lo": None, "hi": None}


def said_memory(said, memory):
    """How many trials a memory lasts: {mean, lo, hi, known}; Nones where it is not said."""
    unknown = {"mean": None, "lo": None, "hi": None, "known": False}
    return said["memory"][memory]["trials"] if said["memory"] else unknown


def index(place, kind, level, about, seed):
    """A cohort of a known index: the true one where the fit was asked, and what is said of it and of how long
    rewards are remembered."""
    truth = RULE_OF[kind](level, about["rate"])
    policy = about.get("policy", POLICY)
    fitted = Fitted(simulate(place, truth, about, seed)[0], os.path.join(place, "model.safetensors"), policy)
    said = said_rule(fitted.path)
    true_model = os.path.join(place, "truth.safetensors")
    murid("model", "--new", *truth.words(policy), "-o", true_model)
    true = said_rule(true_model, [state["w"] for state in said["states"]])
    return {"true": said_index(true, about["weight"], kind)["mean"],
            "said": said_index(said, about["weight"], kind), "memory": said_memory(said, "rewards")}

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


def paper_scores(coefficient, true_terms, rate):
    """dw of the stimulus' weight over the paper's grid, coefficient (terms) in murid's units; without
    the memory of earlier trials."""
    x, y, _, _, p = paper_grid()
    f = direct_terms(x / 2, y, ((x > 0) == (y == 1)) * 1.0, p) * (x / 2)[..., None] / 2
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


def steps(rule, x, y, reward, w, every):
    """dw of each draw along recorded trials, at every so many of them: (draws, animals, times, weights).
    x, y, reward (animals, trials), w before each trial (animals, trials, weights)."""
    p = 1 / (1 + np.exp(-(w[..., 0] * x + w[..., 1])))
    g = np.stack([x, np.ones_like(x)], -1)
    direct = direct_terms(x, y, reward, p)
    c, decay, memory = rule.coefficient, rule.decay[:, None, None], rule.memory[:, None, None]
    shape = (len(c), len(x), g.shape[-1])
    e, m, found = np.zeros(shape), np.zeros(shape[:2] + (1,)), []
    for t in range(x.shape[1]):
        if t % every == 0:
            dw = np.einsum("af,dfi->dai", direct[:, t], c[:, :N_DIRECT])
            dw += m * np.einsum("af,dfi->dai", direct[:, t, :2], c[:, N_DIRECT:N_DIRECT + 2])
            dw = dw * g[None, :, t] + c[:, None, -2] * reward[None, :, t, None] * e
            found.append(dw - c[:, None, -1] * (w[None, :, t] + dw))
        e = decay * e + (1 - decay) * ((y[:, t] - p[:, t])[:, None] * g[:, t])[None]
        m = memory * m + (1 - memory) * (2 * reward[None, :, t, None] - 1)
    return np.stack(found, 2)


def cohort(place, setting, rule, seed):
    """A cohort of a classic rule; dw is compared at trials of its first animals."""
    about = SETTINGS[setting]
    truth = Rule.stated(CLASSIC[rule], about["rate"])
    table, truth_table = simulate(place, truth, about, seed)
    fitted = Fitted(table, os.path.join(place, "model.safetensors"))
    scores = paper_scores(fitted.point.coefficient[0, :, 0], CLASSIC[rule], about["rate"][0] / 4)
    shape = (min(about["mice"], ANIMALS_SCORED), about["trials"])
    n = shape[0] * shape[1]
    contrast, y, reward = read_columns(table, ("stimulus", "choice", "reward"), n).T.reshape(3, *shape)
    w = read_columns(truth_table, ("stimulus", "bias"), n).reshape(*shape, 2)
    trials = np.tanh(5 * contrast) / np.tanh(5), y, reward, w, max(1, shape[1] // TRIALS_SCORED)
    true = steps(truth, *trials)[0]
    result = {"r_all": scores["r_all"], "cpu_s": fitted.cpu_s, "cover": None, "width": None}
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

# Learners of one size, of which those after errors are a part, or earlier rewards change the size: as many as a
# study has, and too few to tell.
INDEX_COHORT = {"mice": 40, "trials": 300, "sessions": 5, "rate": (0.1, 0.05), "start": "0,0",
                "sd": "0.3,0.5", "noise": "0.005,0.005", "weight": "stimulus", "cohorts": 3}
INDEX_COHORTS = {"many": INDEX_COHORT,
                 "few": {**INDEX_COHORT, "mice": 8, "sessions": 2, "rate": (0.3, 0.1), "weight": "all", "cohorts": 20}}
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

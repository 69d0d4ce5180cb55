"""What tests of murid fit share: made-up animals, and a directory to fit them in."""
import hashlib
import json
import math
import os
import random
import subprocess
import tempfile
import unittest

MURID = os.environ["MURID_BIN"]
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # quicker to sync than a disk
SLOW = bool(os.environ.get("MURID_SANITIZED"))
HEADER = "subject,session,trial,stimulus,choice,reward,rt_s\n"


def table(animals=3, n=300, seed=1, less=37):
    """Animals of unequal length that follow the stimulus more and more; each has `less` trials fewer than
    the one before."""
    draw = random.Random(seed)
    rows = [HEADER]
    for a in range(animals):
        for t in range(n - less * a):
            s = draw.choice([-1, -0.5, -0.25, 0, 0.25, 0.5, 1])
            c = int(draw.random() < 1 / (1 + math.exp(-4 * s * t / n)))
            reward = "" if s == 0 else int((s > 0) == bool(c))
            choice = "" if draw.random() < 0.02 else c
            rows.append(f"m{a},{t // 50},{t % 50},{s},{choice},{reward},0.5\n")
    return "".join(rows)


CLASSIC = ("none", "reinforce", "reinforce_base", "reward_max", "predict_max", "eligibility")


def fitting(words):
    """Words of `murid fit`, over what stands there, without options that the rule has no use for."""
    words = list(words)
    drop = []
    if "--rule" in words and words[words.index("--rule") + 1] in CLASSIC and "--cv" not in words:
        drop += ["--hidden", "--layers", "--weight-decay"]
    if "none" in (words[i + 1] for i, w in enumerate(words) if w == "--filter"):
        drop += ["--filter-rate"]
    kept = [w for i, w in enumerate(words) if w not in drop and (i == 0 or words[i - 1] not in drop)]
    return ["--force", *kept]


class Table(unittest.TestCase):
    MODE = []

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(dir=MEMORY)
        self.addCleanup(self.directory.cleanup)
        self.data = self.path("data.csv")
        with open(self.data, "w") as f:
            f.write(table())

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def run_fit(self, *words, stdin=None):
        return subprocess.run([MURID, "fit", *fitting([*self.MODE, *words])], input=stdin, capture_output=True, text=True,
                              timeout=300)

    def fit(self, name, *words):
        done = self.run_fit(self.data, "-o", self.path(name),
                            *([] if "--hidden" in words else ["--hidden", "16"]), *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.digest(name)

    def digest(self, name):
        with open(self.path(name), "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()

    def losses(self, name):
        with open(self.path(name)) as f:
            lines = f.read().splitlines()
        self.assertEqual(lines[0], "epoch,nats_per_trial")
        epochs, nats = zip(*(line.split(",") for line in lines[1:]))
        self.assertEqual(list(map(int, epochs)), list(range(len(epochs))))
        return list(map(float, nats))


def tensors(path):
    """Bytes of each tensor of a model file, by name."""
    with open(path, "rb") as f:
        content = f.read()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + size])
    return {name: content[8 + size:][slice(*t["data_offsets"])] for name, t in header.items()
            if name != "__metadata__"}

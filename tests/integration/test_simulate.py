"""murid simulate and the demo animal that was made with it."""
import csv
import json
import math
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
import unittest

MURID = os.environ["MURID_BIN"]
ROOT = os.environ["MURID_SOURCE_DIR"]
DEMO = os.path.join(ROOT, "configs", "demo")


def murid(*words):
    return subprocess.run([MURID, *words], capture_output=True, timeout=300)


def rows(data):
    return list(csv.DictReader(data.decode().splitlines()))


def recorded_commands():
    """The commands of configs/demo/README.md, as lists of words after `murid`."""
    with open(os.path.join(DEMO, "README.md")) as f:
        text = f.read().replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in re.findall(r"^    (murid .*)$", text, re.M)]


class Simulate(unittest.TestCase):
    def test_writes_what_was_asked_for(self):
        done = murid("simulate", "--mice", "3", "--sessions", "2", "--trials", "40", "--seed", "9",
                     "--stimuli=-1,-0.5,0,0.5,1", "--rule", "reinforce", "--rate", "0.05")
        self.assertEqual(done.returncode, 0, done.stderr)
        got = rows(done.stdout)
        self.assertEqual(len(got), 240)
        self.assertEqual([(r["subject"], r["session"], r["trial"]) for r in got],
                         [(f"vm{m:02}", str(s), str(t)) for m in (1, 2, 3) for s in (1, 2)
                          for t in range(40)])
        for r in got:
            self.assertIn(float(r["stimulus"]), (-1, -0.5, 0, 0.5, 1))
            self.assertIn(r["choice"], ("0", "1"))
            if float(r["stimulus"]) != 0:
                self.assertEqual(r["side"], str(int(float(r["stimulus"]) > 0)))
            self.assertEqual(float(r["reward"]), float(r["side"] == r["choice"]))
            self.assertTrue(0.2 <= float(r["rt_s"]) < 60)
        self.assertEqual({r["side"] for r in got if float(r["stimulus"]) == 0}, {"0", "1"})

    def test_an_animal_does_not_depend_on_the_others(self):
        words = ["simulate", "--sessions", "2", "--trials", "50", "--seed", "4"]
        two, five = murid(*words, "--mice", "2"), murid(*words, "--mice", "5")
        self.assertTrue(five.stdout.startswith(two.stdout))
        other = murid(*words[:-1], "5", "--mice", "2")
        self.assertNotEqual(two.stdout, other.stdout)

    def test_choices_follow_the_true_policy_that_truth_tells(self):
        with tempfile.TemporaryDirectory() as d:
            truth = os.path.join(d, "truth.csv")
            done = murid("simulate", "--mice", "10", "--trials", "1000", "--rule", "reinforce",
                         "--rate", "0.03", "--policy", "stimulus,bias", "--truth", truth)
            with open(truth, "rb") as f:
                true = rows(f.read())
        got = rows(done.stdout)
        self.assertEqual(len(got), len(true))
        z = var = 0.0
        for g, t in zip(got, true):
            p = float(t["p_right"])
            x = math.tanh(5 * float(g["stimulus"])) / math.tanh(5)
            a = float(t["stimulus"]) * x + float(t["bias"])
            self.assertAlmostEqual(p, 1 / (1 + math.exp(-a)), places=6)
            z += int(g["choice"]) - p
            var += p * (1 - p)
        self.assertLess(abs(z) / math.sqrt(var), 5)

    def cohort(self, *words):
        """A cohort's table and its truth, row by row, and the residuals of each change of weight
        within a session: w after - w before - what the stated rule says."""
        with tempfile.TemporaryDirectory() as d:
            truth = os.path.join(d, "truth.csv")
            done = murid("simulate", "--policy", "stimulus,bias", "--truth", truth, *words)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(truth, "rb") as f:
                true = rows(f.read())
        return rows(done.stdout), true

    @staticmethod
    def stated_dw(rule, rate, row, p, g, trace, w):
        y, r, s = int(row["choice"]), float(row["reward"]), int(row["side"])
        if rule == "reinforce":
            return rate * r * (y - p) * g
        if rule == "reinforce_base":
            return rate * (r - 0.3) * (y - p) * g
        if rule == "reward_max":
            return 2 * rate * (2 * s - 1) * p * (1 - p) * g
        if rule == "predict_max":
            return rate * (s - p) * g
        if rule == "eligibility":
            trace[0] = 0.8 * trace[0] + 0.2 * (y - p) * g
            return rate * r * trace[0]
        if rule == "basis":
            q, e, m = (1 - p if y else p), trace[0], trace[1]
            trace[0] = 0.8 * e + 0.2 * (y - p) * g
            trace[1] = 0.7 * m + 0.3 * (2 * r - 1)
            learned = (2 * y - 1) * g * (rate * r * q - 0.01 * (1 - r) * q * m) + 0.02 * r * e
            return learned - 0.005 * (w + learned)
        return 0.0

    def residuals(self, rule, *words):
        got, true = self.cohort("--rule", rule, "--mice", "4", "--sessions", "2", "--trials", "800",
                              "--session-noise", "0", "--start", "0.5,-0.5", "--start-sd", "0.3",
                              *words)
        self.assertEqual(len(true), 4 * 2 * 800)
        left, traces = [], {}
        for now, w, after in zip(got, true, true[1:]):
            x = math.tanh(5 * float(now["stimulus"])) / math.tanh(5)
            for name, g in (("stimulus", x), ("bias", 1.0)):
                trace = traces.setdefault((w["subject"], name), [0.0, 0.0])
                dw = self.stated_dw(rule, 0.03, now, float(w["p_right"]), g, trace,
                                    float(w[name]))
                if w["subject"] == after["subject"]:
                    left.append(float(after[name]) - float(w[name]) - dw)
        return left

    def test_a_herd_of_every_rule_learns_as_stated(self):
        for rule in ("none", "reinforce", "reinforce_base", "reward_max", "predict_max",
                     "eligibility", "basis"):
            words = {"none": [], "reinforce_base": ["--rate", "0.03", "--baseline", "0.3"],
                     "eligibility": ["--rate", "0.03", "--decay", "0.8"],
                     "basis": ["--terms", "rewarded=0.03,unrewarded_memory=-0.01,trace=0.02:0.02,forgetting=0.005",
                               "--decay", "0.8", "--memory", "0.7"]}.get(
                         rule, ["--rate", "0.03"])
            still = self.residuals(rule, "--noise", "0", *words)
            self.assertLess(max(map(abs, still)), 1e-7, rule)
            noisy = self.residuals(rule, "--noise", "0.01", *words)
            n = len(noisy)
            mean, var = sum(noisy) / n, sum(v * v for v in noisy) / n
            print(f"{rule}: {n} changes of weight, noise sd {math.sqrt(var):.5f}")
            self.assertLess(abs(mean), 5 * 0.01 / math.sqrt(n), rule)
            self.assertLess(abs(var / 1e-4 - 1), 5 * math.sqrt(2 / n), rule)

    def test_a_spread_of_rates_makes_some_animals_learn_faster(self):
        words = ("--rule", "reinforce", "--rate", "0.02", "--mice", "200", "--trials", "2")
        factors = [float(t["rate_factor"]) for t in self.cohort(*words, "--rate-spread", "0.4")[1]][::2]
        logs = [math.log(f) for f in factors]
        self.assertEqual(len(set(logs)), 200)
        mean = sum(logs) / 200
        sd = math.sqrt(sum((v - mean) ** 2 for v in logs) / 199)
        self.assertLess(abs(mean), 5 * 0.4 / math.sqrt(200))
        self.assertLess(abs(sd - 0.4), 5 * 0.4 / math.sqrt(400))
        self.assertEqual({t["rate_factor"] for t in self.cohort(*words)[1]}, {"1"})
        got, true = self.cohort("--rule", "reinforce", "--rate", "0.02", "--rate-spread", "0.4",
                              "--mice", "3", "--trials", "300", "--noise", "0")
        for now, w, after in zip(got, true, true[1:]):
            if w["subject"] == after["subject"]:
                dw = 0.02 * float(w["rate_factor"]) * float(now["reward"]) * (
                    int(now["choice"]) - float(w["p_right"]))
                self.assertAlmostEqual(float(after["bias"]) - float(w["bias"]), dw, places=7)

    def test_a_learner_gets_better_and_another_does_not(self):
        def correct(rule):
            rate = [] if rule == "none" else ["--rate", "0.05"]
            done = murid("simulate", "--mice", "20", "--trials", "1000", "--rule", rule, *rate, "--start", "0", "--start-sd", "0", "--noise", "0.001",
                         "--session-noise", "0", "--stimuli=-1,1", "--policy", "stimulus,bias")
            late = [r for r in rows(done.stdout) if int(r["trial"]) >= 800]
            return sum(float(r["reward"]) for r in late) / len(late)
        self.assertGreater(correct("reinforce"), 0.9)
        self.assertLess(correct("none"), 0.6)

    def test_stops_cleanly_when_interrupted(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "out.csv")
            p = subprocess.Popen([MURID, "simulate", "--mice", "1000000", "--trials", "1000000",
                                  "-o", path], stderr=subprocess.PIPE, text=True)
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and not (
                    os.listdir(d) and os.path.getsize(os.path.join(d, os.listdir(d)[0])) > 1e6):
                time.sleep(0.05)
            p.send_signal(signal.SIGINT)
            said = p.communicate(timeout=20)[1]
            self.assertEqual(p.returncode, 1)
            self.assertRegex(said, r"(?m)^murid: interrupted after \d+ trials$")
            self.assertEqual(os.listdir(d), [])

    def test_wrong_words_are_named_and_end_with_2(self):
        for words in (["--rule", "osmosis"], ["--rate", "-1"], ["--mice", "0"], ["--stimuli", "2"],
                      ["--noise", "0.1,0.2"], ["--policy", "smell"], ["--seed", "-3"], ["extra"],
                      ["--rate-spread", "0.3"], ["--rule", "reinforce", "--rate-spread", "-1"],
                      ["--model", "x.safetensors", "--rate", "0.1"]):
            done = murid("simulate", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertRegex(done.stderr.decode(), r"^murid: .+\n$")
            self.assertEqual(done.stdout, b"")
        done = murid("simulate", "-o", "/nonexistent/x.csv")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"/nonexistent/x.csv: cannot be written", done.stderr)
        done = murid("simulate", "-o", "/dev/full")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/dev/full: cannot be written", done.stderr)


SHIPPED = os.path.join(ROOT, "configs", "models", "mice.safetensors")


class Demo(unittest.TestCase):
    def test_the_recorded_commands_make_the_same_files(self):
        commands = recorded_commands()
        self.assertEqual({c[0] for c in commands}, {"simulate"})
        for words in commands:
            with tempfile.TemporaryDirectory() as d:
                at = words.index("-o") + 1
                kept = os.path.join(ROOT, words[at])
                words[at] = os.path.join(d, "again")
                done = murid(*words)
                self.assertEqual(done.returncode, 0, done.stderr)
                with open(kept, "rb") as a, open(words[at], "rb") as b:
                    self.assertEqual(a.read(), b.read(), kept)

    def test_the_animal_visibly_learns(self):
        with open(os.path.join(DEMO, "virtual_mouse.csv"), "rb") as f:
            got = rows(f.read())
        sessions = sorted({int(r["session"]) for r in got})
        self.assertGreaterEqual(len(sessions), 4)
        correct = []
        for s in (sessions[0], sessions[-1]):
            mine = [float(r["reward"]) for r in got if int(r["session"]) == s]
            correct.append(sum(mine) / len(mine))
        self.assertLess(correct[0], 0.65)
        self.assertGreater(correct[1], 0.78)

    def test_its_twin_beats_the_random_walk(self):
        done = murid("eval", os.path.join(DEMO, "virtual_mouse.csv"), "--model",
                     SHIPPED, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        pooled = json.loads(done.stdout)["pooled"]
        print("twin", pooled["nats"], "random walk", pooled["baseline_nats"])
        self.assertLess(pooled["nats"], pooled["baseline_nats"])
        self.assertLess(pooled["baseline_nats"], math.log(2))


if __name__ == "__main__":
    unittest.main()

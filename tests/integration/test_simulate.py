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

    def test_a_learner_gets_better_and_another_does_not(self):
        def correct(rule):
            done = murid("simulate", "--mice", "20", "--trials", "1000", "--rule", rule, "--rate",
                         "0.05", "--start", "0", "--start-sd", "0", "--noise", "0.001",
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
                    os.path.exists(path) and os.path.getsize(path) > 1e6):
                time.sleep(0.05)
            p.send_signal(signal.SIGINT)
            said = p.communicate(timeout=20)[1]
            self.assertEqual(p.returncode, 1)
            n = int(re.search(r"^murid: interrupted; the first (\d+) trials are written$", said,
                              re.M).group(1))
            with open(path, "rb") as f:
                data = f.read()
        self.assertTrue(data.endswith(b"\n"))
        self.assertEqual(data.count(b"\n"), n + 1)

    def test_wrong_words_are_named_and_end_with_2(self):
        for words in (["--rule", "osmosis"], ["--rate", "-1"], ["--mice", "0"], ["--stimuli", "2"],
                      ["--noise", "0.1,0.2"], ["--policy", "smell"], ["--seed", "-3"], ["extra"],
                      ["--model", "x.safetensors", "--rate", "0.1"]):
            done = murid("simulate", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertRegex(done.stderr.decode(), r"^murid: .+\n$")
            self.assertEqual(done.stdout, b"")
        done = murid("simulate", "-o", "/nonexistent/x.csv")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/nonexistent/x.csv: cannot be written", done.stderr)
        done = murid("simulate", "-o", "/dev/full")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/dev/full: cannot be written", done.stderr)


class Demo(unittest.TestCase):
    def test_the_recorded_commands_make_the_same_files(self):
        commands = recorded_commands()
        self.assertEqual({c[0] for c in commands}, {"simulate", "model"})
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
                     os.path.join(DEMO, "twin.safetensors"), "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        pooled = json.loads(done.stdout)["pooled"]
        print("twin", pooled["nats"], "random walk", pooled["baseline_nats"])
        self.assertLess(pooled["nats"], pooled["baseline_nats"])
        self.assertLess(pooled["baseline_nats"], math.log(2))


if __name__ == "__main__":
    unittest.main()

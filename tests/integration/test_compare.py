"""murid compare: simulated animals whose rule is known, tables that cannot tell, and what is written."""
import csv
import json
import math
import os
import signal
import subprocess
import tempfile
import unittest

import skips
from daemon import MURID

QUIET = ["--policy", "stimulus,bias", "--noise", "0.01", "--session-noise", "0", "--start-sd", "1"]
POLICY = ["--policy", "stimulus,bias"]
CLASSIC = ["reinforce", "reinforce_base", "reward_max", "predict_max", "eligibility"]
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Compare(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(dir=MEMORY)
        cls.animals = {}
        for name, rule, mice, sessions, seed in (("reinforce", ["reinforce", "--rate", "0.1"], 10, 4, 2),
                                                 ("predict_max", ["predict_max", "--rate", "0.1"], 10, 4, 1),
                                                 ("none", ["none"], 10, 4, 1),
                                                 ("tiny", ["reinforce", "--rate", "0.05"], 3, 1, 1)):
            cls.animals[name] = cls.path(name + ".csv")
            subprocess.run([MURID, "simulate", "--rule", *rule, *QUIET, "--mice", str(mice), "--sessions", str(sessions),
                            "--trials", "250" if sessions > 1 else "100", "--seed", str(seed), "-o",
                            cls.animals[name]], check=True, capture_output=True)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.directory.name, name)

    def compare(self, *words, code=0):
        done = subprocess.run([MURID, "compare", *words, *POLICY], capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def found(self, *words):
        return json.loads(self.compare(*words, "--json").stdout)

    def posterior(self, found):
        return {f["name"]: f["posterior"] for f in found["families"]}

    def test_the_rule_of_simulated_animals_is_named(self):
        found = self.found("reinforce", "predict_max", "reward_max", self.animals["reinforce"])
        self.assertRegex(found["verdict"][0], r"^Of the rules compared these animals follow reinforce \(posterior 0\.9")
        self.assertRegex(found["verdict"][1], r"^Steps after errors are 0\.0[01] of those after correct trials")
        found = self.found(*CLASSIC, self.animals["predict_max"])
        self.assertRegex(found["verdict"][0], r"animals follow predict_max \(posterior 0\.9|animals follow predict_max \(posterior 1")
        self.assertRegex(" ".join(found["verdict"]), r"Steps after errors are 1\.00 .*A rule without memory explains as much")

    def test_all_families_together_put_the_true_rule_and_those_that_contain_it_first(self):
        found = self.found(self.animals["reinforce"])
        posterior = self.posterior(found)
        self.assertLessEqual({"none", *CLASSIC, "basis"}, set(posterior))
        self.assertAlmostEqual(sum(posterior.values()), 1, places=6)
        self.assertGreater(posterior["reinforce"] + posterior["reinforce_base"], 0.7)
        self.assertIn("reinforce (", found["verdict"][0])
        self.assertLess(posterior["predict_max"], 0.01)

    def test_animals_without_a_rule_are_not_said_to_follow_one(self):
        found = self.found("reinforce", "predict_max", self.animals["none"])
        self.assertGreater(self.posterior(found)["none"], 0.15)  # 0.05 before these animals, of 0.3
        said = " ".join(found["verdict"])
        self.assertNotIn("these animals follow", said)
        self.assertRegex(said, "do not show that they learn|Whether they learn at all is not known|show no learning")

    def test_large_noise_is_not_taken_for_learning(self):
        path = self.path("noisy.csv")
        subprocess.run([MURID, "simulate", "--rule", "none", *POLICY, "--session-noise", "1", "--mice", "12", "--sessions",
                        "20", "--trials", "120", "--seed", "3", "-o", path], check=True, capture_output=True)
        found = self.found("predict_max", "reinforce", path)
        likelihoods = {f["name"]: f["log_likelihood"] for f in found["families"]}
        self.assertLess(max(likelihoods.values()) - likelihoods["none"], 4)  # 2 parameters: 1 is expected
        self.assertNotIn("these animals follow", " ".join(found["verdict"]))

    def test_a_few_trials_cannot_tell_and_it_is_said_what_would(self):
        found = self.found(self.animals["tiny"])
        self.assertRegex(found["verdict"][0], r"These animals do not show that they learn: .* gains [0-3]\.. nats on none")
        self.assertTrue(found["verdict"][1].startswith("These animals do not tell apart: "))
        self.assertRegex(found["verdict"][2], "more trials|no number of trials of this kind is known to suffice")
        self.assertRegex(" ".join(found["verdict"]), r"Their predictions differ (most at a contrast|by less)")
        self.assertIn("separation", found)

    def test_each_animal_alone_has_a_posterior_that_follows_from_its_likelihood(self):
        found = self.found("reinforce", "predict_max", self.animals["reinforce"])
        names = [f["name"] for f in found["families"]]
        self.assertEqual(names, ["none", "reinforce", "predict_max"])
        for name in names:
            total = sum(s["log_likelihood"][names.index(name)] for s in found["subjects"].values())
            self.assertAlmostEqual(total, found["families"][names.index(name)]["log_likelihood"], delta=0.01)
        for subject in found["subjects"].values():
            weights = [math.exp(x - max(subject["log_likelihood"])) * f["prior"]
                       for x, f in zip(subject["log_likelihood"], found["families"])]
            for got, weight in zip(subject["posterior"], weights):
                self.assertAlmostEqual(got, weight / sum(weights), places=6)

    def test_animals_that_are_copies_of_each_other_are_warned_of(self):
        with open(self.animals["tiny"]) as f:
            rows = list(csv.DictReader(f))
        path = self.write([{**r, "subject": r["subject"] + copy} for copy in "abcd" for r in rows])
        done = self.compare("reinforce", path)
        self.assertRegex(done.stderr, r"\Amurid: warning: the animals' choices are not independent: 12 animals carry the "
                                      r"information of [2-4]\.\d; intervals are widened accordingly\n\Z")

    def write(self, rows):
        path = self.path("made.csv")
        with open(path, "w", newline="") as f:
            writer = csv.DictWriter(f, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    def test_what_is_missing_is_named_and_there_is_no_verdict(self):
        with open(self.animals["reinforce"]) as f:
            rows = list(csv.DictReader(f))
        tables = {"only 60 choices; at least 200": [r for r in rows if int(r["trial"]) < 6 and r["session"] == "1"],
                  "one animal; ": [r for r in rows if r["subject"] == "vm01"],
                  "every choice was rewarded": [{**r, "reward": 1} for r in rows],
                  "no choice was rewarded": [{**r, "reward": 0} for r in rows],
                  "no choice was wrong": [{**r, "choice": r["side"], "reward": 1} for r in rows],
                  "stimuli of one value": [r for r in rows if r["stimulus"] == "0"],
                  "10000 of 10000 choices without a known reward": [{**r, "reward": "", "side": ""} for r in rows]}
        for said, table in tables.items():
            with self.subTest(missing=said):
                done = self.compare("reinforce", self.write(table))
                told = done.stdout.split("\nNo verdict:\n")
                self.assertEqual(len(told), 2, done.stdout)
                self.assertIn(said, told[1])
                self.assertEqual(self.found("reinforce", self.path("made.csv"))["verdict"], [])
                fit = subprocess.run([MURID, "fit", self.path("made.csv"), "--rule", "basis", *POLICY, "--force", "-o",
                                      self.path("m")], capture_output=True, text=True)
                self.assertIn(f"murid: warning: {said}", fit.stderr)

    def test_held_out_animals_are_predicted_as_by_murid_fit(self):
        table = self.animals["tiny"]
        found = self.found("reinforce", "basis", table, "--cv", "3", "--seed", "4")
        scores = {m["name"]: m for m in found["held_out"]}
        self.assertEqual(list(scores), ["none", "reinforce", "basis", "psychometric", "chance"])
        self.assertIsNone(scores["none"]["gain"])
        for name in ("reinforce", "basis"):
            s = scores[name]
            self.assertAlmostEqual(s["gain"], scores["none"]["nats"] - s["nats"], places=9)
            self.assertTrue(s["gain_lo"] <= s["gain"] <= s["gain_hi"], s)
        fit = subprocess.run([MURID, "fit", table, "--rule", "reinforce", *POLICY, "--cv", "3", "--seed", "4", "--json",
                              "--csv", self.path("cv.csv")], capture_output=True, text=True, check=True)
        alone = {m["name"]: m["nats"] for m in json.loads(fit.stdout)["models"]}
        self.assertEqual(scores["reinforce"]["nats"], alone["reinforce"])
        self.assertEqual(scores["psychometric"]["nats"], alone["psychometric"])

    def test_the_output_does_not_depend_on_threads_and_the_tables_agree(self):
        outputs = []
        for threads in ("1", "2", "5"):
            made = [self.path(f"{threads}.{end}") for end in ("csv", "svg")]
            done = self.compare("reinforce", "predict_max", self.animals["tiny"], "--cv", "2", "--csv", made[0], "--plot",
                                made[1], "--threads", threads)
            outputs.append([done.stdout] + [open(m).read() for m in made])
        self.assertEqual(outputs[0], outputs[1])
        self.assertEqual(outputs[0], outputs[2])
        rows = list(csv.DictReader(outputs[0][1].splitlines()))
        self.assertEqual([r["level"] for r in rows], ["family"] * 3 + ["subject"] * 9 + ["held_out"] * 5)
        found = self.found("reinforce", "predict_max", self.animals["tiny"])
        for row, family in zip(rows, found["families"]):
            self.assertAlmostEqual(float(row["posterior"]), family["posterior"], places=8)
        self.assertIn("</svg>", outputs[0][2])

    def test_an_interrupt_ends_with_1_and_leaves_nothing(self):
        before = sorted(os.listdir(self.directory.name))
        process = subprocess.Popen([MURID, "compare", "rnn", self.animals["reinforce"], "--cv", "5", "--csv",
                                    self.path("never.csv")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   cwd=self.directory.name)
        try:
            process.communicate(timeout=2)
            self.fail("ended before it was told to")
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (1, ""), err)
        self.assertRegex(err, r"(?m)^murid: interrupted.*nothing was written$")
        self.assertEqual(sorted(os.listdir(self.directory.name)), before)


if __name__ == "__main__":
    skips.main()

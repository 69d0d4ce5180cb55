"""murid eval: what it prints for tables made here, and the figures on the real one if it is there."""
import json
import math
import os
import random
import subprocess
import tempfile
import unittest

import skips

MURID = os.environ["MURID_BIN"]
DATA = os.path.join(os.environ["MURID_SOURCE_DIR"], "..", "shared", "data", "mice_train.csv")
HEADER = "subject,session,trial,stimulus,choice,reward,rt_s\n"


def run(*words, stdin=None):
    return subprocess.run([MURID, "eval", *words], input=stdin, capture_output=True, text=True,
                          timeout=300)


def scores(*words, stdin=None):
    done = run(*words, "--json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def table(subject, n, seed):
    """Rows of an animal that follows the stimulus more and more."""
    draw = random.Random(seed)
    rows = []
    for t in range(n):
        s = draw.choice([-1, -0.5, 0, 0.5, 1])
        p = 1 / (1 + math.exp(-4 * s * t / n))
        c = int(draw.random() < p)
        reward = "" if s == 0 else int((s > 0) == bool(c))
        rows.append(f"{subject},{t // 50},{t % 50},{s},{c},{reward},0.5\n")
    return rows


class Eval(unittest.TestCase):
    def test_pooled_is_the_mean_over_trials(self):
        text = HEADER + "".join(table("m1", 300, 1) + table("m2", 100, 2))
        got = scores("-", stdin=text)
        self.assertEqual(list(got), ["pooled", "subjects"])
        self.assertEqual(list(got["subjects"]), ["m1", "m2"])
        m1, m2, pooled = got["subjects"]["m1"], got["subjects"]["m2"], got["pooled"]
        self.assertEqual((m1["n"], m2["n"], pooled["n"]), (300, 100, 400))
        for key in ("nats", "accuracy", "brier"):
            mean = (300 * m1[key] + 100 * m2[key]) / 400
            self.assertAlmostEqual(pooled[key], mean, places=9)
        self.assertLess(pooled["nats"], math.log(2))
        self.assertTrue(0 <= pooled["ece"] <= 1)

    def test_calibration_is_told_by_bins(self):
        text = HEADER + "".join(table("m1", 900, 11) + table("m2", 30, 12))
        got = scores("-", stdin=text)
        for s in (got["pooled"], *got["subjects"].values()):
            self.assertEqual(sum(b["n"] for b in s["reliability"]), s["n"])
            ece = sum(b["n"] * abs(b["p_right"] - b["chose_right"]) for b in s["reliability"]) / s["n"]
            self.assertAlmostEqual(s["ece"], ece, places=9)
            self.assertEqual(s["outside"], 0)
        m1, m2, pooled = got["subjects"]["m1"], got["subjects"]["m2"], got["pooled"]
        self.assertTrue(m1["coverage_bins"] > 20 and 0.7 < m1["coverage"] <= 1, m1)
        n = m1["coverage_bins"] + m2["coverage_bins"]
        self.assertEqual(pooled["coverage_bins"], n)
        covered = sum(s["coverage_bins"] * (s["coverage"] or 0) for s in (m1, m2))
        self.assertAlmostEqual(pooled["coverage"], covered / n, places=9)

    def test_interleaved_animals_score_as_apart(self):
        one, two = table("m1", 200, 3), table("m2", 200, 4)
        apart = scores("-", stdin=HEADER + "".join(one + two))
        mixed = scores("-", stdin=HEADER + "".join(a + b for a, b in zip(one, two)))
        self.assertEqual(apart["subjects"], mixed["subjects"])

    def test_adapted_rules_follow_an_animal_that_wanders_more_than_others(self):
        draw, bias, rows = random.Random(8), 0.0, []
        for t in range(2500):
            s = draw.choice([-1, -0.5, 0, 0.5, 1])
            bias = 0.9 * bias + draw.gauss(0, 1.0)
            c = int(draw.random() < 1 / (1 + math.exp(-2 * s - bias)))
            rows.append(f"m1,{t // 500},{t % 500},{s},{c},{int((s > 0) == bool(c))},0.5\n")
        text = HEADER + "".join(rows)
        plain = scores("-", "--adapt", "off", stdin=text)
        own = scores("-", "--adapt", "rules", stdin=text)
        self.assertEqual(plain, scores("-", stdin=text))
        self.assertEqual(own, scores("-", "--adapt", "rules", stdin=text))
        self.assertEqual(own["adaptations"]["tried"], 10)
        self.assertGreater(own["adaptations"]["taken"], 5)
        self.assertLess(own["pooled"]["nats"], plain["pooled"]["nats"] - 0.001)

    def test_an_animal_is_not_adapted_to_before_it_is_known(self):
        text = HEADER + "".join(table("m1", 249, 3) + table("m2", 249, 4))
        got = scores("-", "--adapt", "rules", stdin=text)
        self.assertEqual(got.pop("adaptations"), {"tried": 0, "taken": 0})
        self.assertEqual(got, scores("-", stdin=text))

    def test_words_that_nothing_is_adapted_by_are_refused(self):
        for words in ("stacks", "rules,", "rules,x", ""):
            done = run("-", "--adapt", words, stdin=HEADER + "m1,1,0,0.5,1,1,\n")
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("stack, rules, nets, on or off", done.stderr)

    def test_no_goes_are_not_scored(self):
        got = scores("-", stdin=HEADER + "m1,1,0,0.5,,,\nm1,1,1,0.5,1,1,\n")
        self.assertEqual(got["pooled"]["n"], 1)

    def test_an_animal_without_choices_has_no_score(self):
        got = scores("-", stdin=HEADER + "m1,1,0,0.5,,,\n")
        self.assertEqual(got["pooled"]["n"], 0)
        self.assertIsNone(got["pooled"]["nats"])

    def test_the_first_choice_is_predicted_by_chance(self):
        got = scores("-", stdin=HEADER + "m1,1,0,0.5,1,1,\n")
        self.assertAlmostEqual(got["pooled"]["nats"], math.log(2), places=9)

    def test_people_get_a_table(self):
        done = run("-", stdin=HEADER + "".join(table("mouse_with_a_long_name", 60, 5)))
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["subject", "trials", "nats", "walk", "chance",
                                            "accuracy", "brier", "ece", "covered", "ratio"])
        self.assertEqual(lines[1].split()[:2], ["mouse_with_a_long_name", "60"])
        self.assertEqual(lines[2].split()[0], "pooled")
        self.assertEqual(lines[2].split()[4], "0.6931")

    def test_wrong_input_is_named_and_ends_with_2(self):
        for text, expected in (
                (HEADER + "m1,1,0,0.5,7,,\n",
                 'murid: standard input:2: column choice: "7" is not 0, 1 or empty: write 1 for right, '
                 '0 for left, nothing for none'),
                (HEADER, "murid: standard input: no trials; rows under the header were expected"),
                ("a,b\n", "murid: standard input:1: no column subject; subject, session, trial, "
                          "stimulus and choice were expected"),
                (HEADER + "".join(f"s{i},1,0,0.5,1,,\n" for i in range(4097)),
                 "murid: standard input:4098: more than 4096 subjects in one table")):
            done = run("-", stdin=text)
            self.assertEqual((done.returncode, done.stderr, done.stdout), (2, expected + "\n", ""))
        for words in ([], ["a", "b"], ["-", "--policy", "smell"], ["-", "--nonsense"],
                      ["/nonexistent.csv"], ["-", "--model", "/nonexistent.safetensors"]):
            done = run(*words, stdin=HEADER + "m1,1,0,0.5,1,,\n")
            self.assertIn(done.returncode, (1, 2), words)
            self.assertRegex(done.stderr, r"^murid: .+\n$")
            self.assertEqual(done.stdout, "")

    def bank(self, directory, *members, share="0.01"):
        """A bank of models made by `murid model --new` with those words."""
        paths = []
        for i, words in enumerate(members):
            paths.append(os.path.join(directory, f"{i}.safetensors"))
            subprocess.run([MURID, "model", "--new", *words, "--policy", "stimulus,bias", "-o",
                            paths[-1]], check=True, capture_output=True)
        path = os.path.join(directory, "bank.safetensors")
        subprocess.run([MURID, "model", "--join", *paths, "--share", share, "-o", path], check=True,
                       capture_output=True)
        return path, paths

    def test_a_bank_and_what_its_members_add(self):
        text = HEADER + "".join(table("m1", 600, 7) + table("m2", 400, 8))
        with tempfile.TemporaryDirectory() as directory:
            path, paths = self.bank(directory, ["--noise", "0.01"], ["--noise", "0.1"],
                                    ["--rule", "reinforce", "--rate", "0.05"])
            got = scores("-", "--model", path, "--members", stdin=text)
            without = scores("-", "--model", path, stdin=text)
            alone = [scores("-", "--model", p, stdin=text)["pooled"]["nats"] for p in paths]
            left_out = []
            for i in range(3):
                rest = [p for k, p in enumerate(paths) if k != i]
                smaller = os.path.join(directory, "smaller.safetensors")
                subprocess.run([MURID, "model", "--join", *rest, "--share", "0.01", "-o", smaller,
                                "--force"],
                               check=True, capture_output=True)
                left_out.append(scores("-", "--model", smaller, "--adapt", "off",
                                       stdin=text)["pooled"]["nats"])
            shown = run("-", "--model", path, "--members", stdin=text).stdout
            plain = scores("-", "--model", path, "--adapt", "off", stdin=text)
        self.assertEqual(list(got), ["pooled", "subjects", "members"])
        self.assertEqual({k: got[k] for k in ("pooled", "subjects")}, without)
        self.assertEqual([m["rule"] for m in got["members"]], ["none", "none", "reinforce"])
        self.assertAlmostEqual(sum(m["weight"] for m in got["members"]), 1.0, places=8)
        for member, nats, rest in zip(got["members"], alone, left_out):
            self.assertAlmostEqual(member["nats"], nats, places=8)
            self.assertAlmostEqual(member["adds"], rest - plain["pooled"]["nats"], places=8)
        # The bound of docs/model.md, section bank: two animals, 600 and 400 choices.
        bound = min(alone) + (2 * math.log(3) - 1000 * math.log(0.99)) / 1000
        self.assertLessEqual(plain["pooled"]["nats"], bound)
        self.assertNotEqual(got["pooled"]["nats"], plain["pooled"]["nats"])
        self.assertIn("member rule                nats   weight     adds\n", shown)
        self.assertEqual(len(shown.splitlines()), 4 + 5)

    def test_a_part_of_a_bank_is_that_bank_without_the_others(self):
        text = HEADER + "".join(table("m1", 400, 11))
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for i, rule in enumerate(("none", "reinforce", "predict_max")):
                paths.append(os.path.join(directory, f"{i}.safetensors"))
                rate = [] if rule == "none" else ["--rate", "0.05"]
                subprocess.run([MURID, "model", "--new", "--rule", rule, *rate, "-o", paths[-1]],
                               check=True, capture_output=True)
            banks = []
            for name, members in (("all", paths), ("two", paths[::2])):
                banks.append(os.path.join(directory, name + ".safetensors"))
                subprocess.run([MURID, "model", "--join", *members, "-o", banks[-1]], check=True,
                               capture_output=True)
            part = scores("-", "--model", banks[0], "--bank", "none,predict_max", stdin=text)
            whole = scores("-", "--model", banks[1], stdin=text)
            for rules, words in (("rnn", "has no member"), ("none,x", '"x"'), ("", '""')):
                done = run("-", "--model", banks[0], "--bank", rules, stdin=text)
                self.assertEqual(done.returncode, 2, rules)
                self.assertIn(words, done.stderr)
            self.assertEqual(run("-", "--bank", "none", stdin=text).returncode, 2)
        self.assertEqual(part, whole)

    def test_a_single_model_is_a_bank_of_one(self):
        text = HEADER + "".join(table("m1", 100, 9))
        got = scores("-", "--members", stdin=text)
        self.assertEqual(got["members"], [{"rule": "none", "nats": got["pooled"]["nats"],
                                           "weight": 1, "adds": None}])

    def test_memory_stays_flat_however_long_the_table_is(self):
        rows = "".join(table("m1", 20000, 6))
        peaks = []
        with tempfile.TemporaryDirectory() as directory:
            for times in (1, 20):
                path = os.path.join(directory, f"{times}.csv")
                with open(path, "w") as f:
                    f.write(HEADER)
                    for _ in range(times):
                        f.write(rows)
                script = ("import resource, subprocess, sys; "
                          "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
                          "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
                done = subprocess.run(["/usr/bin/python3", "-c", script, MURID, "eval", path],
                                      capture_output=True, text=True, check=True)
                peaks.append(int(done.stdout))
        print("peak resident KiB:", peaks)
        self.assertLess(peaks[1] - peaks[0], 1024)

    def test_reaches_the_figures_on_seventeen_mice(self):
        if not os.path.exists(DATA):
            self.skipTest("../shared/data absent")
        for policy, bound in (("stimulus,bias", 0.5425), ("stimulus,bias,prev_choice", 0.5405)):
            got = scores(DATA, "--policy", policy)
            print(policy, got["pooled"])
            self.assertEqual(got["pooled"]["n"], 94031)
            self.assertEqual(len(got["subjects"]), 17)
            self.assertLessEqual(got["pooled"]["nats"], bound)


if __name__ == "__main__":
    skips.main()

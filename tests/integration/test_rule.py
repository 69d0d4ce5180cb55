"""murid rule: what a learning rule says, as indices, table and figure."""
import csv
import json
import math
import os
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

MURID = os.environ["MURID_BIN"]
COLUMNS = ["member", "rule", "quantity", "weight", "state", "w", "history", "outcome", "stimulus",
           "value", "lo", "hi"]
BANK = ["reinforce.safetensors", "rnn1.safetensors", "rnn2.safetensors"]
T90_OF_TWO = 6.313751515  # t of one degree of freedom


COHORT = ["--rule", "reinforce", "--policy", "stimulus,bias", "--seed", "12"]


def figure_of(path):
    """The texts of an SVG, and its paths."""
    svg = "{http://www.w3.org/2000/svg}"
    root = ElementTree.parse(path).getroot()
    assert root.tag == svg + "svg"
    return [t.text or "" for t in root.iter(svg + "text")], list(root.iter(svg + "path"))


class Rule(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.TemporaryDirectory()
        for name, words in (("reinforce", ["--rule", "reinforce", "--rate", "0.05"]),
                            ("faster", ["--rule", "reinforce", "--rate", "0.07"]),
                            ("eligibility", ["--rule", "eligibility", "--rate", "0.05"]),
                            ("basis", ["--rule", "basis", "--terms", "rewarded=0.05,rewarded_memory=0.02"]),
                            ("none", [])):
            cls.run_murid("model", "--new", *words, "--policy", "stimulus,bias", "-o",
                          cls.path(name + ".safetensors"))
        cls.run_murid("model", "--new", "--rule", "reinforce", "-o", cls.path("wide.safetensors"))
        cls.run_murid("simulate", *COHORT, "--rate", "0.2", "--noise", "0.01", "--session-noise", "0.1", "--mice",
                      "40", "--sessions", "2", "--trials", "250", "-o", cls.path("cohort.csv"))
        cls.fit("cohort.csv", "fitted.safetensors", "--rule", "basis")
        for seed in ("1", "2", "3"):
            cls.run_murid("fit", cls.path("cohort.csv"), "--preset", "paper", "--rule", "rnn", "--hidden", "8", "--epochs", "5", "--rate",
                          "0.01", "--seed", seed, "-o", cls.path(f"rnn{seed}.safetensors"))
        cls.run_murid("model", "--join", *[cls.path(f) for f in BANK], "-o",
                      cls.path("bank.safetensors"))

    @classmethod
    def tearDownClass(cls):
        cls.dir.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.dir.name, name)

    @classmethod
    def run_murid(cls, *words):
        done = subprocess.run([MURID, *words], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @classmethod
    def fit(cls, table, model, *words):
        cls.run_murid("fit", cls.path(table), "--policy", "stimulus,bias", "-o", cls.path(model),
                      "--force", *words)

    def ask(self, *words):
        return self.run_murid("rule", *(self.path(w) if w.endswith(".safetensors") else w
                                        for w in words))

    def table(self, *words):
        out = self.path("out.csv")
        self.ask(*words, "--csv", out)
        with open(out, encoding="utf-8") as f:
            got = list(csv.DictReader(f))
        self.assertEqual(list(got[0]), COLUMNS)
        return got

    def refuse(self, code, expected, *words):
        done = subprocess.run([MURID, "rule", *words], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"^murid: [^\n]+\n$")
        self.assertRegex(done.stderr, expected)

    def test_the_table_holds_the_closed_form(self):
        got = self.table("reinforce.safetensors", "--weights", "0.5,-0.25,2,1")
        self.assertEqual(len(got), 2 * 2 * 3 * 2 * 20)
        for row in got:
            w = [float(v) for v in row["w"].split(";")]
            x = float(row["stimulus"])
            p = 1 / (1 + math.exp(-(w[0] * x + w[1])))
            g = x if row["weight"] == "stimulus" else 1.0
            expected = 0.05 * ((x > 0) - p) * g if row["outcome"] == "correct" else 0.0
            self.assertAlmostEqual(float(row["value"]), expected, places=9)
            self.assertEqual((row["rule"], row["quantity"], row["lo"], row["hi"]),
                             ("reinforce", "dw", "", ""))
        self.assertEqual({r["w"] for r in got}, {"0.5;-0.25", "2;1"})
        self.assertEqual({r["history"] for r in got}, {"settled", "rewarded", "unrewarded"})

    def test_an_ensemble_has_means_and_intervals_over_its_members(self):
        got = self.table("reinforce.safetensors", "faster.safetensors", "--weights", "0,0")
        cell = [r for r in got if (r["weight"], r["history"], r["outcome"], r["stimulus"]) ==
                ("stimulus", "settled", "correct", "1")]
        self.assertEqual([r["member"] for r in cell],
                         [self.path("reinforce.safetensors"), self.path("faster.safetensors"),
                          "mean"])
        self.assertEqual([float(r["value"]) for r in cell], [0.025, 0.035, 0.03])
        half = T90_OF_TWO * 0.005
        self.assertAlmostEqual(float(cell[2]["lo"]), 0.03 - half, places=8)
        self.assertAlmostEqual(float(cell[2]["hi"]), 0.03 + half, places=8)

    def test_one_model_has_indices_and_no_interval(self):
        said = json.loads(self.ask("reinforce.safetensors", "--json"))
        self.assertIsNone(said["interval"])
        for name in ("stimulus", "bias", "all"):
            self.assertEqual(said["indices"][name],
                             {"asymmetry": {"mean": 1, "lo": None, "hi": None, "known": True},
                              "history": {"mean": 0, "lo": None, "hi": None, "known": True}})
        self.assertFalse(said["has_memory"])
        text = self.ask("reinforce.safetensors")
        self.assertIn("no interval", text)
        self.assertIn("no memory", text)
        self.assertIn("--plot FILE.svg", text)

    def test_nets_of_several_seeds_have_memory_and_intervals(self):
        said = json.loads(self.ask("rnn1.safetensors", "rnn2.safetensors", "rnn3.safetensors",
                                   "--json"))
        self.assertEqual(len(said["models"]), 3)
        self.assertTrue(said["has_memory"])
        self.assertEqual(said["interval_of"], "seeds")
        self.assertIn("no statement about animals", said["interval"])
        self.assertEqual({s["name"] for s in said["states"]}, {"visited"})
        self.assertEqual(len(said["states"]), 64)
        for index in said["indices"]["all"].values():
            self.assertTrue(-1 < index["lo"] < index["mean"] < index["hi"] < 1, index)
        self.assertNotEqual(said["indices"]["all"]["history"]["mean"], 0)

    def test_eligibility_learns_more_from_a_success_after_successes(self):
        got = self.table("eligibility.safetensors", "--history", "6", "--weights", "0,0")
        value = {(r["history"], r["stimulus"]): float(r["value"]) for r in got
                 if r["weight"] == "stimulus" and r["outcome"] == "correct"}
        for x in ("-1", "-0.5", "0.5", "1"):
            self.assertGreater(value["rewarded", x], value["settled", x])
            self.assertGreater(value["settled", x], value["unrewarded", x])

    def test_basis_learns_more_from_a_success_after_rewards(self):
        said = json.loads(self.ask("basis.safetensors", "--json"))
        self.assertTrue(said["has_memory"])
        self.assertGreater(said["indices"]["all"]["history"]["mean"], 0.1)
        self.assertEqual(said["indices"]["all"]["asymmetry"]["mean"], 1)
        self.assertIn("(2y - 1) g", self.ask("basis.safetensors"))

    def test_the_memory_of_basis_has_a_quantity_and_a_length(self):
        said = json.loads(self.ask("basis.safetensors", "--json"))["memory"]
        self.assertAlmostEqual(said["rewards"]["trials"]["mean"], 5, places=9)  # a memory of 0.8 by default
        self.assertEqual(said["choices"]["trials"], {"mean": None, "lo": None, "hi": None, "known": False})
        self.assertEqual(said["choices"]["all"]["mean"], 0)
        text = self.ask("basis.safetensors")
        self.assertRegex(text, r"\nmemory\n  of rewards +lasts 5 trials\n  of choices +none\n")
        said = json.loads(self.ask("fitted.safetensors", "--json"))["memory"]
        for memory in said.values():
            if memory["trials"]["mean"] is not None:
                self.assertTrue(1 <= memory["trials"]["lo"] <= memory["trials"]["mean"] <= memory["trials"]["hi"], memory)
        for weight in ("stimulus", "bias", "all"):
            part = said["choices"][weight]
            self.assertTrue(-1 <= part["lo"] <= part["mean"] <= part["hi"] <= 1, part)
        self.assertIsNone(json.loads(self.ask("eligibility.safetensors", "--json"))["memory"])
        self.assertNotIn("\nmemory\n", self.ask("reinforce.safetensors"))

    def test_a_rule_that_does_not_learn_says_so(self):
        self.assertIn("does not learn", self.ask("none.safetensors"))
        said = json.loads(self.ask("none.safetensors", "--json"))
        self.assertIsNone(said["indices"]["all"]["asymmetry"]["mean"])
        self.assertEqual({float(r["value"]) for r in self.table("none.safetensors")}, {0.0})

    def test_a_rule_of_a_bank_is_an_ensemble_of_its_members(self):
        apart = json.loads(self.ask("rnn1.safetensors", "rnn2.safetensors", "--json"))
        together = json.loads(self.ask("bank.safetensors", "--rule", "rnn", "--json"))
        self.assertEqual(apart["indices"], together["indices"])
        self.assertEqual(len(together["models"]), 2)
        self.refuse(2, r"bank\.safetensors: has reinforce, rnn, rnn; one rule was expected: "
                       r"choose one with --rule", self.path("bank.safetensors"))
        self.refuse(2, r"one rule was expected", self.path("bank.safetensors"), "--rule", "dnn")

    def test_without_visited_weights_it_asks_at_naive_to_trained_ones(self):
        said = json.loads(self.ask("eligibility.safetensors", "--json"))
        self.assertEqual([s["w"] for s in said["states"]], [[0, 0], [1, 0], [2, 0]])
        self.assertEqual(said["missing"], [])

    def test_the_figure_is_valid_and_has_its_panels_and_titles(self):
        for models, has_bands in ((["none.safetensors"], False), (["reinforce.safetensors"], False),
                                  ([f"rnn{s}.safetensors" for s in "123"], True),
                                  (["fitted.safetensors"], True)):
            prefix = self.path("figure")
            self.ask(*models, "--csv", prefix + ".csv", "--plot", prefix + ".svg")
            texts, paths = figure_of(prefix + ".svg")
            self.assertEqual(texts.count("stimulus x"), 2)
            self.assertTrue({"Δw of stimulus", "Δw of bias", "after a correct trial", "asymmetry",
                             "history", "after an error"} <= set(texts), texts)
            lines = [p for p in paths if p.get("class") in ("line c0", "line c1") and
                     p.get("d").count("L") > 1]
            self.assertEqual(len(lines), 2 * 2 * 2)  # outcomes, sides, weights
            for p in lines:
                self.assertRegex(p.get("d"), r"^M[-\d. L]+$")
            bands = [p for p in paths if p.get("class").startswith("band")]
            self.assertEqual(len(bands), len(lines) if has_bands else 0)
            self.assertTrue(os.path.exists(prefix + ".csv"))

    def test_the_posterior_of_a_cohort_holds_the_true_indices(self):
        said = json.loads(self.ask("fitted.safetensors", "--json"))
        self.assertEqual((said["interval_of"], said["members"], len(said["models"])),
                         ("posterior", 200, 1))
        w = ",".join(repr(v) for s in said["states"] for v in s["w"])
        true = json.loads(self.ask("reinforce.safetensors", "--json", f"--weights={w}"))
        for weight, indices in said["indices"].items():
            for name, index in indices.items():
                expected = true["indices"][weight][name]["mean"]
                self.assertLessEqual(index["lo"] - 1e-6, expected, (weight, name, index))
                self.assertGreaterEqual(index["hi"] + 1e-6, expected, (weight, name, index))
        index = said["indices"]["all"]["asymmetry"]
        self.assertGreater(index["mean"], 0.5)
        self.assertGreater(index["lo"], -0.5)
        self.assertEqual(index["known"], index["hi"] - index["lo"] <= 1)
        text = self.ask("fitted.safetensors")
        self.assertIn("draws from the posterior", text)
        self.assertIn("64 weights w that the animals of the fit had", text)

    def test_the_posterior_s_table_has_an_interval_around_each_curve(self):
        got = self.table("fitted.safetensors")
        self.assertEqual(len(got), 2 * 3 * 2 * 20)
        for row in got:
            self.assertEqual((row["member"], row["state"], row["w"]), ("mean", "visited", ""))
            self.assertLessEqual(float(row["lo"]), float(row["hi"]))
        wide = [r for r in got if r["outcome"] == "correct" and r["stimulus"] == "1" and
                r["history"] == "settled"]
        for row in wide:
            self.assertTrue(0 < float(row["lo"]) < float(row["value"]) < float(row["hi"]), row)

    def test_an_index_that_the_animals_leave_open_is_not_known(self):
        self.run_murid("simulate", *COHORT[:-1], "8", "--rate", "0.05", "--mice", "8", "--sessions", "1", "--trials", "260",
                       "-o", self.path("few.csv"))
        self.fit("few.csv", "few.safetensors", "--rule", "basis")
        said = json.loads(self.ask("few.safetensors", "--json"))["indices"]["all"]["asymmetry"]
        self.assertGreater(said["hi"] - said["lo"], 1)
        self.assertFalse(said["known"])
        self.assertRegex(self.ask("few.safetensors"),
                         r"  all +not known: the interval spans \[[-+]\d\.\d+, [-+]\d\.\d+\]\n")
        self.ask("few.safetensors", "--plot", self.path("few.svg"))
        self.assertIn("not known", figure_of(self.path("few.svg"))[0])

    def test_a_few_animals_do_not_say_what_they_do_not_know(self):
        """Eight animals of reinforce: their fit can follow them in ways that no other animal confirms."""
        held = {"asymmetry": 0, "history": 0}
        for seed in range(101, 109):
            for name, index in self.of_eight_animals(seed).items():
                held[name] += index["lo"] - 1e-6 <= (name == "asymmetry") <= index["hi"] + 1e-6
        self.assertGreaterEqual(held["asymmetry"], 5)
        self.assertGreaterEqual(held["history"], 7)

    def of_eight_animals(self, seed):
        self.run_murid("simulate", "--rule", "basis", "--terms", "rewarded=0.3:0.1", "--policy", "stimulus,bias", "--seed",
                       str(seed), "--noise", "0.005,0.005", "--session-noise", "0", "--start", "0,0", "--start-sd", "0.3,0.5",
                       "--mice", "8", "--sessions", "2", "--trials", "300", "-o", self.path("eight.csv"), "--force")
        self.fit("eight.csv", "eight.safetensors", "--rule", "basis", "--mirror", "off")
        return json.loads(self.ask("eight.safetensors", "--json"))["indices"]["all"]

    def test_what_a_table_lacks_is_named_instead_of_an_index(self):
        with open(self.path("cohort.csv"), encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        right = [r for r in rows if float(r["reward"]) > 0]
        cases = {"no errors, only rewarded trials": right,
                 "one animal, fewer than 2000 choices": [r for r in rows if r["subject"] == rows[0]["subject"]],
                 "unknown rewards": [dict(r, reward="") for r in rows],
                 "one stimulus value": [dict(r, stimulus="0.5", side="1") for r in rows]}
        for expected, kept in cases.items():
            table = self.path("lacking.csv")
            with open(table, "w", newline="", encoding="utf-8") as f:
                writer = csv.DictWriter(f, rows[0].keys())
                writer.writeheader()
                writer.writerows(kept)
            self.fit("lacking.csv", "lacking.safetensors", "--rule", "reinforce")
            said = json.loads(self.ask("lacking.safetensors", "--json"))
            self.assertEqual(", ".join(said["missing"]), expected)
            self.assertIsNone(said["indices"])
            self.assertIn(f"no index: the table of the fit had {expected}\n",
                          self.ask("lacking.safetensors"))
            self.ask("lacking.safetensors", "--plot", self.path("lacking.svg"))
            texts = figure_of(self.path("lacking.svg"))[0]
            self.assertNotIn("asymmetry", texts)
            self.assertTrue(set(expected.split(", ")) <= set(texts))

    def test_a_bootstrap_says_the_percentiles_of_its_members(self):
        self.fit("cohort.csv", "boot.safetensors", "--rule", "predict_max", "--bootstrap", "4",
                 "--seed", "3", "--threads", "1")
        self.fit("cohort.csv", "again.safetensors", "--rule", "predict_max", "--bootstrap", "4",
                 "--seed", "3", "--threads", "2")
        with open(self.path("boot.safetensors"), "rb") as a, \
                open(self.path("again.safetensors"), "rb") as b:
            self.assertEqual(a.read(), b.read())
        members = self.run_murid("model", self.path("boot.safetensors"))
        self.assertEqual(len(re.findall(r"animals: \w+", members)), 4)
        self.assertRegex(members, r"animals: .* x[23]")
        said = json.loads(self.ask("boot.safetensors", "--json"))
        self.assertEqual((said["interval_of"], said["members"]), ("bootstrap", 4))
        self.assertIn("drawn with replacement", said["interval"])
        got = self.table("boot.safetensors")
        cells = {}
        for row in got:
            key = tuple(row[k] for k in ("weight", "history", "outcome", "stimulus"))
            cells.setdefault(key, []).append(row)
        for rows in cells.values():
            values = sorted(float(r["value"]) for r in rows[:4])
            self.assertEqual(len({r["member"] for r in rows[:4]}), 4)
            self.assertEqual(rows[4]["member"], "mean")
            for end, share in (("lo", 0.05), ("hi", 0.95)):
                at = share * 3
                low = min(int(at), 2)
                expected = values[low] + (at - low) * (values[low + 1] - values[low])
                self.assertAlmostEqual(float(rows[4][end]), expected, places=7)

    def test_a_bootstrap_excludes_what_it_does_not_go_with(self):
        for words in (["--seeds", "2"], ["--hold-out", "2"]):
            done = subprocess.run([MURID, "fit", self.path("cohort.csv"), "-o", self.path("x.st"),
                                   "--rule", "rnn", "--bootstrap", "3", *words],
                                  capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, r"^murid: --bootstrap[^\n]+\n$")

    def test_what_is_wrong_is_named(self):
        good = self.path("reinforce.safetensors")
        missing = self.path("missing.safetensors")
        self.refuse(2, "an argument is missing")
        self.refuse(2, r"missing\.safetensors: ", missing)
        self.refuse(2, r"rnn1\.safetensors: rule rnn of policy stimulus,bias .*reinforce of "
                       r"stimulus,bias .*expected, as in .*reinforce\.safetensors", good,
                    self.path("rnn1.safetensors"))
        self.refuse(2, r"wide\.safetensors: rule reinforce of policy stimulus,bias,prev_choice",
                    good, self.path("wide.safetensors"))
        self.refuse(2, "the same model", good, good)
        self.refuse(2, "--weights: 3 numbers; 2 for each state", good, "--weights", "1,2,3")
        self.refuse(2, "--history", good, "--history", "9")
        self.refuse(2, "/nonexistent/x.csv: cannot be written", good, "--csv", "/nonexistent/x.csv")
        junk = self.path("junk.safetensors")
        with open(junk, "wb") as f:
            f.write(b"\xff" * 64)
        self.refuse(2, r"junk\.safetensors: ", junk)


if __name__ == "__main__":
    unittest.main()

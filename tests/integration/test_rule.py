"""murid rule: what a learning rule says, as indices, table and figure."""
import csv
import json
import math
import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

MURID = os.environ["MURID_BIN"]
ROOT = os.environ["MURID_SOURCE_DIR"]
DEMO = os.path.join(ROOT, "configs", "demo", "virtual_mouse.csv")
COLUMNS = ["member", "rule", "quantity", "weight", "state", "w", "history", "outcome", "stimulus",
           "value", "lo", "hi"]
BANK = ["reinforce.safetensors", "rnn1.safetensors", "rnn2.safetensors"]
T90_OF_TWO = 6.313751515  # t of one degree of freedom


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
        for seed in ("1", "2", "3"):
            cls.run_murid("fit", DEMO, "--preset", "paper", "--rule", "rnn", "--hidden", "8", "--epochs", "20", "--rate",
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
                             {"asymmetry": {"mean": 1, "lo": None, "hi": None},
                              "history": {"mean": 0, "lo": None, "hi": None}})
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
        self.assertEqual([s["w"] for s in said["states"]], [[0, 0], [1, 0], [2, 0]])
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

    def test_the_figure_is_valid_and_has_its_panels_and_titles(self):
        for models, rows, curves in ((["none.safetensors"], 2, 4), (["reinforce.safetensors"], 2, 4),
                                     (["eligibility.safetensors"], 4, 12),
                                     ([f"rnn{s}.safetensors" for s in "123"], 4, 12)):
            prefix = self.path("figure")
            self.ask(*models, "--csv", prefix + ".csv", "--plot", prefix + ".svg")
            svg = "{http://www.w3.org/2000/svg}"
            root = ElementTree.parse(prefix + ".svg").getroot()
            self.assertEqual(root.tag, svg + "svg")
            texts = [t.text or "" for t in root.iter(svg + "text")]
            self.assertEqual(texts.count("stimulus x"), 3 * rows)
            self.assertEqual(sum(t.startswith("Δw of bias (log odds)") for t in texts), rows // 2)
            self.assertEqual({"correct", "error"} & set(texts), {"correct", "error"})
            lines = [p for p in root.iter(svg + "path") if p.get("class").startswith("line")]
            self.assertEqual(len(lines), 3 * 2 * 2 * curves // 2)  # states, sides, weights
            for p in lines:
                self.assertRegex(p.get("d"), r"^M[-\d. L]+$")
            bands = [p for p in root.iter(svg + "path") if p.get("class").startswith("band")]
            self.assertEqual(len(bands), len(lines) if len(models) > 1 else 0)
            self.assertTrue(os.path.exists(prefix + ".csv"))

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

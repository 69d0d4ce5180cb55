"""murid model: showing a file and writing one."""
import json
import os
import subprocess
import tempfile
import unittest

MURID = os.environ["MURID_BIN"]


def murid(*words):
    return subprocess.run([MURID, *words], capture_output=True, text=True, timeout=60)


class Model(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.directory.name, "m.safetensors")

    def tearDown(self):
        self.directory.cleanup()

    def new(self, *words):
        return murid("model", "--new", *words, "-o", self.path)

    def test_shows_what_was_written(self):
        done = self.new("--rule", "reinforce_base", "--rate", "0.02", "--baseline", "0.4",
                        "--policy", "stimulus,bias", "--noise", "0.03,0.01", "--session-noise",
                        "0.2", "--start", "0.5,-1", "--start-sd", "2", "--note", 'say "hello"')
        self.assertEqual(done.returncode, 0, done.stderr)
        digest = done.stdout.split()[0]
        self.assertRegex(digest, "^[0-9a-f]{16}$")
        got = json.loads(murid("model", self.path, "--json").stdout)
        self.assertEqual(got["hash"], digest)
        self.assertEqual(got["rule"], "reinforce_base")
        self.assertEqual(got["policy"], ["stimulus", "bias"])
        self.assertEqual(got["transform"], "tanh5")
        self.assertEqual(got["rate"], [0.02, 0.02])
        self.assertEqual(got["baseline"], [0.4, 0.4])
        self.assertEqual(got["prior_mean"], [0.5, -1])
        self.assertEqual(got["prior_var"], [4, 4])
        for value, expected in zip(got["drift_var"] + got["session_var"],
                                   (0.0009, 0.0001, 0.04, 0.04)):
            self.assertAlmostEqual(value, expected, places=15)
        self.assertEqual(got["metadata"]["note"], 'say "hello"')
        self.assertIn("shape", next(iter(got["tensors"].values())))
        shown = murid("model", self.path)
        self.assertEqual(shown.returncode, 0)
        for text in (digest, "reinforce_base", "dw = a (r - b) (y - p) g", "stimulus,bias",
                     'say "hello"', "tanh5"):
            self.assertIn(text, shown.stdout)

    def test_shows_the_terms_of_basis_that_are_not_0(self):
        done = self.new("--rule", "basis", "--terms", "rewarded=0.05,trace=0.01:-0.02,unrewarded=0", "--decay", "0.7",
                        "--policy", "stimulus,bias")
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = murid("model", self.path).stdout
        self.assertRegex(shown, r"(?m)^term +formula +stimulus +bias$")
        self.assertRegex(shown, r"(?m)^rewarded +r q +0\.05 +0\.05$")
        self.assertRegex(shown, r"(?m)^trace +r e +0\.01 +-0\.02$")
        self.assertNotRegex(shown, r"(?m)^(unrewarded|forgetting) ")
        self.assertIn("memory m of rewards: 0.8 a trial", shown)
        got = json.loads(murid("model", self.path, "--json").stdout)
        self.assertEqual(len(got["terms"]), 12)
        self.assertEqual(got["terms"]["trace"], [0.01, -0.02])
        self.assertEqual(got["terms"]["unrewarded"], [0, 0])
        self.assertEqual((got["memory"], got["decay"]), (0.8, [0.7, 0.7]))
        self.assertEqual(got["tensors"]["rule.coefficient"]["shape"], [12, 2])
        done = self.new("--rule", "reinforce", "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("terms", json.loads(murid("model", self.path, "--json").stdout))

    def test_without_words_it_is_the_built_in_random_walk(self):
        self.assertEqual(self.new().returncode, 0)
        table = os.path.join(os.environ["MURID_SOURCE_DIR"], "configs", "demo",
                             "virtual_mouse.csv")
        pooled = json.loads(murid("eval", table, "--model", self.path, "--json").stdout)["pooled"]
        self.assertEqual(pooled["nats"], pooled["baseline_nats"])

    def test_wrong_words_write_nothing_and_end_with_2(self):
        for words in (["--rule", "osmosis"], ["--rule", "rnn"], ["--rate", "x"],
                      ["--policy", "stimulus,stimulus"], ["--noise", "1,2"], ["--noise", "-1"],
                      ["--start-sd", "0"], ["--rule", "basis"], ["--terms", "rewarded=1"], ["--note", "x" * 600], ["extra"]):
            done = self.new(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertRegex(done.stderr, r"^murid: .+\n$")
            self.assertFalse(os.path.exists(self.path))
        for words in ([], ["--new"], [self.path, "--rate", "0.1"], [self.path, "-o", "x"],
                      ["/nonexistent.safetensors"]):
            done = murid("model", *words)
            self.assertIn(done.returncode, (1, 2), words)
            self.assertRegex(done.stderr, r"^murid: .+\n$")

    def test_models_are_joined_to_a_bank(self):
        names = []
        for i, words in enumerate((["--rule", "reinforce", "--rate", "0.03"], [])):
            names.append(os.path.join(self.directory.name, f"{i}.safetensors"))
            self.assertEqual(murid("model", "--new", *words, "--note", f"number {i}", "-o",
                                   names[-1]).returncode, 0)
        done = murid("model", "--join", *names, "--share", "0.02", "--temper", "0.5", "--note",
                     "both", "-o", self.path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        got = json.loads(murid("model", self.path, "--json").stdout)
        self.assertEqual(got["hash"], done.stdout.split()[0])
        self.assertEqual((got["rule"], got["share"], got["temper"]), ("bank", 0.02, 0.5))
        self.assertEqual([(m["rule"], m["prior"], m["rate"]) for m in got["members"]],
                         [("reinforce", 0.5, [0.03] * 3), ("none", 0.5, [0] * 3)])
        self.assertEqual((got["metadata"]["note"], got["metadata"]["1.note"]),
                         ("both", "number 1"))
        for path, member in zip(names, got["members"]):
            one = json.loads(murid("model", path, "--json").stdout)
            for key in ("rule", "rate", "prior_var", "drift_var", "session_var"):
                self.assertEqual(member[key], one[key])
        shown = murid("model", self.path).stdout
        self.assertIn("bank: 2 members, share 0.02, temper 0.5", shown)
        self.assertRegex(shown, r"\n1 +none +- +- +- +0\.5000  number 1\n")

    def test_models_that_cannot_be_joined_are_named(self):
        other = os.path.join(self.directory.name, "other.safetensors")
        bank = os.path.join(self.directory.name, "bank.safetensors")
        self.assertEqual(self.new().returncode, 0)
        self.assertEqual(murid("model", "--new", "--policy", "bias", "-o", other).returncode, 0)
        done = murid("model", "--join", self.path, other, "-o", bank)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, f"murid: {other}: policy bias, transform tanh5; "
                         "stimulus,bias,prev_choice, tanh5 expected, as the first model's: the "
                         "members of a bank share one policy\n")
        for words in (["--join", self.path, "-o", bank], ["--join", self.path, self.path],
                      ["--join", self.path, self.path, "--share", "0.9", "-o", bank],
                      ["--join", self.path, self.path, "--rule", "none", "-o", bank],
                      ["--join", self.path, "/nonexistent", "-o", bank],
                      ["--join", *[self.path] * 25, "-o", bank],
                      ["--new", "--share", "0.1", "-o", bank], [self.path, "--share", "0.1"]):
            done = murid("model", *words)
            self.assertIn(done.returncode, (1, 2), words)
            self.assertRegex(done.stderr, r"^murid: .+\n$")
            self.assertFalse(os.path.exists(bank), words)

    def test_a_file_that_is_no_model_is_named(self):
        with open(self.path, "wb") as f:
            f.write(b"\xff" * 100)
        done = murid("model", self.path)
        self.assertEqual(done.returncode, 2)
        self.assertIn(self.path, done.stderr)
        self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()

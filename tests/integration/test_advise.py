"""`murid advise`: of tables and journals, when it advises and when it abstains, bad input."""
import csv
import json
import os
import re
import subprocess
import tempfile
import unittest
import xml.dom.minidom

from daemon import MURID, Daemon

SOURCE = os.environ["MURID_SOURCE_DIR"]
STAGED = os.path.join(SOURCE, "configs/protocols/staged_2afc.yaml")


def murid(*arguments, code=0):
    done = subprocess.run([MURID, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done
    return done.stdout if code == 0 else done.stderr


class Advise(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def model(self, rule="reinforce", start="0"):
        """A bank of a rule and of the same walk without it."""
        words = ["--policy", "stimulus,bias", "--start", start, "--start-sd", "0.3", "--noise",
                 "0.01", "--session-noise", "0.01"]
        words += ["--force"]
        rate = [] if rule == "none" else ["--rate", "0.05"]
        murid("model", "--new", "--rule", rule, *rate, *words, "-o", self.path("a"))
        murid("model", "--new", *words, "-o", self.path("b"))
        murid("model", "--join", self.path("a"), self.path("b"), "-o", self.path("bank"), "--force")
        return self.path("bank")

    def animal(self, rule, start="0", sessions="4"):
        rate = ["--rate", "0.05"] if rule != "none" else []
        murid("simulate", "--rule", rule, *rate, "--policy", "stimulus,bias", "--start", start,
              "--noise", "0.005", "--session-noise", "0.005", "--protocol", STAGED, "--mice", "1",
              "--sessions", sessions, "--seed", "3", "-o", self.path("animal.csv"))
        return self.path("animal.csv")

    def advise(self, data, *more):
        return json.loads(murid("advise", data, "--protocol", STAGED, "--json", *more))

    def test_a_learner_that_knows_the_easy_stimuli_is_to_see_harder_ones(self):
        table = self.animal("reinforce", sessions="1")
        said = self.advise(table, "--model", self.model(), "--at", "240", "--stage", "easy")
        self.assertFalse(said["abstain"], said["why"])
        self.assertEqual(said["reason"], "advises")
        self.assertGreater(said["p_learns"], 0.9)
        best = said["actions"][0]
        self.assertIn(best["action"], ("harder", "contrast", "stimuli", "stage_up"))
        self.assertGreater(best["gain"], 0.0)
        self.assertLessEqual(best["gain_lo"], best["gain"])
        self.assertAlmostEqual(best["correct"] - said["carry_on"]["correct"], best["gain"], 6)
        gains = [a["gain"] for a in said["actions"] if a["is_final"]]
        self.assertEqual(len(gains), 4)

    def test_an_animal_that_does_not_learn_gets_no_advice(self):
        table = self.animal("none", start="1.2,0", sessions="8")
        said = self.advise(table, "--model", self.model())
        self.assertTrue(said["abstain"])
        self.assertEqual(said["reason"], "not_learning")
        self.assertLess(said["p_learns"], 0.1)

    def test_what_came_is_beside_what_was_expected(self):
        table = self.animal("reinforce", sessions="3")
        with open(table, newline="") as f:
            rows = list(csv.DictReader(f))
        said = self.advise(table, "--model", self.model(), "--at", "300", "--horizon", "150")
        self.assertEqual(said["came"]["trials"], 150)
        self.assertAlmostEqual(said["came"]["reward"],
                               sum(float(r["reward"]) for r in rows[300:450]) / 150, 9)
        self.assertLess(said["carry_on"]["reward_lo"], said["carry_on"]["reward_hi"])
        last = self.advise(table, "--model", self.model())
        self.assertEqual(last["came"]["trials"], 0)
        self.assertIsNone(last["came"]["reward"])

    def test_only_what_is_allowed_is_proposed(self):
        table = self.animal("reinforce", sessions="1")
        said = self.advise(table, "--model", self.model(), "--allowed", "side,stop")
        self.assertEqual({a["action"] for a in said["actions"]}, {"side", "stop"})

    def test_a_journal_says_what_its_table_says_and_twice_the_same(self):
        table = self.animal("reinforce", sessions="1")
        model = self.model()
        with open(table, newline="") as f:
            rows = list(csv.DictReader(f))
        with Daemon() as daemon:
            rig = daemon.asker()
            for r in rows:
                reply = rig.ask(v=1, kind="trial", rig="r1", subject=r["subject"],
                                session=r["session"], trial=int(r["trial"]),
                                stimulus=float(r["stimulus"]), choice=int(r["choice"]),
                                reward=int(r["reward"]), side=int(r["side"]))
                self.assertEqual(reply["kind"], "prediction", reply)
            daemon.settle()
            by_journal = self.advise(daemon.data, "--model", model, "--at", "200")
        self.assertEqual(by_journal, self.advise(table, "--model", model, "--at", "200"))

    def test_a_journal_brings_its_own_model_and_protocol(self):
        model = self.model()
        with Daemon({"model": {"file": model}, "protocol": {"file": STAGED}}) as daemon:
            rig = daemon.asker()
            for n in range(60):
                rig.ask(v=1, kind="trial", rig="r1", subject="m1", session="s1", trial=n,
                        stimulus=(-1.0, 1.0)[n % 2], choice=n % 2, reward=1, side=n % 2)
            daemon.settle()
            own = murid("advise", daemon.data, "--json")
            self.assertEqual(own, murid("advise", daemon.data, "--json", "--model", model,
                                        "--protocol", STAGED))
            self.assertNotEqual(own, murid("advise", daemon.data, "--json", "--model",
                                           self.path("b")))
            self.assertEqual(murid("forecast", daemon.data, "--json"),
                             murid("forecast", daemon.data, "--json", "--model", model))
        with Daemon() as daemon:
            daemon.asker().ask(v=1, kind="trial", rig="r1", subject="m1", session="s1", trial=0,
                               stimulus=1.0, choice=1, reward=1, side=1)
            daemon.settle()
            self.assertIn("had none", murid("advise", daemon.data, code=2))

    def test_the_text_says_what_is_believed_and_why(self):
        text = murid("advise", self.animal("reinforce", sessions="1"), "--protocol", STAGED,
                     "--model", self.model(), "--at", "200")
        for part in ("after 200 trials, stage strong of staged_2afc", "weights stimulus",
                     "it learns with probability", "carrying on", "observed over"):
            self.assertIn(part, text)
        self.assertNotIn("nan", text)

    def test_the_figure_has_a_dot_for_each_change(self):
        table = self.animal("reinforce", sessions="1")
        said = self.advise(table, "--model", self.model(), "--at", "200", "--plot",
                           self.path("advice.svg"))
        figure = xml.dom.minidom.parse(self.path("advice.svg"))
        dots = [c for c in figure.getElementsByTagName("circle")
                if c.getAttribute("class").startswith("dot")]
        self.assertEqual(len(dots), len(said["actions"]))

    def test_every_change_and_every_reason_is_explained(self):
        with open(os.path.join(SOURCE, "docs/advice.md"), encoding="utf-8") as f:
            text = f.read()
        for header, table in (("protocol_change.h", "MODEL_PROTOCOL_CHANGE_LIST"),
                              ("curriculum.h", "MODEL_CURRICULUM_WHY_LIST")):
            with open(os.path.join(SOURCE, "model/include/model", header), encoding="utf-8") as f:
                rows = f.read().split(f"#define {table}(X)")[1].split("\n\n")[0]
            names = re.findall(r"X\([A-Z_]+, (\w+),", rows)
            self.assertGreater(len(names), 5)
            for name in set(names) - {"advises", "stopped"}:
                self.assertRegex(text, rf"\b{name}\b")

    def test_bad_input_is_named(self):
        table = self.animal("reinforce", sessions="1")
        self.assertIn("the file of the protocol was expected", murid("advise", table, code=2))
        here = ("advise", table, "--protocol", STAGED)
        self.assertIn('has no stage "last"', murid(*here, "--stage", "last", code=2))
        self.assertIn('--allowed: "bribe"; a list with commas of carry_on,', murid(*here, "--allowed", "bribe", code=2))
        self.assertIn("has only", murid(*here, "--at", "100000", code=2))
        self.assertIn("--rollouts", murid(*here, "--rollouts", "1", code=2))
        with open(self.path("zero.yaml"), "w") as f:
            f.write("name: zero\nstages:\n  - name: a\n    contrasts: {0: 1}\n")
        said = murid("advise", table, "--protocol", self.path("zero.yaml"), code=2)
        self.assertIn("no stimulus with contrast", said)


if __name__ == "__main__":
    unittest.main()

"""murid audit: tables and journals against a declared protocol, and protocols against virtual mice;
the daemon's alert protocol_violation, live, after kill -9 and in a replay."""
import csv
import json
import os
import random
import re
import subprocess
import tempfile
import unittest

MURID = os.path.abspath(os.environ["MURID_BIN"])
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROTOCOLS = os.path.join(SOURCE, "configs", "protocols")
DATA = os.path.join(SOURCE, "..", "shared", "data")
COLUMNS = ("subject", "session", "trial", "stimulus", "choice", "reward", "rt_s", "side", "repeat",
           "p_left", "stage")
RULES = ["contrasts", "stages", "side", "blocks", "zero_side", "debias", "debias_side", "reward"]


def protocol(name):
    return os.path.join(PROTOCOLS, name + ".yaml")


def audit(*words, stdin=None):
    return subprocess.run([MURID, "audit", *words], capture_output=True, text=True, timeout=120,
                          input=stdin)


def play(draw, subject="m1", sessions=2, trials=300, zero_side=None, reward=None):
    """A mouse at 80% in the task of fixed_set.yaml."""
    rows = []
    for session in range(1, sessions + 1):
        for trial in range(trials):
            contrast = draw.choices((0.5, 0.25, 0.0), (0.611, 0.287, 0.102))[0]
            side = draw.randrange(2)
            if contrast == 0.0 and zero_side is not None:
                side = zero_side
            choice = side if draw.random() < 0.8 else 1 - side
            got = int(choice == side) if reward is None else reward
            rows.append(dict(subject=subject, session=f"s{session}", trial=trial, choice=choice,
                             stimulus=contrast if side else -contrast, reward=got, side=side))
    return rows


def text_of(rows):
    lines = [",".join(COLUMNS)]
    lines += [",".join(str(row.get(key, "")) for key in COLUMNS) for row in rows]
    return "\n".join(lines) + "\n"


class Tables(unittest.TestCase):
    def test_a_faithful_table_ends_with_0_and_has_nothing_against_it(self):
        done = audit(protocol("fixed_set"), "-", stdin=text_of(play(random.Random(1))))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("protocol fixed_set: 1 animals, 2 sessions, 600 trials\n", done.stdout)
        self.assertIn("nothing against it", done.stdout)
        for rule in RULES:
            self.assertRegex(done.stdout, rf"(?m)^{rule} +[0-9.e+-]+$")

    def test_zero_always_left_ends_with_1_and_is_said_in_a_sentence(self):
        rows = play(random.Random(2), zero_side=0) + play(random.Random(3), subject="m2")
        done = audit(protocol("fixed_set"), "-", stdin=text_of(rows))
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        called = re.findall(r"(?m)^m.*$", done.stdout)
        self.assertEqual(len(called), 1, done.stdout)
        self.assertRegex(called[0], r"^m1 session s1 trial \d+, e-value [0-9.e+]+: zero_side: left was "
                                    r"correct in (\d+) of the last \1 trials without contrast; look at ")

    def test_json_says_the_same_for_programs(self):
        rows = play(random.Random(2), zero_side=0) + play(random.Random(3), subject="m2")
        done = audit(protocol("fixed_set"), "-", "--json", stdin=text_of(rows))
        self.assertEqual(done.returncode, 1)
        said = json.loads(done.stdout)
        self.assertEqual(said["protocol"], "fixed_set")
        self.assertEqual(said["alarm_from"], 1000)
        self.assertEqual(len(said["alarms"]), 1)
        alarm = said["alarms"][0]
        self.assertEqual((alarm["subject"], alarm["rule"], alarm["foreign"], alarm["rules"]),
                         ("m1", "zero_side", False, ["zero_side"]))
        self.assertGreaterEqual(alarm["e_value"], 1000)
        self.assertLessEqual(alarm["trials"], 20)
        self.assertEqual(set(said["subjects"]), {"m1", "m2"})
        self.assertEqual(list(said["subjects"]["m2"]["e_values"]), RULES)
        self.assertEqual(said["subjects"]["m2"]["trials"], 600)
        self.assertLess(max(said["subjects"]["m2"]["e_values"].values()), 1000)
        only = audit(protocol("fixed_set"), "-", "--json", "--subject", "m2", stdin=text_of(rows))
        self.assertEqual(only.returncode, 0, only.stdout + only.stderr)
        self.assertEqual(list(json.loads(only.stdout)["subjects"]), ["m2"])

    def test_a_declared_defect_is_none(self):
        rows = text_of(play(random.Random(2), zero_side=0))
        done = audit(protocol("fixed_set"), "-", "--defect", "zero_left", stdin=rows)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_rewards_for_everything_are_called(self):
        done = audit(protocol("fixed_set"), "-", stdin=text_of(play(random.Random(4), reward=1)))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"reward: \d+ of the last \d+ wrong answers were rewarded")

    def test_a_table_of_another_protocol_is_called_so_once(self):
        rows = play(random.Random(5), sessions=6)
        done = audit(protocol("ibl_biased"), "-", "--json", stdin=text_of(rows))
        self.assertEqual(done.returncode, 1)
        said = json.loads(done.stdout)
        self.assertEqual(len(said["alarms"]), 1, said)
        self.assertTrue(said["alarms"][0]["foreign"])
        self.assertIn("this stream is not of protocol ibl_biased", said["alarms"][0]["text"])

    def test_rows_that_are_missing_are_no_violation(self):
        draw = random.Random(6)
        rows = [row for row in play(draw, sessions=4) if draw.random() > 0.05]
        done = audit(protocol("fixed_set"), "-", stdin=text_of(rows))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_stages_that_the_protocol_does_not_have_are_said_and_unknown(self):
        rows = play(random.Random(7))
        for row in rows:
            row["stage"] = "other"
        done = audit(protocol("fixed_set"), "-", stdin=text_of(rows))
        self.assertEqual(done.returncode, 0)
        self.assertIn("600 trials name a stage that the protocol does not have, like other",
                      done.stdout)

    def test_recorded_mice_of_the_biased_task_keep_to_it(self):
        path = os.path.join(DATA, "ibl_mouse_trials.csv")
        if not os.path.exists(path):
            self.skipTest("skipped: ../shared/data absent")
        rows = []
        with open(path) as f:
            for t in csv.DictReader(f):
                is_right = t["contrastLeft"] == "nan"
                contrast = float(t["contrastRight"]) if is_right else -float(t["contrastLeft"])
                if "biased" in t["task"]:
                    rows.append(dict(subject="m1", session=t["date"], trial=t["trial"],
                                     stimulus=contrast, side=int(is_right),
                                     choice={-1: 1, 1: 0, 0: ""}[int(float(t["choice"]))],
                                     reward=int(float(t["feedbackType"]) > 0),
                                     p_left=t["probabilityLeft"]))
        self.assertGreater(len(rows), 4000)
        done = audit(protocol("ibl_biased"), "-", stdin=text_of(rows))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Simulation(unittest.TestCase):
    def test_virtual_mice_come_to_the_last_stage(self):
        done = audit(protocol("ibl_training"), "--against-simulation", "--json", "--mice", "6")
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual([s["stage"] for s in said["stages"]], list("012345"))
        reached = [s["reached"] for s in said["stages"]]
        self.assertEqual(reached, sorted(reached, reverse=True))
        self.assertEqual(reached[0], 6)
        self.assertGreater(reached[5], 0)
        self.assertEqual([s["is_last"] for s in said["stages"]], [False] * 5 + [True])

    def test_the_defect_that_kept_mice_in_the_second_phase_ends_with_1(self):
        done = audit(protocol("ibl_training"), "--against-simulation", "--defect", "never_advances",
                     "--mice", "4", "--sessions", "20")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^2 +0\.0% +- +-$")
        self.assertRegex(done.stderr, r"^murid: .*ibl_training\.yaml:\d+: stage 1: when: no mouse "
                                      r"leaves stage 1: its test of performance can never hold\n$")

    def test_an_animal_that_does_not_learn_never_comes_there(self):
        done = audit(protocol("staged_2afc"), "--against-simulation", "--rule", "none", "--mice", "3",
                     "--sessions", "5")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"no virtual mouse came to its last stage\n$")

    def test_the_same_seed_gives_the_same_mice(self):
        words = (protocol("staged_2afc"), "--against-simulation", "--mice", "3", "--seed")
        self.assertEqual(audit(*words, "7").stdout, audit(*words, "7").stdout)
        self.assertNotEqual(audit(*words, "7").stdout, audit(*words, "8").stdout)


class Words(unittest.TestCase):
    def test_wrong_words_and_files_are_named_and_end_with_2(self):
        fixed = protocol("fixed_set")
        with tempfile.TemporaryDirectory() as directory:
            empty = os.path.join(directory, "empty.csv")
            with open(empty, "w") as f:
                f.write(",".join(COLUMNS) + "\n")
            for words, said in (((fixed,), "expected"),
                                ((fixed, empty), "empty.csv: no trials"),
                                ((fixed, empty, "--subject", "m9"), "no trials of m9"),
                                ((fixed, "/nonexistent.csv"), "/nonexistent.csv"),
                                (("/nonexistent.yaml", empty), "/nonexistent.yaml"),
                                ((fixed, directory), "journal"),
                                ((fixed, empty, "--against-simulation"), "takes a protocol"),
                                ((fixed, empty, "--mice", "3"), "--against-simulation"),
                                ((fixed, empty, "--rule", "reinforce"), "--against-simulation"),
                                ((fixed, empty, "--defect", "debias_off"), "nothing in the protocol"),
                                ((fixed, empty, "--sessions-per-alarm", "3"), "10"),
                                ((empty, empty), "empty.csv:1")):
                done = audit(*words)
                self.assertEqual(done.returncode, 2, (words, done.stdout, done.stderr))
                self.assertRegex(done.stderr, r"^murid: .+\n$")
                self.assertIn(said, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_bad_rows_name_file_and_line(self):
        rows = text_of(play(random.Random(1), trials=3)).splitlines()
        rows[2] = rows[2].replace("m1,s1", "m1,s1,x", 1)
        done = audit(protocol("fixed_set"), "-", stdin="\n".join(rows) + "\n")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"^murid: .*:3: ")


if __name__ == "__main__":
    unittest.main()

"""murid audit against what the program iblrig did: sessions of its task code, run without hardware by
simulated animals, of versions with the defects that they have."""
import json
import os
import subprocess
import tempfile
import unittest

import iblrig_tables
import skips

MURID = os.path.abspath(os.environ["MURID_BIN"])
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROTOCOLS = os.path.join(SOURCE, "configs", "protocols")
SESSIONS = os.path.join(SOURCE, "..", "shared", "data", "rigs", "iblrig_sessions")


def audit(name, text, *words, code, iblrig=None):
    """iblrig: the version that is declared; None: none is."""
    with tempfile.TemporaryDirectory() as directory:
        with open(os.path.join(PROTOCOLS, name)) as f:
            declared = f.read()
        path = os.path.join(directory, name)
        with open(path, "w") as f:
            f.write(declared + (f"iblrig: {iblrig}\n" if iblrig else ""))
        done = subprocess.run([MURID, "audit", path, "-", "--json", *words],
                              capture_output=True, text=True, timeout=120, input=text)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def sessions(name):
    return iblrig_tables.text_of(iblrig_tables.read_folders(SESSIONS, name))


@unittest.skipUnless(os.path.isdir(SESSIONS), "../shared/data absent")
class Lengths(unittest.TestCase):
    def test_phases_of_199_and_of_200_trials_are_as_declared(self):
        with open(os.path.join(SESSIONS, "phase_lengths_8.23.1.csv")) as f:
            text = f.read()
        self.assertEqual(audit("ibl_training.yaml", text, code=0)["alarms"], [])
        stages = [line.rsplit(",", 1)[1] for line in text.split()[1:]]
        self.assertEqual([stages.count(s) for s in "23"], [199, 200])

    def test_a_phase_that_the_animal_entered_is_not_a_trial_shorter(self):
        with open(os.path.join(SESSIONS, "phase_lengths_8.23.1.csv")) as f:
            head, *rows = f.read().splitlines()
        last = max(i for i, row in enumerate(rows) if row.endswith(",3"))
        rows[last] = rows[last][:-1] + "4"
        alarm, = audit("ibl_training.yaml", "\n".join([head, *rows]) + "\n", code=1)["alarms"]
        self.assertIn("stage 3 changed to 4 before its tests held", alarm["text"])


@unittest.skipUnless(os.path.isdir(SESSIONS), "../shared/data absent")
class Versions(unittest.TestCase):
    def test_sessions_follow_the_protocol_with_the_defects_of_their_version(self):
        for name, protocol in (("training_8.23.1", "ibl_training.yaml"),
                               ("training_8.24.7", "ibl_training.yaml"),
                               ("appended_8.24.7", "ibl_training.yaml"),
                               ("killed_8.24.7", "ibl_training.yaml"),
                               ("biased_8.24.7", "ibl_biased.yaml")):
            with self.subTest(name):
                said = audit(protocol, sessions(name), code=0, iblrig=name.split("_")[1])
                self.assertEqual(said["alarms"], [])
                self.assertGreater(sum(s["trials"] for s in said["subjects"].values()), 150)

    def test_zero_always_left_is_found_undeclared(self):
        rows = iblrig_tables.read_folders(SESSIONS, "training_8.23.1")
        alarms = audit("ibl_training.yaml", iblrig_tables.text_of(rows), code=1)["alarms"]
        found = [a for a in alarms if "zero_side" in a["rules"]]
        self.assertEqual(found[0]["rule"], "zero_side")
        self.assertLessEqual(found[0]["trials"], 20)


if __name__ == "__main__":
    skips.main()

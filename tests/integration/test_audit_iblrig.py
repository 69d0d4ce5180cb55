"""murid audit against what the program iblrig did: sessions of its task code, run without hardware by
simulated animals, of versions with the defects that they have."""
import json
import os
import subprocess
import tempfile
import unittest

import iblrig_tables
import skips
from daemon import Daemon, trial

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
        foreign, = (a for a in alarms if a["foreign"])
        self.assertEqual(foreign["iblrig"], ["8.11.3"])
        self.assertIn("it is as of iblrig 8.11.3 to 8.23: declare its version", foreign["text"])


    def test_what_is_undeclared_alone_is_called_by_its_rule(self):
        """The figures of docs/audit.md."""
        for name, declared, rule, session, most in (
                ("training_8.23.1", "debias_all,debias_after_no_go", "zero_side", "2024-01-03", 14),
                ("training_8.23.1", "zero_left,debias_after_no_go", "debias_side", "2024-01-01", 162),
                ("training_8.23.1", "zero_left,debias_all", "debias", "2024-01-01", 62),
                ("killed_8.24.7", "debias_all,debias_after_no_go", "zero_side", "2024-01-01", 16)):
            with self.subTest((name, rule)):
                alarm, = audit("ibl_training.yaml", sessions(name), "--defect", declared, code=1)["alarms"]
                self.assertEqual((alarm["rule"], alarm["session"][:10]), (rule, session))
                self.assertLessEqual(alarm["trials"], most)


@unittest.skipUnless(os.path.isdir(SESSIONS), "../shared/data absent")
class Course(unittest.TestCase):
    """The usual course: an animal is trained, then has biased blocks."""

    def course(self):
        rows = iblrig_tables.read_folders(SESSIONS, "training_8.23.1")
        for row in iblrig_tables.read_folders(SESSIONS, "biased_8.24.7"):
            rows.append(dict(row, subject=rows[0]["subject"], session="2024-01-04_001_00"))
        return rows

    def configuration(self, directory):
        """Declares a protocol for each of both tasks; its path."""
        keys = {}
        for task, name in (("trainingChoiceWorld", "ibl_training.yaml"),
                           ("biasedChoiceWorld", "ibl_biased.yaml")):
            keys[task] = os.path.join(directory, name)
            with open(os.path.join(PROTOCOLS, name)) as f:
                text = f.read()
            with open(keys[task], "w") as f:
                f.write(text + "iblrig: 8.23.1\n")
        path = os.path.join(directory, "murid.yaml")
        with open(path, "w") as f:
            f.write("protocol:\n" + "".join(f"  {task}: {file}\n" for task, file in keys.items()))
        return path, keys

    def run_murid(self, *words, text=None):
        return subprocess.run([MURID, *words], capture_output=True, text=True, timeout=120, input=text)

    def test_a_table_is_held_against_the_protocol_of_each_task(self):
        with tempfile.TemporaryDirectory() as directory:
            path, _ = self.configuration(directory)
            done = self.run_murid("audit", path, "-", text=iblrig_tables.text_of(self.course()))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertTrue(done.stdout.startswith(
                "protocol ibl_training (trainingChoiceWorld), ibl_biased (biasedChoiceWorld): "
                "1 animals, 4 sessions, "), done.stdout)
            aside = [dict(row, task="habituationChoiceWorld") for row in self.course()]
            done = self.run_murid("audit", path, "-", text=iblrig_tables.text_of(aside))
            self.assertIn('4 sessions of tasks without a protocol, like "habituationChoiceWorld": not '
                          "audited", done.stdout)
            done = self.run_murid("audit", path, "-", "--defect", "zero_left", text="")
            self.assertEqual(done.returncode, 2)
            self.assertIn("--defect: is of one protocol", done.stderr)

    def test_one_protocol_for_all_accuses_the_other_task(self):
        text = iblrig_tables.text_of(self.course())
        alarms = audit("ibl_training.yaml", text, code=1, iblrig="8.23.1")["alarms"]
        self.assertEqual({a["session"] for a in alarms}, {"2024-01-04_001_00"})

    def test_a_daemon_follows_both_and_its_journal_says_so(self):
        rows = self.course()[700:1100] + self.course()[-400:]
        with tempfile.TemporaryDirectory() as directory:
            _, keys = self.configuration(directory)
            with Daemon({"protocol": keys}) as daemon:
                tell(daemon, rows[:500])
                daemon.settle()
                daemon.kill()  # in a session of the second task
                daemon.start()
                tell(daemon, rows[500:])
                self.assertEqual(daemon.stop(), 0)
                for key in keys.values():
                    os.remove(key)
                self.assertEqual(daemon.alerts("protocol_violation"), [])
                self.assertEqual(daemon.query("SELECT count(*) FROM model"), [(2,)])
                done = self.run_murid("replay", daemon.journal)
                self.assertIn("identical bit for bit", done.stdout + done.stderr)
                self.assertEqual(self.run_murid("review", daemon.journal).returncode, 0)
                done = self.run_murid("audit", daemon.journal)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn("ibl_biased (biasedChoiceWorld): 1 animals, 3 sessions, 800 trials",
                              done.stdout)

    def test_without_its_tasks_named_a_daemon_audits_no_session(self):
        rows = [dict(row, task="other") for row in self.course()[-300:]]
        with tempfile.TemporaryDirectory() as directory:
            _, keys = self.configuration(directory)
            with Daemon({"protocol": {"trainingChoiceWorld": keys["trainingChoiceWorld"]}}) as daemon:
                tell(daemon, rows)
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual(daemon.alerts("protocol_violation"), [])
            with Daemon({"protocol": {"file": keys["trainingChoiceWorld"]}}) as daemon:
                tell(daemon, rows)
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual(len(daemon.alerts("protocol_violation")), 1)

    def test_a_stage_that_is_set_by_hand_is_said_once_and_followed(self):
        rows = iblrig_tables.read_folders(SESSIONS, "training_8.23.1")
        rows = [row for row in rows if not row["session"].startswith("2024-01-02")]
        said = audit("ibl_training.yaml", iblrig_tables.text_of(rows), code=0, iblrig="8.23.1")
        self.assertEqual([(s["session"], s["stage"], s["due"]) for s in said["stages_set"]],
                         [("2024-01-03_001_00", "4", "1")])
        with tempfile.TemporaryDirectory() as directory:
            _, keys = self.configuration(directory)
            with Daemon({"protocol": keys}) as daemon:
                tell(daemon, rows[700:1000])
                self.assertEqual(daemon.stop(), 0)
                text, = daemon.alerts("stage_set")
                self.assertEqual(text, "t6: session 2024-01-03_001_00 began in stage 4, after the last one 1 "
                                       "was due: set by hand? It is followed from there")
                self.assertEqual(daemon.alerts("protocol_violation"), [])
                self.assertIn("identical bit for bit", self.run_murid("replay", daemon.journal).stdout)


@unittest.skipUnless(os.path.isdir(SESSIONS), "../shared/data absent")
class Recorded(unittest.TestCase):
    """`iblrig: recorded`: each session has the defects of the version that it states."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def protocols(self, iblrig=None):
        """A configuration with both tasks."""
        path = os.path.join(self.directory, f"{iblrig}.yaml")
        with open(path, "w") as to:
            to.write("protocol:\n")
            for task, name in (("trainingChoiceWorld", "ibl_training"), ("biasedChoiceWorld", "ibl_biased")):
                file = os.path.join(self.directory, f"{iblrig}_{name}.yaml")
                with open(os.path.join(PROTOCOLS, name + ".yaml")) as f, open(file, "w") as copy:
                    copy.write(f.read() + (f"iblrig: {iblrig}\n" if iblrig else ""))
                to.write(f"  {task}: {file}\n")
        return path

    def both(self):
        """One animal that was trained by two versions."""
        rows = iblrig_tables.read_folders(SESSIONS, "training_8.23.1")
        return rows + [dict(row, session="2024-01-04_001_00")
                       for row in iblrig_tables.read_folders(SESSIONS, "training_8.24.7")]

    def audit(self, *words, code, text=None):
        done = subprocess.run([MURID, "audit", *words, "--json"], capture_output=True, text=True, timeout=120,
                              input=text)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def table(self, rows):
        return iblrig_tables.text_of(rows, (*iblrig_tables.COLUMNS, "software"))

    def test_sessions_of_both_versions_at_once_raise_no_alarm(self):
        said = self.audit(self.protocols("recorded"), SESSIONS, code=0)
        self.assertEqual(said["alarms"], [])
        self.assertEqual(sum(s["trials"] for s in said["subjects"].values()), 3483)
        self.assertEqual(sorted((n["subject"], n["text"].split(" has ")[0]) for n in said["known_defects"]),
                         [("f1", "iblrig 8.24.7"), ("k1", "iblrig 8.23.1"), ("t6", "iblrig 8.23.1")])
        said = self.audit(self.protocols("recorded"), os.path.join(SESSIONS, "training_8.24.7"), code=0)
        self.assertEqual(said["alarms"], [])

    def test_undeclared_they_are_found_and_their_versions_said(self):
        said = self.audit(self.protocols(), SESSIONS, code=1)
        zero = [a for a in said["alarms"] if a["rule"] == "zero_side"]
        self.assertTrue(zero)
        self.assertLessEqual(max(a["trials"] for a in zero), 20)
        self.assertEqual(len(said["known_defects"]), 3)
        self.assertIn("iblrig 8.23.1 has known defects: zero_left (without contrast the correct side is always left), ",
                      said["known_defects"][-1]["text"])

    def test_an_animal_that_was_trained_by_two_versions_is_followed_in_a_table(self):
        text = self.table(self.both())
        said = self.audit(self.protocols("recorded"), "-", code=0, text=text)
        self.assertEqual(said["alarms"], [])
        self.assertEqual([n["session"] for n in said["known_defects"]], ["2024-01-01_001_00", "2024-01-04_001_00"])
        alarm, = self.audit(self.protocols("8.24.7"), "-", code=1, text=text)["alarms"]  # not that of all
        self.assertEqual((alarm["rule"], alarm["session"]), ("stages", "2024-01-02_001_00"))

    def test_a_finding_names_the_version_that_is_stated(self):
        rows = [dict(row, software="iblrig 8.29.4") for row in self.both()]
        said = self.audit(self.protocols("recorded"), "-", code=1, text=self.table(rows))
        self.assertEqual({a["software"] for a in said["alarms"]}, {"iblrig 8.29.4"})
        self.assertEqual({a["text"][:15] for a in said["alarms"]}, {"iblrig 8.29.4: "})
        rows = [dict(row, software="") for row in rows]
        said = self.audit(self.protocols("recorded"), "-", code=1, text=self.table(rows))
        self.assertEqual({a["text"][:22] for a in said["alarms"]}, {"no version is stated: "})

    def test_a_newer_version_is_said_once_and_taken_for_the_newest(self):
        rows = [dict(row, software="iblrig 9.0.1") for row in self.both()[:20]]
        rows += [dict(row, session="2024-01-02_001_00") for row in rows]
        said = self.audit(self.protocols("recorded"), "-", code=0, text=self.table(rows))
        self.assertEqual([n["text"] for n in said["known_defects"]],
                         ["iblrig 9.0.1 is newer than the known versions: audited as 8.29.5"])

    def test_live_each_session_is_followed_and_its_journal_replays(self):
        rows = self.both()
        keys = {task: os.path.join(self.directory, f"recorded_{name}.yaml")
                for task, name in (("trainingChoiceWorld", "ibl_training"), ("biasedChoiceWorld", "ibl_biased"))}
        self.protocols("recorded")
        with Daemon({"protocol": keys}) as daemon:
            tell(daemon, rows[:1200])
            daemon.settle()
            daemon.kill()  # within a session
            daemon.start()
            tell(daemon, rows[1200:], is_within=True)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.alerts("protocol_violation"), [])
            told = daemon.alerts("known_defects")
            self.assertEqual([t.split(" has known defects: zero_left")[0] for t in told],
                             ["t6: iblrig 8.23.1", "t6: iblrig 8.24.7"])
            for text in told:
                self.assertTrue(text.endswith("debias_after_no_go: see docs/protocols.md"), text)
            done = subprocess.run([MURID, "replay", daemon.journal], capture_output=True, text=True, timeout=120)
            self.assertIn("identical bit for bit", done.stdout + done.stderr)
            said = self.audit(daemon.journal, code=0)
            self.assertEqual((said["alarms"], len(said["known_defects"])), ([], 2))
            self.assertLess(max(said["subjects"]["t6"]["e_values"].values()), 10)

    def test_files_that_are_played_or_imported_state_their_version(self):
        self.protocols("recorded")
        keys = {"trainingChoiceWorld": os.path.join(self.directory, "recorded_ibl_training.yaml")}
        table = os.path.join(self.directory, "t.csv")
        subprocess.run([MURID, "import", os.path.join(SESSIONS, "appended_8.24.7"), "-o", table], check=True,
                       capture_output=True, timeout=120)
        for path in (os.path.join(SESSIONS, "killed_8.24.7"), table):
            with self.subTest(path), Daemon({"protocol": keys}) as daemon:
                subprocess.run([MURID, "play", path, "--asap", "--to", daemon.endpoint["ask"]], check=True,
                               capture_output=True, timeout=120)
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual(daemon.alerts("protocol_violation"), [])
                self.assertEqual(len(daemon.alerts("known_defects")), 1)

    def test_live_a_finding_names_the_version_and_without_a_protocol_defects_are_said_too(self):
        self.protocols("recorded")
        file = os.path.join(self.directory, "recorded_ibl_training.yaml")
        rows = [dict(row, software="iblrig 8.29.4") for row in self.both()[:300]]
        with Daemon({"protocol": {"file": file}}) as daemon:
            tell(daemon, rows)
            self.assertEqual(daemon.stop(), 0)
            text, = daemon.alerts("protocol_violation")
            self.assertTrue(text.startswith("t6: iblrig 8.29.4: debias: "), text)
            self.assertEqual(daemon.alerts("known_defects"), [])
            done = subprocess.run([MURID, "replay", daemon.journal], capture_output=True, text=True, timeout=120)
            self.assertIn("identical bit for bit", done.stdout + done.stderr)
        with Daemon() as daemon:
            tell(daemon, self.both()[:5])
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(len(daemon.alerts("known_defects")), 1)


def tell(daemon, rows, is_within=False):
    """Sends the rows as a rig does; is_within: the session of the first was begun before."""
    asker = daemon.asker()
    last = rows[0]["session"] if is_within else None
    for seq, row in enumerate(rows):
        who = dict(subject=row["subject"], session=row["session"], rig="rig1")
        if row["session"] != last:
            stated = {"software": row["software"]} if row["software"] else {}
            asker.ask(v=1, kind="session_start", task=row["task"], **stated, **who)
        last = row["session"]
        said = {key: row[key] for key in ("stimulus", "reward", "side", "p_left")}
        if row["repeat"] != "":
            said.update(repeat=row["repeat"], stage=str(row["stage"]))
        message = trial(row["trial"], **who, **said,
                        choice=None if row["choice"] == "" else row["choice"])
        message.pop("seq", None)
        assert asker.ask(**message)["kind"] == "prediction", message
    asker.close()


if __name__ == "__main__":
    skips.main()

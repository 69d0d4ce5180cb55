"""murid audit: tables and journals against a declared protocol, and protocols against virtual mice;
the daemon's alert protocol_violation, live, after kill -9 and in a replay."""
import csv
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

import msgpack

import skips
from daemon import Daemon, trial

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
        self.assertIn("no violation", done.stdout)
        for rule in RULES:
            self.assertRegex(done.stdout, rf"(?m)^{rule} +[0-9.e+-]+$")

    def test_zero_always_left_ends_with_1_and_is_said_in_a_sentence(self):
        rows = play(random.Random(2), zero_side=0) + play(random.Random(3), subject="m2")
        done = audit(protocol("fixed_set"), "-", stdin=text_of(rows))
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        called = re.findall(r"(?m)^m.*$", done.stdout)
        self.assertEqual(len(called), 1, done.stdout)
        self.assertRegex(called[0], r"^m1 session s1 trial \d+, e-value [0-9.e+]+: zero_side: left was "
                                    r"correct in (\d+) of the last \1 trials at zero contrast; look at ")

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
            self.skipTest("../shared/data absent")
        done = audit(protocol("ibl_biased"), path, "--map", "ibl", "--map", "rows.task=biased")
        self.assertIn("4753 trials", done.stdout + done.stderr)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Simulated(unittest.TestCase):
    """Tables of murid simulate, which names stages, sides, repeats and p_left; and without these."""

    def simulate(self, name, *words, mice="4", rate="0.03"):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "t.csv")
            done = subprocess.run(
                [MURID, "simulate", "--protocol", protocol(name), "--rule", "reinforce", "--rate",
                 rate, "--policy", "stimulus,bias", "--mice", mice, "--sessions", "8", "--seed", "3",
                 "-o", path, *words], capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(path) as f:
                return f.read()

    def alarms(self, name, text, code):
        done = audit(protocol(name), "-", "--json", stdin=text)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)["alarms"]

    def test_faithful_rigs_of_every_protocol_have_nothing_against_them(self):
        for name in ("ibl_training", "ibl_biased", "staged_2afc", "go_nogo", "fixed_set"):
            with self.subTest(name):
                text = self.simulate(name)
                self.assertEqual(self.alarms(name, text, 0), [])
                few = "\n".join(",".join(line.split(",")[:7]) for line in text.splitlines()) + "\n"
                self.assertTrue(few.startswith("subject,session,trial,stimulus,choice,reward,rt_s\n"))
                self.assertEqual(self.alarms(name, few, 0), [])

    def test_each_known_defect_is_called_by_its_rule(self):
        for defect, rules in (("zero_left", {"zero_side"}), ("never_advances", {"stages"}),
                              ("counts_early", {"stages"}), ("debias_off", {"debias"}),
                              ("keeps_half", {"contrasts", "stages"}),
                              ("wrong_contrasts", {"contrasts"}), ("debias_all", {"debias_side"})):
            with self.subTest(defect):
                mice, rate = ("8", "0.003") if defect == "debias_all" else ("4", "0.03")
                text = self.simulate("ibl_training", "--defect", defect, mice=mice, rate=rate)
                called = self.alarms("ibl_training", text, 1)
                self.assertLessEqual({a["rule"] for a in called}, rules, called)
                animals = [a["subject"] for a in called]
                self.assertEqual(len(animals), len(set(animals)), "an animal was told of twice")


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
        self.assertRegex(done.stderr, r"no virtual mouse reached its last stage\n$")

    def test_the_same_seed_gives_the_same_mice(self):
        words = (protocol("staged_2afc"), "--against-simulation", "--mice", "3", "--seed")
        self.assertEqual(audit(*words, "7").stdout, audit(*words, "7").stdout)
        self.assertNotEqual(audit(*words, "7").stdout, audit(*words, "8").stdout)


ALERTS = ("SELECT subject, event, evidence, text FROM alert WHERE code = 'protocol_violation'"
          " ORDER BY event, subject")


def sent(rows, rig="rig1"):
    return [trial(row["trial"], subject=row["subject"], session=row["session"], rig=rig,
                  stimulus=row["stimulus"], choice=row["choice"], reward=row["reward"],
                  side=row["side"], stage="fixed") for row in rows]


def murid(*words, code=0):
    done = subprocess.run([MURID, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


class Live(unittest.TestCase):
    def tell(self, daemon, messages):
        asker = daemon.asker()
        kinds = {asker.ask(**m)["kind"] for m in messages}
        asker.close()
        self.assertEqual(kinds, {"prediction"})

    def daemon(self, name="fixed_set", **keys):
        return Daemon({"protocol": {"file": protocol(name), **keys}})

    def test_a_rig_that_breaks_its_protocol_is_called_once_and_the_command_says_the_same(self):
        rows = play(random.Random(2), zero_side=0)
        with self.daemon() as daemon:
            ear = daemon.ready_listener("murid/1/rig1/m1/alert")
            self.tell(daemon, sent(rows))
            _, body = ear.recv_multipart()
            alert = msgpack.unpackb(body)
            self.assertEqual((alert["code"], alert["subject"]), ("protocol_violation", "m1"))
            self.assertGreaterEqual(alert["evidence"], 1000)
            self.assertRegex(alert["text"], r"^m1: zero_side: left was correct in (\d+) of the last \1 "
                                            r"trials at zero contrast; look at ")
            self.assertFalse(ear.poll(200), "a second alert")
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual([text for _, _, _, text in daemon.query(ALERTS)], [alert["text"]])
            self.assertIn("identical bit for bit", murid("replay", daemon.journal))
            self.assertIn("protocol_violation", murid("review", daemon.journal))
            done = audit(protocol("fixed_set"), daemon.journal, "--json")
            self.assertEqual(done.returncode, 1, done.stderr)
            said, = json.loads(done.stdout)["alarms"]
            self.assertEqual("m1: " + said["text"], alert["text"])
            self.assertAlmostEqual(said["e_value"], alert["evidence"], delta=1e-6 * said["e_value"])

    def test_a_rig_that_keeps_to_it_is_not_called(self):
        with self.daemon() as daemon:
            self.tell(daemon, sent(play(random.Random(8))))
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.query(ALERTS), [])
            self.assertIn("identical bit for bit", murid("replay", daemon.journal))

    def test_without_a_protocol_nothing_is_called(self):
        with Daemon() as daemon:
            self.tell(daemon, sent(play(random.Random(2), zero_side=0)))
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.query(ALERTS), [])

    def test_what_is_called_late_in_a_session_is_told_when_it_ends(self):
        rows = play(random.Random(9), trials=300, sessions=1, reward=1)
        with self.daemon() as daemon:
            wrong = [i for i, row in enumerate(rows) if row["choice"] != row["side"]]
            self.tell(daemon, sent(rows[:wrong[4] + 1]))
            daemon.settle()
            self.assertEqual(daemon.query(ALERTS), [])
            asker = daemon.asker()
            asker.ask(v=1, kind="session_end", rig="rig1", subject="m1", session="s1", seq=1000)
            daemon.settle()
            (_, _, _, text), = daemon.query(ALERTS)
            self.assertIn("wrong answers were rewarded", text)
            self.assertEqual(daemon.stop(), 0)
            self.assertIn("identical bit for bit", murid("replay", daemon.journal))

    def test_a_replay_finds_what_was_changed(self):
        with self.daemon() as daemon:
            self.tell(daemon, sent(play(random.Random(2), zero_side=0)))
            self.assertEqual(daemon.stop(), 0)
            path = os.path.join(daemon.directory, "changed.sqlite")
            for change, said, code in (
                    ("UPDATE alert SET evidence = evidence * 1.0000001", "evidence was", 1),
                    ("DELETE FROM alert", "no alert `protocol_violation` stands there", 1),
                    ("DELETE FROM model", "is not in the journal", 2),
                    ("UPDATE model SET file = 'name: x'", "protocol.hash expects", 2)):
                shutil.copyfile(daemon.journal, path)
                db = sqlite3.connect(path)
                db.execute(change)
                db.commit()
                db.close()
                self.assertIn(said, murid("replay", path, code=code))

    def test_killed_in_its_midst_it_goes_on_where_it_stood(self):
        messages = sent(play(random.Random(2), zero_side=0, trials=150))
        with self.daemon() as whole, self.daemon() as killed:
            self.tell(whole, messages)
            self.tell(killed, messages[:40])
            for first, last in ((40, 95), (95, 130), (130, 200), (200, 300)):
                killed.settle()
                killed.kill()
                killed.start()
                self.tell(killed, messages[first:last])
            self.assertEqual((whole.stop(), killed.stop()), (0, 0))
            self.assertEqual(killed.query(ALERTS), whole.query(ALERTS))
            self.assertEqual(len(whole.query(ALERTS)), 1)
            states = [[s for s, in d.query("SELECT state FROM checkpoint")] for d in (whole, killed)]
            self.assertEqual(states[0], states[1])
            for daemon in (whole, killed):
                self.assertIn("identical bit for bit", murid("replay", daemon.journal))

    def test_the_journal_keeps_the_protocol_and_another_begins_anew(self):
        rows = play(random.Random(2), zero_side=0)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "p.yaml")
            shutil.copyfile(protocol("fixed_set"), path)
            with Daemon({"protocol": {"file": path}}) as daemon:
                self.tell(daemon, sent(rows[:60]))
                self.assertEqual(daemon.stop(), 0)
                with open(path, "a") as f:
                    f.write("defects: [zero_left]\n")
                daemon.start()
                self.tell(daemon, sent(rows[60:]))
                self.assertEqual(daemon.stop(), 0)
                os.remove(path)
                self.assertEqual(daemon.query(ALERTS), [])
                self.assertIn("identical bit for bit", murid("replay", daemon.journal))
                kept = daemon.query("SELECT count(*) FROM model")
                self.assertEqual(kept, [(2,)])

    def test_a_protocol_that_cannot_be_read_stops_the_start(self):
        with tempfile.TemporaryDirectory() as directory:
            config = os.path.join(directory, "murid.yaml")
            for keys, said in (({"file": "/nonexistent.yaml"}, "/nonexistent.yaml"),
                               ({"file": protocol("fixed_set"), "hash": "0123"},
                                "protocol.hash expects 0123")):
                with open(config, "w") as f:
                    json.dump({"data": {"directory": os.path.join(directory, "data")},
                               "protocol": keys}, f)
                self.assertIn(said, murid("run", "-c", config, code=2))


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
                                ((fixed, empty, "--defect", "debias_off"), "affects nothing in the protocol"),
                                ((fixed, empty, "--sessions-per-alarm", "3"), "10"),
                                ((empty, empty), "is a trial table; a protocol was expected")):
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
    skips.main()

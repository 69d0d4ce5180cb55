"""Training status: `murid status` of tables and journals, and the daemon's, live and after kill -9."""
import csv
import json
import math
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import unittest
import xml.dom.minidom

import msgpack

import skips
from daemon import MURID, Daemon, Rig

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
IBL = os.path.join(os.environ["MURID_SOURCE_DIR"], "..", "shared", "data", "ibl_mouse_trials.csv")
COLUMNS = ("subject", "session", "trial", "stimulus", "choice", "reward", "rt_s", "p_left", "task",
           "ephys_rig", "delay_s")
CONTRASTS = (-1.0, -0.25, -0.125, -0.0625, 0.0, 0.0625, 0.125, 0.25, 1.0)


def status(*arguments, code=0):
    done = subprocess.run([MURID, "status", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done
    return done.stdout if code == 0 else done.stderr


def write(directory, rows):
    path = os.path.join(directory, "trials.csv")
    with open(path, "w", newline="") as f:
        writer = csv.DictWriter(f, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def made_up_session(draw, name, n, bias, **keys):
    """An animal whose bias, in contrast, follows the block; `lapse` of its choices are guesses."""
    rows = []
    lapse = keys.pop("lapse", 0.02)
    is_biased = "biased" in keys["task"]
    for trial in range(n):
        p_left = 0.5 if not is_biased or trial < 90 else (0.2, 0.8)[trial // 50 % 2]
        stimulus = draw.choice(CONTRASTS)
        side = int(stimulus > 0) if stimulus else int(draw.random() > p_left)
        middle = {0.2: -bias, 0.5: 0.0, 0.8: bias}[p_left]
        p = 0.5 * (1 + math.erf((stimulus - middle) / 0.1))
        choice = int(draw.random() < lapse / 2 + (1 - lapse) * p)
        choice = None if draw.random() < 0.01 else choice
        rows.append(dict(subject="m1", session=name, trial=trial, stimulus=stimulus, choice=choice,
                         reward=int(choice == side), rt_s=round(draw.uniform(0.2, 1.5), 4),
                         p_left=p_left, **keys))
    return rows


def made_up_animal(draw):
    training = dict(task="_iblrig_tasks_trainingChoiceWorld")
    biased = dict(task="_iblrig_tasks_biasedChoiceWorld")
    return [made_up_session(draw, "d1", 150, 0.0, lapse=0.5, **training),
            made_up_session(draw, "d2", 450, 0.0, **training),
            made_up_session(draw, "d3", 460, 0.0, **training),
            made_up_session(draw, "d4", 470, 0.0, **training),
            made_up_session(draw, "d5", 600, 0.1, **biased),
            made_up_session(draw, "d6", 610, 0.1, **biased),
            made_up_session(draw, "d7", 620, 0.1, **biased),
            made_up_session(draw, "d8", 600, 0.1, ephys_rig=1, delay_s=1000, **biased)]


EXPECTED = ["in_training", "in_training", "in_training", "trained_1b", "trained_1b", "trained_1b",
            "ready4ephysrig", "ready4delay"]


def messages(session):
    """As a rig would send them."""
    first = session[0]
    keys = {"v": 1, "rig": "r1", "subject": first["subject"], "session": first["session"]}
    start = {k: first[k] for k in ("task", "ephys_rig", "delay_s") if k in first}
    trials = [{k: row[k] for k in ("trial", "stimulus", "choice", "reward", "rt_s", "p_left")}
              for row in session]
    out = [dict(keys, kind="session_start", **start),
           *[dict(keys, kind="trial", **t) for t in trials], dict(keys, kind="session_end")]
    return [dict(m, seq=seq) for seq, m in enumerate(out, 1)]


def without_names(animal):
    """What must be the same wherever it was read."""
    return {**animal, "sessions": [{**s, "rig": ""} for s in animal["sessions"]]}


def last_training(daemon, session):
    """The daemon's own word on m1 after that session."""
    listener = daemon.listener(b"murid/1/r1/m1/training")
    deadline = time.monotonic() + 30
    try:
        while time.monotonic() < deadline:
            if listener.poll(200):
                said = msgpack.unpackb(listener.recv_multipart()[1])
                if said["session"] == session and not said["running"]:
                    return said
    finally:
        listener.close()
    raise AssertionError("no standing of " + session)


class Status(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        print(f"SEED={SEED}", file=sys.stderr)
        self.draw = random.Random(SEED)
        self.directory = self.enterContext(tempfile.TemporaryDirectory())

    def read(self, *arguments):
        return json.loads(status(*arguments, "--json"))["subjects"]

    def check_near(self, said, written):
        """Text has 10 digits."""
        self.assertEqual(len(said), len(written))
        for a, b in zip(said, written):
            self.assertEqual(a is None, b is None)
            if a is not None:
                self.assertLessEqual(abs(a - b), 1e-9 * abs(b))

    def check_said(self, said, animal):
        """The daemon's word is that of the last session off line."""
        last = animal["sessions"][-1]
        self.assertEqual((said["status"], said["reached"], said["next"]),
                         (last["status"], last["reached"], last["next"]))
        self.assertEqual([c["name"] for c in said["criteria"]],
                         [c["name"] for c in last["criteria"]])
        for a, b in zip(said["criteria"], last["criteria"]):
            self.check_near([a.get("value")], [b["value"]])
            self.assertEqual((a["limit"], a["above"], a["met"]),
                             (b["limit"], int(b["above"]), int(b["met"])))
        for key in ("curve", "curve_20", "curve_80"):
            self.check_near(said.get(key) or [], list((last[key] or {}).values()))

    def test_a_made_up_animal_goes_up_by_the_book_and_its_daemon_may_be_killed(self):
        sessions = made_up_animal(self.draw)
        table = self.read(write(self.directory, sum(sessions, [])))["m1"]
        self.assertEqual([s["status"] for s in table["sessions"]], EXPECTED)
        self.assertEqual([s["task"] for s in table["sessions"]], 4 * ["training"] + 4 * ["biased"])
        self.assertEqual(table["reached"], "ready4delay")
        self.assertEqual(table["next"], "ready4recording")
        unmet = [c["name"] for c in table["sessions"][-1]["criteria"] if not c["met"]]
        self.assertEqual(unmet, ["ephys"])

        with Daemon() as daemon:
            rig = Rig(daemon, [messages(s) for s in sessions], rate=1500)
            rig.start()
            for _ in range(4):
                time.sleep(0.3 + 0.3 * self.draw.random())
                daemon.kill()
                daemon.start()
            rig.join(60)
            self.assertIsNone(rig.failure)
            self.assertEqual(rig.refused, [])
            said = last_training(daemon, "d8")
            animals = daemon.command("subjects")["animals"]
            self.assertEqual([a["status"] for a in animals], ["ready4delay"])
            live = self.read(daemon.journal)["m1"]
            daemon.kill()
            daemon.start()
            again = last_training_after_resume(daemon)
            self.assertEqual(again["criteria"], said["criteria"])
            self.assertEqual(again["reached"], said["reached"])
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(without_names(live), table)
            self.check_said(said, table)
            self.assertEqual(without_names(self.read(daemon.data, "--subject", "m1")["m1"]), table)

    def test_played_it_stands_the_same(self):
        sessions = made_up_animal(self.draw)[:4]
        path = write(self.directory, sum(sessions, []))
        with Daemon() as daemon:
            subprocess.run([MURID, "play", path, "--asap", "--to", daemon.endpoint["ask"]],
                           check=True, capture_output=True, timeout=60)
            daemon.settle()
            self.assertEqual(without_names(self.read(daemon.journal)["m1"]), self.read(path)["m1"])

    def test_without_a_task_the_blocks_tell_it(self):
        sessions = made_up_animal(self.draw)
        rows = [{k: v for k, v in row.items() if k != "task"} for row in sum(sessions, [])]
        animal = self.read(write(self.directory, rows))["m1"]
        self.assertEqual([s["status"] for s in animal["sessions"]], EXPECTED)

    def test_the_text_says_what_is_met_and_the_picture_is_one(self):
        sessions = made_up_animal(self.draw)
        path = write(self.directory, sum(sessions, []))
        picture = os.path.join(self.directory, "curves.svg")
        text = status(path, "--plot", picture)
        self.assertIn("m1: ready4delay\n", text)
        self.assertIn("to ready4recording:\n", text)
        self.assertRegex(text, r"lacks +ephys +1 of > 2 needed")
        self.assertRegex(text, r"met +delay +1 of > 0 needed")
        svg = xml.dom.minidom.parse(picture)
        self.assertEqual(len(svg.getElementsByTagName("path")), 2)  # 20 and 80 blocks
        self.assertEqual(len([c for c in svg.getElementsByTagName("circle")
                              if c.getElementsByTagName("title")]), 2 * len(CONTRASTS))

    def test_one_biased_session_at_chance_has_its_status_by_the_book_and_has_reached_nothing(self):
        chance = made_up_session(self.draw, "d1", 300, 0.1, lapse=1.0,
                                 task="_iblrig_tasks_biasedChoiceWorld")
        path = write(self.directory, chance)
        animal = self.read(path)["m1"]
        self.assertEqual((animal["status"], animal["reached"], animal["status_sessions"]),
                         ("trained_1b", "in_training", 1))
        text = status(path)
        self.assertIn("m1: trained_1b (by 1 of 3 sessions)\n", text)
        self.assertRegex(text, r"(?m)^d1 .* trained_1b\* +in_training ")
        self.assertIn("* fewer than 3 sessions of the biased task stand behind it", text)
        with Daemon() as daemon:
            rig = Rig(daemon, [messages(chance)], rate=2000)
            rig.start()
            rig.join(60)
            self.assertIsNone(rig.failure)
            said = last_training(daemon, "d1")
            self.assertEqual((said["status"], said["reached"], said["sessions"]),
                             ("trained_1b", "in_training", 1))
            daemon.settle()
            self.assertEqual(without_names(self.read(daemon.journal)["m1"]), animal)

    def test_a_status_that_three_sessions_stand_behind_is_reached_and_has_no_star(self):
        sessions = [made_up_session(self.draw, f"d{i}", 300, 0.1, lapse=1.0,
                                    task="_iblrig_tasks_biasedChoiceWorld") for i in range(3)]
        path = write(self.directory, sum(sessions, []))
        last = self.read(path)["m1"]["sessions"][-1]
        self.assertEqual((last["status"], last["reached"], last["status_sessions"]),
                         ("trained_1b", "trained_1b", 3))
        self.assertIn("m1: trained_1b\n", status(path))

    def test_more_contrasts_than_a_curve_has_are_named_as_the_reason_that_there_is_none(self):
        rows = made_up_session(self.draw, "d1", 400, 0.0, task="training")
        path = write(self.directory, rows)
        self.assertIsNone(self.read(path)["m1"]["sessions"][0]["no_curve"])
        self.assertNotIn("no curve", status(path))
        for i, row in enumerate(rows):
            row["stimulus"] = (i % 40 - 20) / 40
        path = write(self.directory, rows)
        session = self.read(path)["m1"]["sessions"][0]
        self.assertIsNone(session["curve"])
        why = "more than 32 contrasts in the last three sessions; 80 trials have contrasts beyond the first 32"
        self.assertEqual(session["no_curve"], why)
        self.assertIn(f"no curve after session d1: {why}\n", status(path))

    def test_contrasts_that_are_too_many_only_together_are_the_reason_too(self):
        rows = []
        for name, first in (("d1", -20), ("d2", 0)):
            session = made_up_session(self.draw, name, 200, 0.0, task="training")
            for i, row in enumerate(session):
                row["stimulus"] = (first + i % 20) / 40
            rows += session
        one, two = self.read(write(self.directory, rows))["m1"]["sessions"]
        self.assertIsNotNone(one["curve"])
        self.assertIsNone(two["curve"])
        self.assertIn("; 80 trials have contrasts beyond", two["no_curve"])

    def test_off_line_the_median_reaction_time_is_of_all_trials(self):
        sessions = []
        for name in ("d1", "d2"):
            rows = made_up_session(self.draw, name, 1500, 0.0, task="training")
            for row in rows[:1300]:
                row["stimulus"] = 0.0
            sessions += rows
        path = write(self.directory, sessions)
        known = [r["rt_s"] for r in sessions if r["stimulus"] == 0]
        self.assertGreater(len(known), 2 * 1000)
        self.assertAlmostEqual(self.read(path)["m1"]["sessions"][-1]["values"]["rt_s"],
                               statistics.median(known), 8)

    def test_what_cannot_be_read_is_said_in_a_line(self):
        nowhere = os.path.join(self.directory, "none.csv")
        self.assertRegex(status(nowhere, code=2), r"^murid: .*none.csv: cannot be opened: .*\n$")
        path = write(self.directory, made_up_animal(self.draw)[0])
        self.assertRegex(status(path, "--subject", "m7", code=2), r"^murid: .*: no trials of m7; its animals: m1\n$")
        with open(path, "a") as f:
            f.write("m1,d9,0,2.0,1,1,0.3,0.5,,,\n")
        self.assertRegex(status(path, code=2), r"^murid: .*:152: column stimulus: .*\n$")
        empty = os.path.join(self.directory, "empty")
        os.mkdir(empty)
        self.assertRegex(status(empty, code=2), r"^murid: .*\n$")

    def test_a_journal_that_holds_what_murid_never_writes_is_refused_by_row(self):
        with Daemon() as daemon:
            rig = Rig(daemon, [messages(made_up_animal(self.draw)[0])])
            rig.start()
            rig.join(60)
            self.assertIsNone(rig.failure)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(list(self.read(daemon.journal)), ["m1"])
            db = sqlite3.connect(daemon.journal)
            for change, back in (("raw = x'c1'", "raw = (SELECT raw FROM event WHERE id = 8)"),
                                 ("session = 99", "session = 0"), ("subject = -1", "subject = 0")):
                db.execute(f"UPDATE event SET {change} WHERE id = 7")
                db.commit()
                if "raw" in change:
                    said = status(daemon.journal, code=2)
                    self.assertRegex(said, r"^murid: [^\n]*table event, row 7: damaged; `murid check JOURNAL` lists [^\n]*\n$")
                else:  # it belongs to nobody then
                    trials = self.read(daemon.journal)["m1"]["sessions"][0]["trials"]
                    self.assertEqual(trials, 149)
                db.execute(f"UPDATE event SET {back} WHERE id = 7")
                db.commit()
            db.execute("UPDATE session SET name = 'a b'")
            db.commit()
            db.close()
            self.assertRegex(status(daemon.journal, code=2), r"^murid: [^\n]*\n$")

    def test_the_mouse_of_ibllib_has_its_statuses(self):
        if not os.path.exists(IBL):
            self.skipTest("../shared/data absent")
        with open(IBL) as f:
            header, *lines = f.read().splitlines()
        for chosen, ephys, delay, expected in (
                (("08-21", "08-24", "08-25"), (), "", "in_training"),
                (("08-24", "08-25", "08-26"), (), "", "trained_1a"),
                (("08-25", "08-26", "08-27"), (), "", "trained_1b"),
                (("08-27", "08-28", "08-31"), (), "", "trained_1b"),
                (("08-28", "08-31", "09-01"), (), "", "ready4ephysrig"),
                (("08-31", "09-02", "09-03"), ("09-03",), "", "ready4delay"),
                (("08-28", "08-31", "09-01"), ("08-28", "08-31", "09-01"), 900,
                 "ready4recording")):
            path = os.path.join(self.directory, "SWC_054.csv")
            with open(path, "w") as f:  # its own coding, and what IBL keeps elsewhere
                f.write(header + ",ephys_rig,delay_s\n")
                for line in lines:
                    day = line[5:10]
                    if day in chosen:
                        f.write(f"{line},{int(day in ephys)},{delay if day == chosen[0] else ''}\n")
            animal = self.read(path, "--map", "ibl")["SWC_054"]
            self.assertEqual(animal["status"], expected, chosen)


def last_training_after_resume(daemon):
    """The first standing that a daemon says of m1 after its start."""
    listener = daemon.listener(b"murid/1/r1/m1/training")
    try:
        assert listener.poll(20000)
        return msgpack.unpackb(listener.recv_multipart()[1])
    finally:
        listener.close()


if __name__ == "__main__":
    skips.main()

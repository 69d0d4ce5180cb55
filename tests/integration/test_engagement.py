"""An animal that stops playing is called so once, live, over a real socket; one that plays is not. The
journal replays bit for bit, a replay finds what was changed, and a kill -9 in the middle of a bout
changes nothing."""
import math
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import unittest

import msgpack

from daemon import MURID, Daemon, subject_state, trial

# Fixed: an engaged animal may be called disengaged now and then, at the rate that is stated.
SEED = int(os.environ.get("SEED", 1))
TRIALS = "SELECT subject, session, trial, p_right, p_disengaged FROM trial ORDER BY event"
ALERTS = ("SELECT subject, evidence, text FROM alert WHERE code = 'disengaged'"
          " ORDER BY subject, event")


def made_up(draw, n, first=0, is_out=False, with_rt=True, **keys):
    """n trials of an animal that sees its stimulus and answers in about 0.4 s; or that does not look,
    answers late, and often not at all."""
    trials = []
    for i in range(first, first + n):
        stimulus = draw.choice((-1.0, -0.5, -0.25, 0.25, 0.5, 1.0))
        choice = int(stimulus > 0) if draw.random() < 0.95 else int(stimulus < 0)
        rt_s = 0.4 * math.exp(draw.gauss(0, 0.4))
        if is_out:
            choice = int(draw.random() < 0.5)
            rt_s = 1.5 * math.exp(draw.gauss(0, 1))
        if draw.random() < (0.3 if is_out else 0.01):
            choice = rt_s = None
        reward = 0 if choice is None else int((stimulus > 0) == bool(choice))
        trials.append(trial(i, stimulus=stimulus, choice=choice, reward=reward,
                            rt_s=rt_s if with_rt else None, **keys))
    return trials


def run(*arguments, code=0):
    done = subprocess.run([MURID, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


class Engagement(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"SEED={SEED}", file=sys.stderr)

    def setUp(self):
        self.draw = random.Random(SEED)

    def tell(self, daemon, trials):
        """p_disengaged of each reply."""
        asker = daemon.asker()
        replies = [asker.ask(**t) for t in trials]
        asker.close()
        self.assertEqual({r["kind"] for r in replies}, {"prediction"})
        return [r.get("p_disengaged") for r in replies]

    def test_an_animal_that_stops_playing_is_called_once_live(self):
        engaged, out = made_up(self.draw, 300), made_up(self.draw, 60, 300, is_out=True)
        with Daemon() as daemon:
            ear = daemon.ready_listener("murid/1/rig1/m1/alert")
            before = self.tell(daemon, engaged)
            self.assertFalse(ear.poll(200))
            self.assertLess(sum(before) / len(before), 0.1)
            during = self.tell(daemon, out)
            self.assertGreater(sum(during[20:]) / 40, 0.8)
            topic, body = ear.recv_multipart()
            alert = msgpack.unpackb(body)
            self.assertEqual((alert["code"], alert["subject"]), ("disengaged", "m1"))
            self.assertGreaterEqual(alert["evidence"], 5000)
            self.assertRegex(alert["text"], "^m1 seems to have stopped playing in its last [0-9]+ "
                                            "trials, up to trial 3[0-9][0-9]: it [a-z ,]+"
                                            r" \([a-z0-9%, -]+\)$")
            self.assertLess(int(alert["text"].split("up to trial ")[1].split(":")[0]), 340)
            self.assertFalse(ear.poll(200), "a second alert in one bout")
            daemon.settle()
            self.assertEqual(daemon.alerts("disengaged"), [alert["text"]])
            journaled = [p for p, in daemon.query("SELECT p_disengaged FROM trial ORDER BY trial")]
            self.assertEqual(journaled, before + during)
            back = self.tell(daemon, made_up(self.draw, 60, 360))
            self.assertLess(sum(back[30:]) / 30, 0.2)
            self.assertEqual(daemon.stop(), 0)
            self.assertIn("disengaged", run("review", daemon.journal))
            self.assertIn("identical bit for bit", run("replay", daemon.journal))

    def test_no_animal_is_called_that_plays(self):
        with Daemon() as daemon:
            for i in range(3):
                for session in ("s1", "s2"):
                    p = self.tell(daemon, made_up(self.draw, 250, subject=f"m{i}", rig=f"rig{i}",
                                                  session=session, with_rt=i != 1))
                    self.assertLess(sum(p) / len(p), 0.15)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.alerts("disengaged"), [])
            self.assertIn("identical bit for bit", run("replay", daemon.journal))

    def test_the_threshold_is_the_configurations_and_it_can_be_turned_off(self):
        engaged, out = made_up(self.draw, 300), made_up(self.draw, 60, 300, is_out=True)
        lengths = {}
        for n in (100, 1000000):
            with Daemon({"engagement": {"trials_per_false_alarm": n}}) as daemon:
                self.tell(daemon, engaged + out)
                daemon.settle()
                (evidence, text), = daemon.query("SELECT evidence, text FROM alert")
                lengths[n] = int(text.split("up to trial ")[1].split(":")[0])
                self.assertGreaterEqual(evidence, n)
        self.assertLess(lengths[100], lengths[1000000])
        with Daemon({"engagement": {"enabled": False}}) as daemon:
            self.assertEqual(set(self.tell(daemon, engaged + out)), {None})
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.alerts("disengaged"), [])
            self.assertIn("identical bit for bit", run("replay", daemon.journal))

    def test_two_animals_that_stop_in_the_same_second_are_both_called(self):
        with Daemon() as daemon:
            for out, n, first in ((False, 200, 0), (True, 60, 200)):
                for i in range(3):
                    self.tell(daemon, made_up(self.draw, n, first, out, subject=f"m{i}",
                                              rig=f"rig{i}"))
            self.assertEqual(daemon.stop(), 0)
            called = {s for s, _, _ in daemon.query(ALERTS)}
            self.assertEqual(called, {"m0", "m1", "m2"})

    def test_a_replay_finds_what_was_changed(self):
        with Daemon() as daemon:
            self.tell(daemon, made_up(self.draw, 300) + made_up(self.draw, 60, 300, is_out=True))
            self.assertEqual(daemon.stop(), 0)
            path = os.path.join(daemon.directory, "changed.sqlite")
            for change, said in (
                    ("UPDATE event SET p_disengaged = p_disengaged + 1e-12 WHERE trial = 7",
                     "p_disengaged was"),
                    ("UPDATE alert SET evidence = evidence + 1e-9", "evidence was"),
                    ("DELETE FROM alert", "no alert `disengaged` stands there"),
                    ("UPDATE alert SET event = event - 1", "none is recomputed")):
                shutil.copyfile(daemon.journal, path)
                db = sqlite3.connect(path)
                db.execute(change)
                db.commit()
                db.close()
                self.assertIn(said, run("replay", path, code=1))

    def test_killed_in_a_bout_it_goes_on_where_it_stood(self):
        trials = (made_up(self.draw, 300) + made_up(self.draw, 60, 300, is_out=True)
                  + made_up(self.draw, 60, 360))
        with Daemon() as whole, Daemon() as killed:
            self.tell(whole, trials)
            self.tell(killed, trials[:200])
            for first, last in ((200, 310), (310, 345), (345, 380), (380, 420)):
                killed.settle()
                killed.kill()
                killed.start()
                self.tell(killed, trials[first:last])
            self.assertEqual((whole.stop(), killed.stop()), (0, 0))
            for sql in (TRIALS, ALERTS):
                self.assertEqual(killed.query(sql), whole.query(sql))
            self.assertGreaterEqual(len(whole.query(ALERTS)), 1)
            states = [[subject_state(s)[0] for s, in d.query("SELECT state FROM checkpoint")]
                      for d in (whole, killed)]
            self.assertEqual(states[0], states[1])
            for daemon in (whole, killed):
                self.assertIn("identical bit for bit", run("replay", daemon.journal))


if __name__ == "__main__":
    unittest.main()

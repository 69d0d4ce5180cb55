"""What comes again, from the real programs: old messages sent again change no answer, and a task that is
begun anew in its session loses nothing."""
import csv
import os
import random
import subprocess
import sys
import tempfile
import time
import unittest
import warnings

import murid
from daemon import MURID, Daemon, random_trial

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
DEMO = os.path.join(os.environ["MURID_SOURCE_DIR"], "configs", "demo", "virtual_mouse.csv")
WHEN = ("t_mono_ns", "t_wall_ns", "durable_seq", "stage_us")


def what(reply):
    """A reply without when."""
    return {k: v for k, v in reply.items() if k not in WHEN}


def make_story(draw):
    """Three sessions of one animal on one rig, each stimulus announced."""
    said = []
    for session in ("a", "b", "c"):
        keys = {"rig": "r1", "subject": "m1", "session": session}
        of = [{"kind": "session_start", **keys, "stimuli": [-1.0, 0.0, 1.0]}]
        for n in range(60):
            trial = random_trial(draw, n, **keys)
            del trial["seq"]
            of += [{"kind": "stimulus", **keys, "stimulus": trial["stimulus"], "trial": n}, trial]
        of.append({"kind": "session_end", **keys})
        said += [dict(m, seq=seq) for seq, m in enumerate(of, 1)]
    return said


class Again(unittest.TestCase):
    def setUp(self):
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", ResourceWarning)

    def outcomes(self, daemon):
        return daemon.query("SELECT session, trial, p_right, nats, p_disengaged, status FROM trial"
                            " ORDER BY event")

    def test_old_messages_sent_again_change_no_answer_and_no_outcome(self):
        print(f"SEED={SEED}", file=sys.stderr)
        draw = random.Random(SEED)
        said = make_story(draw)
        with Daemon() as plain, Daemon() as daemon:
            asker, again = plain.asker(), daemon.asker()
            for i, message in enumerate(said):
                expected = what(asker.ask(**message))
                self.assertEqual(what(again.ask(**message)), expected)
                for _ in range(draw.choice((0, 0, 1, 3))):
                    old = said[draw.randrange(i + 1)]
                    reply = again.ask(**old)
                    self.assertNotEqual(reply["kind"], "error", reply)
                    for key in ("rig", "subject", "session", "trial", "seq"):
                        self.assertEqual(reply.get(key), old.get(key), (key, old, reply))
            self.assertEqual((plain.stop(), daemon.stop()), (0, 0))
            self.assertEqual(self.outcomes(daemon), self.outcomes(plain))
            counts = "SELECT count(*), count(DISTINCT session), max(trial) FROM event"
            self.assertEqual(daemon.query(counts), plain.query(counts))

    def test_a_task_restarted_without_its_spool_has_its_second_run_on_disk(self):
        with Daemon() as daemon:
            for run, n in ((1, 300), (2, 200), (3, 5)):
                with murid.Client("box-1", ask=daemon.endpoint["ask"]) as rig:
                    rig.session_start("m01", session="day1")
                    for i in range(n):
                        rig.ask(stimulus=0.5 if i % 2 else -0.5, choice=(i + run) % 2, reward=1)
                    self.assertTrue(rig.flush(10))
                    name = "day1" if run == 1 else f"day1+{run}"
                    self.assertEqual([t[2] for t in daemon.trials(session=name)], list(range(n)))
            self.assertIn("day1+2", daemon.alerts("restarted")[0])

    def test_a_task_that_begins_anew_in_a_program_that_goes_on_is_kept_too(self):
        with Daemon() as daemon, murid.Client("box-1", ask=daemon.endpoint["ask"]) as rig:
            rig.session_start("m01", session="day1")
            for run, n in ((1, 70), (2, 90), (3, 3)):
                for i in range(n):
                    rig.ask(trial=i, stimulus=0.5 if i % 2 else -0.5, choice=(i + run) % 2, reward=1)
            self.assertTrue(rig.flush(10))
            for name, n in (("day1", 70), ("day1+2", 90), ("day1+3", 3)):
                self.assertEqual([t[2] for t in daemon.trials(session=name)], list(range(n)))

    def test_a_daemon_away_for_any_time_costs_no_trial(self):
        for away in (1, 60, 70, 150):
            with self.subTest(away=away), Daemon() as daemon:
                with murid.Client("box-1", ask=daemon.endpoint["ask"], timeout_s=0.3) as rig:
                    rig.session_start("m01", session="a")
                    for i in range(20):
                        rig.ask(stimulus=0.5, choice=i % 2)
                    rig.session_end()
                    rig.session_start("m01", session="b")
                    daemon.kill()
                    for i in range(away):
                        rig.ask(stimulus=-0.5, choice=i % 2)
                    daemon.start()
                    deadline = time.monotonic() + 20
                    while not rig.flush(1):
                        self.assertLess(time.monotonic(), deadline)
                    daemon.kill()
                    self.assertEqual([len(daemon.trials(session=s)) for s in "ab"], [20, away])
                    self.assertIsNotNone(daemon.start() and rig.ask(stimulus=0.5, choice=1)
                                         or rig.ask(stimulus=0.5, choice=1))

    def test_a_table_whose_sessions_share_a_name_is_played_whole(self):
        with open(DEMO) as f:
            rows = list(csv.DictReader(f))
        with tempfile.TemporaryDirectory() as folder, Daemon() as daemon:
            path = os.path.join(folder, "one.csv")
            with open(path, "w", newline="") as f:
                out = csv.DictWriter(f, rows[0].keys())
                out.writeheader()
                out.writerows(dict(row, session="001") for row in rows)
            for _ in range(2):  # and a second time nothing is added
                done = subprocess.run([MURID, "play", path, "--asap", "--to", daemon.endpoint["ask"]],
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(daemon.stop(), 0)
            held = daemon.query("SELECT trial, stimulus FROM trial ORDER BY event")
            self.assertEqual(held, [(int(r["trial"]), float(r["stimulus"])) for r in rows])


if __name__ == "__main__":
    unittest.main()

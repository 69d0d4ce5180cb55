"""The daemon is killed at random moments while rigs ask; nothing may be lost, doubled or changed."""
import json
import os
import random
import subprocess
import sys
import time
import unittest

from daemon import MURID, Daemon, Rig, random_trial, session_state, subject_state

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
KILLS = int(os.environ.get("KILLS", 50))
CLIENT_KILLS = int(os.environ.get("CLIENT_KILLS", 12))
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support", "rig_program.py")
RATE = 200


def make_session(draw, rig, subject, name, n_trials, with_disorder=False, with_stimuli=False):
    """One session's messages; with disorder, some trials come after their successors; with stimuli, each
    trial is announced."""
    keys = {"rig": rig, "subject": subject, "session": name}
    trials = [random_trial(draw, n, **keys) for n in range(n_trials)]
    if with_disorder:
        for i in range(0, n_trials - 8, 8):
            if draw.random() < 0.2:
                j = i + draw.randrange(1, 8)
                trials[i], trials[j] = trials[j], trials[i]
    if with_stimuli:
        trials = [m for t in trials for m in ({"v": 1, "kind": "stimulus", **keys,
                                               "stimulus": t["stimulus"]}, t)]
    start = {"v": 1, "kind": "session_start", **keys, "stimuli": [-1.0, -0.25, 0.0, 0.25, 1.0]}
    messages = [start, *trials, {"v": 1, "kind": "session_end", **keys}]
    return [dict(m, seq=seq) for seq, m in enumerate(messages, 1)]


def make_rig(daemon, draw, i):
    """Rig 0 has long sessions and announces its stimuli, rig 1 has very short ones, and rig 2 sends in
    disorder."""
    n_trials, n_sessions = ((700, 40), (5, 3000), (700, 40))[i]
    sessions = [make_session(draw, f"rig{i}", f"mouse{i}", f"day{n}", n_trials, i == 2, i == 0)
                for n in range(n_sessions)]
    return Rig(daemon, sessions, RATE)


PREDICTIONS = """
    SELECT subject.name, session.name, event.trial, for_trial, stimuli, prediction.p_right, lo, hi,
           w, w_sd, n, prediction.nats, prediction.baseline_nats, brier, ece
    FROM prediction JOIN event ON event.id = prediction.event
    JOIN subject ON subject.id = event.subject JOIN session ON session.id = event.session
    WHERE event.kind = 'trial' ORDER BY subject.name, event.id"""
OUTCOMES = """
    SELECT subject, session, trial, stimulus, choice, reward, side, rt_s, status, p_right, nats,
           baseline_nats, p_disengaged FROM trial ORDER BY subject, event"""
DISENGAGED = """
    SELECT subject, evidence, text FROM alert WHERE code = 'disengaged' ORDER BY subject, event"""


class Program:
    """A rig's program on murid.py, with its spool: see rig_program.py."""

    def __init__(self, daemon, i, sessions, pause_s):
        self.path = os.path.join(daemon.directory, f"rig{i}.json")
        self.sessions = sessions
        self.subject = f"mouse{i}"
        with open(self.path, "w") as f:
            json.dump({"rig": f"rig{i}", "subject": self.subject, "ask": daemon.endpoint["ask"],
                       "journal": daemon.journal, "sessions": sessions, "pause_s": pause_s,
                       "spool": os.path.join(daemon.directory, f"rig{i}.spool")}, f)
        self.process = None

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-W", "ignore", PROGRAM, self.path], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def is_over(self):
        return self.process.poll() is not None

    def result(self, timeout=120):
        said, _ = self.process.communicate(timeout=timeout)
        return self.process.returncode, said


def states(daemon):
    """Every subject's and session's checkpointed state by name."""
    names = dict(daemon.query("SELECT id, name FROM session"))
    subjects = {}
    for name, blob in daemon.query("SELECT name, state FROM subject"
                                   " JOIN checkpoint ON checkpoint.subject = subject.id"):
        state, session = subject_state(blob)
        subjects[name] = (state, names[session])
    sessions = {}
    for subject, name, blob in daemon.query(
            "SELECT subject.name, session.name, state FROM session"
            " JOIN subject ON subject.id = session.subject"):
        state = session_state(blob)
        for key in ("last_heard_mono_ns", "last_heard_boot", "last_heard_wall_ns", "counts_since"):
            del state[key]  # when, not what
        sessions[subject, name] = state
    return subjects, sessions


class Crash(unittest.TestCase):
    maxDiff = 2000

    def finish(self, rigs):
        for rig in rigs:
            rig.finish()
        for rig in rigs:
            rig.join(60)
            self.assertIsNone(rig.failure)
            self.assertFalse(rig.is_alive(), "a rig never learned that its trials are on disk")
            self.assertEqual(rig.refused, [])

    def assert_holds_what_was_sent(self, daemon, rigs):
        for rig in rigs:
            for messages in rig.sessions:
                sent = [(m["subject"], m["session"], m["trial"], m["stimulus"], m.get("choice"))
                        for m in messages if m["kind"] == "trial"]
                if not sent:
                    continue
                held = daemon.trials(subject=sent[0][0], session=sent[0][1])
                self.assertEqual(len(held), len(set(held)), "doubled")
                self.assertEqual(set(sent) - set(held), set(), "lost")
                self.assertEqual(held, sent)

    def assert_same_journals(self, one, other, but=()):
        self.assertEqual(one.query("PRAGMA integrity_check"), [("ok",)])
        for sql in (OUTCOMES, PREDICTIONS, DISENGAGED):
            a, b = one.query(sql), other.query(sql)
            self.assertEqual(len(a), len(b))
            for x, y in zip(a, b):
                self.assertEqual(x, y)
        (subjects, sessions), (subjects2, sessions2) = states(one), states(other)
        for state in (*sessions.values(), *sessions2.values()):
            for key in but:
                del state[key]
        self.assertEqual(sessions, sessions2)
        self.assertEqual(subjects.keys(), subjects2.keys())
        for name in subjects:
            a, b = subjects[name], subjects2[name]
            self.assertEqual(a[1], b[1])
            self.assertEqual(len(a[0]), len(b[0]), name)
            self.assertEqual([i for i, (x, y) in enumerate(zip(a[0], b[0])) if x != y], [], name)

    def assert_replays(self, daemon):
        done = subprocess.run([MURID, "replay", daemon.journal], capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_killed_at_random_moments_it_ends_where_an_uninterrupted_one_does(self):
        print(f"SEED={SEED}", file=sys.stderr)
        draw = random.Random(SEED)
        daemon = Daemon()
        rigs = [make_rig(daemon, draw, i) for i in range(3)]
        moments = [(draw.random() < 0.2, draw.random()) for _ in range(KILLS)]
        with daemon:
            for rig in rigs:
                rig.start()
            for in_start, moment in moments:
                if in_start:
                    time.sleep(0.06 * moment)
                else:
                    daemon.wait_ready()
                    time.sleep(0.05 + 0.45 * moment)
                daemon.kill()
                daemon.launch()
            daemon.wait_ready()
            self.finish(rigs)
            self.assertEqual(daemon.stop(), 0)
            resumed = daemon.query("SELECT count(*) FROM run")[0][0]
            n = sum(rig.n_sent for rig in rigs)
            print(f"{KILLS} kills, {resumed} runs, {n} messages answered, "
                  f"{sum(rig.reconnects for rig in rigs)} reconnects", file=sys.stderr)
            self.assert_holds_what_was_sent(daemon, rigs)
            with Daemon() as whole:
                again = [Rig(whole, rig.sessions, wait_ms=5000) for rig in rigs]
                for rig in again:
                    rig.start()
                for rig in again:
                    rig.join(60)
                    self.assertIsNone(rig.failure)
                self.assertEqual(whole.stop(), 0)
                self.assert_same_journals(daemon, whole)
            self.assert_replays(daemon)

    def test_clients_and_daemon_killed_at_random_end_where_none_was_killed(self):
        """With murid.py and its spool: each trial once, and flush() never True before it is so."""
        print(f"SEED={SEED}", file=sys.stderr)
        draw = random.Random(SEED + 3)
        plans = [[(f"day{n}", sorted(draw.sample(range(2, 45), draw.choice((1, 1, 2, 3))), reverse=True))
                  for n in range(8)] for _ in range(3)]
        with Daemon() as daemon:
            programs = [Program(daemon, i, plan, 0.01) for i, plan in enumerate(plans)]
            for program in programs:
                program.start()
            kills = [True] * CLIENT_KILLS + [False] * (2 * CLIENT_KILLS)
            draw.shuffle(kills)
            for is_client in kills:
                time.sleep(0.02 + 0.25 * draw.random())
                if is_client:
                    program = draw.choice(programs)
                    if not program.is_over():
                        program.kill()
                        program.start()
                else:
                    daemon.kill()
                    time.sleep(0.3 * draw.random())
                    daemon.launch()
            daemon.wait_ready()
            for program in programs:
                code, said = program.result()
                self.assertEqual((code, said), (0, "done []\n"))
            self.assertEqual(daemon.stop(), 0)
            with Daemon() as whole:
                again = [Program(whole, i, plan, 0.0) for i, plan in enumerate(plans)]
                for program in again:
                    program.start()
                for program in again:
                    self.assertEqual(program.result(), (0, "done []\n"))
                self.assertEqual(whole.stop(), 0)
                # Each start of a program says session_start once more, under a seq of its own.
                self.assert_same_journals(daemon, whole, but=("seqs", "start_content", "first_seq"))
            self.assert_replays(daemon)

    def test_sigterm_under_load_loses_nothing_and_ends_with_0(self):
        draw = random.Random(SEED + 1)
        daemon = Daemon()
        rigs = [make_rig(daemon, draw, i) for i in range(3)]
        with daemon:
            for rig in rigs:
                rig.start()
            for _ in range(3):
                time.sleep(0.4)
                self.assertEqual(daemon.stop(), 0)
                self.assertIn("all on disk", daemon.log(daemon.mark))
                daemon.start()
            self.finish(rigs)
            self.assertEqual(daemon.stop(), 0)
            self.assert_holds_what_was_sent(daemon, rigs)
            self.assert_replays(daemon)

    def test_a_rig_started_anew_is_told_what_is_on_disk(self):
        draw = random.Random(SEED + 2)
        with Daemon() as daemon:
            messages = make_session(draw, "rig1", "m1", "s1", 200)[:101]
            rig = Rig(daemon, [messages])
            rig.start()
            rig.join(60)
            self.assertIsNone(rig.failure)
            hello = {"kind": "hello", "rig": "rig1", "subject": "m1", "session": "s1"}
            asker = daemon.asker()
            self.assertEqual(asker.ask(**hello)["durable_seq"], 101)
            daemon.kill()
            daemon.start()
            asker = daemon.asker()
            self.assertEqual(asker.ask(**hello)["durable_seq"], 101)
            self.assertEqual(asker.ask(**dict(hello, session="other"))["durable_seq"], 0)
            again = asker.ask(**messages[50])
            self.assertEqual((again["kind"], again["for_trial"], again["durable_seq"]),
                             ("prediction", 100, 101))
            after = asker.ask(**random_trial(draw, 100, subject="m1", session="s1", seq=102))
            self.assertEqual((after["for_trial"], after["score"]["n"] > 80), (101, True))
            daemon.settle()
            self.assertEqual(asker.ask(**hello)["durable_seq"], 102)


if __name__ == "__main__":
    unittest.main()

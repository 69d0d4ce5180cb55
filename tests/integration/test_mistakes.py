#!/usr/bin/python3
"""Mistakes of a rig at a real daemon, with its journal: none of them becomes data, what is sound of
a trial is kept, one animal is on one rig, and a journal is replayed to the same bits."""
import json
import math
import subprocess
import time
import unittest

import msgpack

from daemon import MURID, Daemon, trial


def bare(number, **keys):
    """A trial that does not say its choice."""
    message = trial(number, seq=None, **keys)
    del message["choice"]
    return message


class Mistakes(unittest.TestCase):
    def replay(self, daemon):
        self.assertEqual(daemon.stop(), 0)
        done = subprocess.run([MURID, "replay", daemon.journal], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_trial_without_a_choice_is_refused_and_one_with_a_no_go_is_not(self):
        with Daemon() as daemon:
            asker = daemon.asker()
            for ask in (asker.ask, asker.ask_json):
                reply = ask(**bare(0))
                self.assertEqual((reply["code"], reply["key"]), ("bad_message", "trial.choice"))
                self.assertIn("write null for nil", reply["text"])
                self.assertIn("`choise` is no key", ask(**bare(0, choise=1))["text"])
            self.assertEqual(asker.ask(**trial(0, choice=None))["for_trial"], 1)
            self.assertEqual(asker.ask_json(**trial(1, choice=math.nan))["for_trial"], 2)
            daemon.settle()
            self.assertEqual([t[4] for t in daemon.trials()], [None, None])
            said, = daemon.alerts("value_dropped")
            self.assertIn("trial 1: trial.choice is dropped: NaN", said)
            self.replay(daemon)

    def test_a_value_that_cannot_be_is_nil_and_said_and_the_trial_is_kept(self):
        wrong = {"rt_s": [-1, math.inf, 1e9], "reward": [2, -math.inf], "side": [3, 0.5, math.nan], "p_left": [80],
                 "repeat": [7], "next_stimulus": [25], "reward_ul": [-1], "t_rig_us": [-1]}
        with Daemon() as daemon:
            listener = daemon.ready_listener("murid/1/")
            asker, n = daemon.asker(), 0
            for key, values in wrong.items():
                for value in values:
                    for ask in (asker.ask, asker.ask_json):
                        self.assertEqual(ask(**trial(n, **{key: value}))["for_trial"], n + 1, (key, value))
                        n += 1
            self.assertEqual(asker.ask(**trial(n, rt=0.4))["for_trial"], n + 1)
            daemon.settle()
            self.assertEqual(len(daemon.trials()), n + 1)
            rows = daemon.query("SELECT max(rt_s), max(side), min(reward), max(reward) FROM trial")
            self.assertEqual(rows, [(None, None, 1.0, 1.0)])
            raw = json.loads(daemon.query("SELECT raw FROM event WHERE trial = 1")[0][0])
            self.assertEqual(raw["rt_s"], -1)
            while True:
                topic, body = listener.recv_multipart()
                if topic.endswith(b"/alert"):
                    break
            alert = msgpack.unpackb(body)
            self.assertEqual((alert["code"], alert["rig"], alert["subject"]),
                             ("value_dropped", "rig1", "m1"))
            self.assertIn("session s1, trial 0: trial.rt_s is dropped: -1 is outside 0..86400 s",
                          alert["text"])
            self.replay(daemon)
            texts = daemon.alerts("value_dropped")
            self.assertEqual(sum(int(t.split()[0]) if " more " in t else 1 for t in texts), n + 1)
            self.assertIn("did you mean `rt_s`?", texts[-1])

    def test_percent_is_refused_as_such(self):
        with Daemon() as daemon:
            reply = daemon.asker().ask(**trial(0, stimulus=25))
            self.assertEqual((reply["code"], reply["key"]), ("bad_message", "trial.stimulus"))
            self.assertIn("it looks like percent", reply["text"])

    def play(self, asker, rig, session, numbers, **keys):
        return [asker.ask(**trial(n, rig=rig, session=session, seq=None, **keys)) for n in numbers]

    def test_an_animal_on_two_rigs_is_asked_about_and_the_twin_learns_from_one(self):
        with Daemon() as daemon, Daemon() as alone:
            asker = daemon.asker()
            start = dict(kind="session_start", subject="m1")
            asker.ask(**start, rig="r1", session="a")
            self.play(asker, "r1", "a", range(5))
            reply = asker.ask(**start, rig="r2", session="b", seq=1)
            self.assertEqual((reply["kind"], reply["code"]), ("error", "subject_twice"))
            for said in ("session a on r1", "`moved`: true"):
                self.assertIn(said, reply["text"])
            for reply in self.play(asker, "r2", "b", range(3)):
                self.assertEqual(reply["code"], "subject_twice")
            here = self.play(asker, "r1", "a", range(5, 10))[-1]
            there = alone.asker()
            there.ask(**start, rig="r1", session="a")
            one = self.play(there, "r1", "a", range(10))[-1]
            self.assertEqual(here["w"], one["w"])
            daemon.settle()
            text, = daemon.alerts("subject_twice")
            for said in ("session a on r1", "session b on r2"):
                self.assertIn(said, text)
            self.assertEqual(len(daemon.query("SELECT * FROM event WHERE kind = 'trial'")), 13)
            daemon.kill()
            daemon.start()
            asker = daemon.asker()
            self.assertEqual(self.play(asker, "r2", "b", [3])[0]["code"], "subject_twice")
            reply = asker.ask(**start, rig="r2", session="b", moved=True, stimuli=[0.5], seq=2)
            self.assertEqual((reply["kind"], reply["stimuli"]), ("prediction", [0.5]))
            self.assertEqual(self.play(asker, "r2", "b", [4])[0]["for_trial"], 5)
            self.assertEqual(self.play(asker, "r1", "a", [10])[0]["code"], "subject_twice")
            daemon.settle()
            self.assertEqual(len(daemon.alerts("subject_twice")), 2)
            self.assertEqual(len(daemon.alerts("gap")), 0)
            until = time.monotonic() + 5
            while time.monotonic() < until and asker.ask(
                    kind="hello", rig="r2", subject="m1", session="b")["durable_seq"] < 2:
                time.sleep(0.01)
            self.assertEqual(asker.ask(kind="hello", rig="r2", subject="m1", session="b")["durable_seq"], 2)
            self.replay(daemon)

    def test_an_ended_or_silent_session_lets_its_animal_go(self):
        with Daemon({"session": {"hold_s": 1}}) as daemon:
            asker = daemon.asker()
            self.play(asker, "r1", "a", range(3))
            self.assertEqual(self.play(asker, "r2", "b", [0])[0]["code"], "subject_twice")
            asker.ask(kind="session_end", rig="r1", subject="m1", session="a")
            self.assertEqual(self.play(asker, "r2", "b", [1])[0]["for_trial"], 2)
            time.sleep(1.2)
            self.assertEqual(self.play(asker, "r3", "c", [0])[0]["for_trial"], 1)
            self.replay(daemon)


if __name__ == "__main__":
    unittest.main()

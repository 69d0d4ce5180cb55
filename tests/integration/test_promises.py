#!/usr/bin/python3
"""What README.md promises of the link to a rig, by real daemons and what it shows of programs. Other promises
have tests of their own: test_crash.py, test_sockets.py, test_engagement.py, test_audit.py, test_score.py."""
import json
import os
import re
import tempfile
import time
import unittest
import warnings

import zmq

import murid
from daemon import Daemon, trial

with open(os.path.join(os.environ["MURID_SOURCE_DIR"], "README.md"), encoding="utf-8") as f:
    README = f.read()


def block(language):
    return re.search(r"```%s\n(.*?)```" % language, README, re.S).group(1)


class Promises(unittest.TestCase):
    def setUp(self):
        warnings.simplefilter("ignore", RuntimeWarning)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.spool = os.path.join(folder.name, "box-1.spool")

    def client(self, daemon, **keys):
        client = murid.Client("box-1", ask=daemon.endpoint["ask"], spool=self.spool, **keys)
        self.addCleanup(client.close)
        return client

    def test_the_python_program_of_the_readme_runs_as_it_stands(self):
        with Daemon() as daemon:
            code = block("python").replace('"box-1.spool"', "SPOOL, ask=ASK")
            scope = {"SPOOL": self.spool, "ASK": daemon.endpoint["ask"], "print": lambda *_: None,
                     "my_task": lambda: [(0.25, 1, 1, 0.4), (-0.5, None, 0, float("nan")), (1, 1, 1, 0.3)]}
            exec(code, scope)
            self.assertEqual((scope["rig"].pending, scope["rig"].strays), (0, 0))
            scope["rig"].close()
            self.assertEqual([t[2:] for t in daemon.trials()],
                             [(0, 0.25, 1), (1, -0.5, None), (2, 1.0, 1)])

    def test_a_program_as_in_the_matlab_lines_waits_once_and_its_trials_arrive(self):
        code = block("matlab")
        for line in ("'ZMQ_RCVTIMEO', 1000)", "'ZMQ_LINGER', 0)", "'ZMQ_RCVTIMEO', 0)", "catch"):
            self.assertIn(line, code)
        with Daemon() as daemon:
            socket = daemon.socket(zmq.DEALER, "ask", rcvtimeo=1000, sndtimeo=0)
            kept = []

            def ask(n):
                message = {k: v for k, v in trial(n, rig="box-1", t_wall_ns=None).items() if k not in ("seq", "v")}
                prediction = {"trial": -1}
                try:
                    socket.send(json.dumps(message).encode())
                    while prediction["trial"] != n:
                        prediction = json.loads(socket.recv())
                        socket.rcvtimeo = 1000
                    return prediction
                except zmq.Again:
                    kept.append(message)
                    socket.rcvtimeo = 0

            self.assertEqual([ask(n)["for_trial"] for n in range(5)], [1, 2, 3, 4, 5])
            daemon.settle()
            daemon.kill()
            t0 = time.monotonic()
            for n in range(5, 40):
                self.assertIsNone(ask(n))
            self.assertLess(time.monotonic() - t0, 1.5)
            daemon.start()
            while socket.poll(1000):  # it connects again by itself, and what was sent goes first
                socket.recv()
            n = 40
            while ask(n) is None:
                n += 1
                time.sleep(0.1)
                self.assertLess(n, 50, "no answer is taken though all come")
            for message in kept:
                socket.send(json.dumps(message).encode())
            daemon.wait("all to be taken up", lambda s: s["trials"] >= n + 1 - 5 and s["gaps"] == 0)
            daemon.settle()
            self.assertEqual(sorted(t for _, _, t, _, _ in daemon.trials()), list(range(n + 1)))

    def test_it_never_makes_a_rig_wait(self):
        with Daemon() as daemon:
            client = self.client(daemon)
            client.session_start("m01", session="s1")
            self.assertTrue(client.ask(stimulus=0.5, choice=1, reward=1))
            self.assertTrue(client.flush(5))
            daemon.kill()
            t0 = time.monotonic()
            for _ in range(200):
                self.assertFalse(client.ask(stimulus=0.5, choice=1, reward=1))
            self.assertLess(time.monotonic() - t0, client.timeout_s + 0.5)
            daemon.start()
            self.assertTrue(client.flush(20))
            self.assertFalse(client.is_down)
            self.assertTrue(client.ask(stimulus=0.5, choice=1, reward=1))
            self.assertTrue(client.flush(5))
            self.assertEqual([t[2] for t in daemon.trials()], list(range(202)))

    def test_no_trial_is_lost_of_a_session_before_or_after_a_kill(self):
        with Daemon() as daemon:
            client = self.client(daemon)
            for session, n in (("a", 40), ("b", 8)):
                client.session_start("m01", session=session)
                for i in range(n):
                    client.ask(stimulus=(i % 5 - 2) / 2, choice=i % 2, reward=1)
                if session == "a":
                    client.session_end()
            daemon.kill()
            for i in range(100):
                client.ask(stimulus=0.5, choice=1, reward=1)
            client.session_end()
            client.session_start("m02", session="c")
            for i in range(10):
                client.ask(stimulus=0.5, choice=1, reward=1)
            daemon.start()
            self.assertTrue(client.flush(20))
            for session, n in (("a", 40), ("b", 108), ("c", 10)):
                self.assertEqual([t[2] for t in daemon.trials(session=session)], list(range(n)))

    def test_it_says_what_is_wrong_as_an_alert_and_in_the_journal(self):
        with Daemon() as daemon:
            listener = daemon.ready_listener("json/1/")
            asker = daemon.asker()
            asker.ask(**trial(0))
            asker.ask(**trial(5))
            refused = asker.ask(**trial(6, stimulus=1.5))
            self.assertEqual((refused["code"], refused["key"]), ("bad_message", "trial.stimulus"))
            asker.ask(**trial(6, choice=0))
            asker.ask(**trial(6, choice=1))
            daemon.settle()
            published = {}
            deadline = time.monotonic() + 10
            while len(published) < 3 and time.monotonic() < deadline and listener.poll(1000):
                topic, body = listener.recv_multipart()
                if topic.endswith(b"/alert"):
                    alert = json.loads(body)
                    published[alert["code"]] = alert["text"]
            for code, place in (("gap", "m1"), ("bad_message", "stimulus"), ("conflict", "6")):
                self.assertIn(place, published[code])
                self.assertNotIn("\n", published[code])
                self.assertEqual(daemon.alerts(code)[0], published[code])


if __name__ == "__main__":
    unittest.main()

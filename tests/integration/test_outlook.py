"""Forecasts of a live daemon: told and journaled in the background, of what the animal shows, and the
same after a kill; none where they are switched off."""
import json
import math
import os
import random
import signal
import subprocess
import time
import unittest

import msgpack

from daemon import MURID, Daemon, trial

STAGED = os.path.join(os.environ["MURID_SOURCE_DIR"], "configs", "protocols", "staged_2afc.yaml")
FORECAST = {"enabled": True, "every_trials": 100, "rollouts": 100}


def learner(draw, n, rate=0.05, session="s1"):
    """Trials of an animal that learns by REINFORCE."""
    w, bias = 0.0, 0.0
    for t in range(n):
        s = draw.choice((-1.0, -0.5, 0.5, 1.0))
        x = math.tanh(5 * s) / math.tanh(5)
        p = 1 / (1 + math.exp(-w * x - bias))
        choice = int(draw.random() < p)
        reward = int((s > 0) == bool(choice))
        w += rate * reward * (choice - p) * x
        bias += rate * reward * (choice - p)
        yield trial(t, stimulus=s, choice=choice, reward=reward, side=int(s > 0), rt_s=0.4,
                    session=session)


def wait_for(found, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = found()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError("nothing came in time")


class Outlook(unittest.TestCase):
    def rows(self, daemon):
        return daemon.query("SELECT event, message FROM forecast ORDER BY event")

    def test_a_forecast_is_told_and_journaled(self):
        with Daemon({"forecast": FORECAST}) as daemon:
            plain, text = daemon.listener(b"murid/1/"), daemon.listener(b"json/1/")
            asker = daemon.asker()
            for t in learner(random.Random(1), 400):
                asker.ask(**t)
            rows = wait_for(lambda: self.rows(daemon))
            heard = []
            for socket, decode in ((plain, msgpack.unpackb), (text, json.loads)):
                while True:
                    topic, body = socket.recv_multipart()
                    if topic.endswith(b"/forecast"):
                        heard.append(decode(body))
                        break
                socket.close()
            asker.close()
            whole = json.loads(rows[0][1])
        self.assertEqual(heard[0]["correct"], heard[1]["correct"])
        self.assertEqual(whole["correct"], heard[0]["correct"])
        self.assertEqual((whole["kind"], whole["subject"], whole["stimuli"]),
                         ("forecast", heard[0]["subject"], "recent"))
        self.assertEqual(whole["rollouts"], 100)
        bands = whole["correct"]
        for i, median in enumerate(bands["median"]):
            self.assertLessEqual(bands["lo90"][i], bands["lo50"][i])
            self.assertLessEqual(bands["lo50"][i], median)
            self.assertLessEqual(median, bands["hi50"][i])
            self.assertLessEqual(bands["hi50"][i], bands["hi90"][i])
        self.assertTrue(0 <= whole["current"]["p_reached"] <= 1)
        self.assertEqual(whole["next_status"], "trained_1a")
        within = whole["p_within"]
        self.assertTrue(0 <= within["1"] <= within["3"] <= within["5"] <= 1)

    def test_a_criterion_that_is_met_is_said_to_be_met_and_when_also_after_a_kill(self):
        """All are easy: with 20 right ones in a row it is met, at trial 19."""
        config = {"forecast": {**FORECAST, "over_trials": 20}}

        def right(first, n, session):
            return [trial(t, stimulus=0.5 - t % 2, choice=1 - t % 2, reward=1, side=1 - t % 2,
                          session=session) for t in range(first, first + n)]

        with Daemon(config) as daemon:
            asker = daemon.asker()
            for t in right(0, 110, "s1"):
                asker.ask(**t)
            rows = wait_for(lambda: self.rows(daemon))
            daemon.settle()
            daemon.kill()
            asker.close()
            daemon.start()
            asker = daemon.asker()
            for t in right(0, 110, "s2"):
                asker.ask(**t)
            asker.close()
            last = json.loads(wait_for(lambda: self.rows(daemon)[len(rows):])[-1][1])
            daemon.settle()
            said = subprocess.run([MURID, "review", daemon.data], capture_output=True, text=True,
                                  check=True, timeout=60).stdout
            found = json.loads(subprocess.run([MURID, "review", daemon.data, "--json"], check=True,
                                              capture_output=True, timeout=60).stdout)
        for told in (json.loads(rows[0][1]), last):
            self.assertEqual((told["met_trial"], told["met_session"]), (19, "s1"))
            self.assertEqual((told["current"]["median"], told["current"]["hi90"]), (0, 0))
            self.assertEqual(told["current"]["p_reached"], 1)
            self.assertEqual(told["sessions"]["median"], 0)
        self.assertEqual(last["session"], "s2")
        self.assertRegex(said, r"0\.8 correct met at trial 19 of session s1; .*of session s2")
        met = [s["forecast"]["met"] for s in found["subjects"].values()]
        self.assertEqual(met, [{"trial": 19, "session": "s1"}])

    def test_where_a_protocol_is_declared_the_forecast_is_under_it(self):
        with Daemon({"forecast": FORECAST, "protocol": {"file": STAGED}}) as daemon:
            asker = daemon.asker()
            for t in learner(random.Random(4), 120):
                asker.ask(**t)
            asker.close()
            rows = wait_for(lambda: self.rows(daemon))
        self.assertEqual(json.loads(rows[0][1])["stimuli"], "protocol")

    def test_advice_is_given_where_a_protocol_is_declared(self):
        with Daemon({"protocol": {"file": STAGED},
                     "advice": {"every_trials": 100, "rollouts": 32, "horizon_trials": 60,
                                "allowed": ["side", "stage_up", "contrast"]}}) as daemon:
            listener = daemon.listener(b"murid/1/")
            asker = daemon.asker()
            for t in learner(random.Random(5), 300):
                asker.ask(**t)
            asker.close()
            (event, text), *_ = wait_for(
                lambda: daemon.query("SELECT event, message FROM suggestion ORDER BY event"))
            while True:
                topic, body = listener.recv_multipart()
                if topic.endswith(b"/suggestion"):
                    break
            listener.close()
        told, heard = json.loads(text), msgpack.unpackb(body)
        self.assertEqual((told["actions"], told["why"]), (heard["actions"], heard["why"]))
        self.assertEqual(told["based_on"], told["trial"])
        self.assertLessEqual({a["action"] for a in told["actions"]},
                             {"carry_on", "side", "stage_up", "contrast"})
        for action in told["actions"]:
            self.assertLessEqual(action.get("gain_lo", 0), action.get("gain_hi", 0))
        self.assertTrue(told["why"])

    def test_watch_and_review_show_what_was_said(self):
        with Daemon({"forecast": FORECAST, "protocol": {"file": STAGED},
                     "advice": {"every_trials": 100, "rollouts": 32, "horizon_trials": 60,
                                "allowed": ["side", "stage_up", "contrast"]}}) as daemon:
            path = os.path.join(daemon.directory, "seen")
            with open(path, "w") as out:
                watch = subprocess.Popen([MURID, "watch", "--connect", daemon.endpoint["pub"]],
                                         stdout=out)
            self.addCleanup(watch.kill)
            standing = daemon.listener(b"murid/1/rig1/m1/training")
            asker = daemon.asker()
            trials = list(learner(random.Random(6), 800))
            for t in trials[:150]:
                asker.ask(**t)
            wait_for(lambda: daemon.query("SELECT * FROM forecast")
                     and daemon.query("SELECT * FROM suggestion"))
            for t in trials[150:]:
                asker.ask(**t)
            asker.ask(kind="session_end", rig="rig1", subject="m1", session="s1")
            while msgpack.unpackb(standing.recv_multipart()[1])["running"]:
                pass
            standing.close()
            asker.close()
            daemon.settle()
            time.sleep(1)  # for the watch to print it
            watch.send_signal(signal.SIGINT)
            self.assertEqual(watch.wait(60), 0)
            with open(path) as f:
                seen = f.read().splitlines()
            (event, text), *_ = self.rows(daemon)
            (_, advice), *_ = daemon.query("SELECT event, message FROM suggestion ORDER BY event")
            n_known, = daemon.query("SELECT count(*) FROM event WHERE id <= ?", event)[0]
            page = os.path.join(daemon.directory, "page.html")
            done = subprocess.run([MURID, "review", daemon.data, "--json", "--html", page],
                                  capture_output=True, text=True, timeout=60)
            plain = subprocess.run([MURID, "review", daemon.data], capture_output=True, text=True,
                                   timeout=60).stdout
            with open(page) as f:
                html = f.read()
        said, advice = json.loads(text), json.loads(advice)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found = json.loads(done.stdout)["subjects"]["m1"]

        # The forecast and its trial; what came, counted here from what was sent.
        forecast = next(line for line in seen if line.startswith("m1 forecast: "))
        self.assertIn(f"; trial {said['based_on']}", forecast)
        self.assertIn("50% ", forecast)
        status = next(line for line in seen if line.startswith("m1 status: "))
        self.assertIn("in_training; lacks ", status)
        held = found["forecast_held"]
        self.assertEqual((held["based_on"], held["window"]), (said["based_on"], said["window"]))
        window = said["window"]
        came = [sum(t["reward"] for t in trials[i:i + window]) / window
                for i in range(n_known, 800 - window + 1, window)]
        self.assertGreaterEqual(len(came), 5)
        self.assertEqual([w["came"] for w in held["windows"][:len(came)]], came)
        self.assertTrue(all(w["came"] is None for w in held["windows"][len(came):]))
        for window, lo90 in zip(held["windows"], said["correct"]["lo90"], strict=True):
            self.assertAlmostEqual(window["lo90"], lo90, places=7)
        within = sum(w["lo90"] <= w["came"] <= w["hi90"] for w in held["windows"][:len(came)])
        self.assertEqual((held["came"], held["within_90"]), (len(came), within))
        self.assertIn(f"of {len(came)} windows of {said['window']} choices", plain)

        # The advice, or why there is none; the same words live and afterwards.
        told = next(line for line in seen if line.startswith("m1 advice: "))
        if advice.get("abstain"):
            self.assertIn("none: " + advice["why"], told)
        else:
            self.assertIn(advice["why"].split(":")[0], told)
        self.assertEqual(sum(found["advice"]["abstained"].values()) + found["advice"]["advised"],
                         found["advice"]["n"])
        self.assertIn(f"requested {found['advice']['n']} times", plain)
        self.assertIn("A forecast against the observed trials", html)
        self.assertIn("observed</text>", html)
        self.assertNotIn("nan", html)

    def test_a_change_that_there_is_not_is_refused(self):
        daemon = Daemon({"advice": {"allowed": ["sides"]}})
        self.addCleanup(daemon.close)
        daemon.launch()
        self.assertEqual(daemon.process.wait(60), 2)
        self.assertIn('advice.allowed: "sides"', daemon.log())
        daemon.process = None

    def test_what_is_known_ahead_survives_a_kill(self):
        states = []
        for kill_at in (None, 160):
            with Daemon({"forecast": {**FORECAST, "every_trials": 1000000}}) as daemon:
                asker = daemon.asker()
                for i, t in enumerate(learner(random.Random(2), 300)):
                    if i == kill_at:
                        asker.close()
                        daemon.kill()
                        daemon.start()
                        asker = daemon.asker()
                    asker.ask(**t)
                    if i + 1 == kill_at:
                        wait_for(lambda: daemon.query("SELECT max(trial) FROM event")[0][0] == i)
                asker.close()
                self.assertEqual(daemon.stop(), 0)
                (state,), = daemon.query("SELECT state FROM checkpoint")
                states.append(state[16:])
        self.assertEqual(states[0], states[1])

    def test_switched_off_there_are_none(self):
        with Daemon({"forecast": {"enabled": False, "every_trials": 10}}) as daemon:
            asker = daemon.asker()
            for t in learner(random.Random(3), 100):
                asker.ask(**t)
            asker.close()
            time.sleep(1)
            self.assertEqual(self.rows(daemon), [])


if __name__ == "__main__":
    unittest.main()

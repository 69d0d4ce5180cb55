"""murid mouse against rigs written here: over ZeroMQ with pyzmq in msgpack and JSON, and over a pty
with frames that tests/reference/frame.py makes."""
import csv
import json
import math
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
import tty
import unittest

import msgpack
import zmq

ROOT = os.environ["MURID_SOURCE_DIR"]
sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
import skips
from daemon import Daemon  # noqa: E402
from frame import frame  # noqa: E402
from test_serial import example  # noqa: E402

MURID = os.environ["MURID_BIN"]
BUILD = os.environ["MURID_BINARY_DIR"]
SHIM = os.path.join(BUILD, "tests", "libserial_shim.so")
SIMAVR = os.path.join(BUILD, "tests", "simavr_pty")
IMAGE = os.path.join(BUILD, "firmware", "murid_uno_ask.elf")
DEVICE = os.path.join(BUILD, "firmware-bridge", "firmware", "murid_device")
WAIT_S = 60
CONTRASTS = (-1, -0.5, -0.25, -0.125, 0, 0.125, 0.25, 0.5, 1)
HALF_TRAINED = ("--rule", "reinforce", "--rate", "0.01", "--noise", "0", "--start", "2,0.3,0.2")


class Mouse:
    """The process; `endpoint` is where it listens. Its tally is what it prints in the end."""

    def __init__(self, *words, env=None):
        self.log = tempfile.NamedTemporaryFile()
        with open(self.log.name, "a") as log:
            self.process = subprocess.Popen([MURID, "mouse", "--json", *words], stdout=subprocess.PIPE,
                                            stderr=log, text=True, env=env)

    def said(self):
        with open(self.log.name) as log:
            return log.read()

    def wait_for(self, pattern):
        deadline = time.monotonic() + WAIT_S
        while True:
            found = re.search(pattern, self.said())
            if found:
                return found
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, (pattern, self.said())
            time.sleep(0.005)

    @property
    def endpoint(self):
        return self.wait_for(r"the mouse is ready at (tcp://\S+)").group(1)

    def end(self, sig=None):
        """Its tally, once it has ended (by that signal) with 0."""
        if sig is not None:
            self.process.send_signal(sig)
        out = self.process.communicate(timeout=WAIT_S)[0]
        assert self.process.returncode == 0, (self.process.returncode, self.said())
        return json.loads(out)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.log.close()


class Task:
    """The trials of a rig: stimuli drawn with equal chance, correct sides rewarded."""

    def __init__(self, seed, contrasts=CONTRASTS):
        self.random = random.Random(seed)
        self.contrasts = contrasts
        self.rows = []  # (stimulus, side, choice, rt_s)

    def draw(self):
        contrast = self.random.choice(self.contrasts)
        side = int(contrast > 0) if contrast != 0 else self.random.randrange(2)
        return contrast, side

    def note(self, contrast, side, choice, rt_s):
        self.rows.append((contrast, side, choice, rt_s))
        return None if choice is None else int(choice == side)

    def accuracy(self, first, last):
        part = [c == s for x, s, c, _ in self.rows[first:last] if c is not None and x != 0]
        return sum(part) / len(part)


def tail_of_chi_square(x, df):
    """P(chi-square with an even number of degrees of freedom > x)."""
    assert df % 2 == 0
    term, total = 1.0, 1.0
    for k in range(1, df // 2):
        term *= x / 2 / k
        total += term
    return math.exp(-x / 2) * total


def p_value(pairs, bins=10):
    """That events come as often as was said of each: pairs (probability, happened), in bins of
    neighbouring probabilities of equal size."""
    pairs = sorted(pairs, key=lambda pair: pair[0])  # not by what happened where equal
    x = 0.0
    for i in range(bins):
        part = pairs[i * len(pairs) // bins:(i + 1) * len(pairs) // bins]
        expected = sum(p for p, _ in part)
        variance = sum(p * (1 - p) for p, _ in part)
        x += (sum(hit for _, hit in part) - expected) ** 2 / variance
    return tail_of_chi_square(x, bins)


def shift(p, by):
    odds = math.log(p / (1 - p)) + by
    return 1 / (1 + math.exp(-odds))


def truth_of(path):
    with open(path) as f:
        return list(csv.DictReader(f))


def choices_of(truth):
    return [(float(r["p_right"]), int(r["choice"])) for r in truth if r["choice"] != ""]


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="murid-mouse-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.truth = os.path.join(self.directory, "truth.csv")
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)

    def mouse(self, *words, **options):
        mouse = Mouse(*words, **options)
        self.addCleanup(mouse.close)
        return mouse

    def listening(self, *words):
        return self.mouse("--bind", "tcp://127.0.0.1:*", *words)

    def socket(self, kind, **options):
        s = self.context.socket(kind)
        self.addCleanup(s.close)
        s.linger = 0
        s.rcvtimeo = s.sndtimeo = WAIT_S * 1000
        for name, value in options.items():
            setattr(s, name, value)
        return s

    def requester(self, mouse, **options):
        s = self.socket(zmq.REQ, **options)
        s.connect(mouse.endpoint)
        return s

    def ask(self, socket, as_json=False, **keys):
        keys = {"rig": "rig-1", "subject": "vm1", **keys}
        socket.send(json.dumps(keys).encode() if as_json else msgpack.packb(keys))
        body = socket.recv()
        self.assertEqual(body[:1] == b"{", as_json)
        return json.loads(body) if as_json else msgpack.unpackb(body)

    def run_trial(self, socket, task, n, **keys):
        """Shows a stimulus, takes the answer, tells how it ended."""
        contrast, side = task.draw()
        said = self.ask(socket, kind="stimulus", trial=n, stimulus=contrast, **keys)
        self.assertEqual((said["kind"], said["trial"]), ("choice", n), said)
        choice, rt_s = said.get("choice"), said.get("rt_s")
        self.assertEqual(choice is None, rt_s is None)
        reward = task.note(contrast, side, choice, rt_s)
        told = {"choice": choice, "reward": reward, "rt_s": rt_s, "side": side}
        echo = self.ask(socket, kind="trial", trial=n, stimulus=contrast, **told, **keys)
        self.assertEqual((echo["kind"], echo["trial"]), ("trial", n), echo)

    def play(self, socket, task, n, **keys):
        for i in range(n):
            self.run_trial(socket, task, i, **keys)


class Asked(Case):
    """The mouse binds, a rig's REQ or DEALER asks it."""

    def test_ten_thousand_stimuli_are_answered_once_each_by_the_stated_policy(self):
        n, sessions = 10000, 20
        mouse = self.listening("--speed", "0", "--seed", "11", "--truth", self.truth, "--force",
                               "--trials", str(n), *HALF_TRAINED)
        rig = self.requester(mouse)
        task = Task(11)
        for s in range(sessions):
            name = f"day-{s}"
            # One session in msgpack, the next in JSON.
            as_json = s % 2 == 1
            self.ask(rig, as_json, kind="session_start", session=name)
            self.play(rig, task, n // sessions, session=name, as_json=as_json)
        tally = mouse.end()
        answered = [r for r in task.rows if r[2] is not None]
        self.assertEqual(tally["stimuli"], n)
        self.assertEqual(tally["trials"], n)
        self.assertEqual(tally["sessions"], sessions)
        self.assertEqual((tally["choices"], tally["no_gos"]), (len(answered), n - len(answered)))
        self.assertEqual(tally["repeated"] + tally["refused"] + tally["unseen"], 0)

        truth = truth_of(self.truth)
        self.assertEqual(len(truth), n)
        heard = [("" if c is None else str(c), float(x)) for x, _, c, _ in task.rows]
        self.assertEqual([(r["choice"], float(r["stimulus"])) for r in truth], heard)
        self.assertEqual([(r["session"], int(r["trial"])) for r in truth],
                         [(f"day-{i // 500}", i % 500) for i in range(n)])

        choices = choices_of(truth)
        p = p_value(choices)
        no_gos = p_value([(float(r["p_no_go"]), int(r["choice"] == "")) for r in truth], 2)
        print(f"{len(choices)} choices: p = {p:.3f}; no-gos: p = {no_gos:.3f}")
        self.assertGreater(p, 0.001)
        self.assertGreater(no_gos, 0.001)
        # The test is no rubber stamp: policies a little off are found out.
        for by in (0.2, -0.2):
            self.assertLess(p_value([(shift(q, by), hit) for q, hit in choices]), 1e-4)
        self.assertLess(p_value([(0.5 + 0.9 * (q - 0.5), hit) for q, hit in choices]), 1e-4)

    def test_policy_and_learning_follow_from_the_weights_that_truth_tells(self):
        mouse = self.listening("--speed", "0", "--truth", self.truth, "--force", "--trials", "500", "--steady",
                               *HALF_TRAINED)
        task = Task(12)
        self.play(self.requester(mouse), task, 500)
        mouse.end()
        previous, after = 0.0, None
        for row, (_, side, choice, _) in zip(truth_of(self.truth), task.rows):
            self.assertEqual(list(row)[-3:], ["stimulus_weight", "bias_weight", "prev_choice_weight"])
            w, b, c = [float(row[k]) for k in list(row)[-3:]]
            x = math.tanh(5 * float(row["stimulus"])) / math.tanh(5)
            p = 1 / (1 + math.exp(-(w * x + b + c * previous)))
            self.assertAlmostEqual(float(row["p_policy"]), p, 6)
            self.assertEqual((row["p_right"], row["p_no_go"], row["state"]), (row["p_policy"], "0", "engaged"))
            if after:
                for was, now in zip(after, (w, b, c)):
                    self.assertAlmostEqual(was, now, 6)
            step = 0.01 * int(choice == side) * (choice - p)  # dw = a r (y - p) g
            after = [w + step * x, b + step, c + step * previous]
            previous = 2 * choice - 1

    def test_it_learns_from_rewards_and_without_them_does_not(self):
        for rate, learns in (("0.1", True), ("0", False)):
            mouse = self.listening("--speed", "0", "--seed", "5", "--trials", "2000", "--rule", "reinforce",
                                   "--rate", rate, "--noise", "0", "--start-sd", "0", "--steady",
                                   "--policy", "stimulus,bias")
            task = Task(5)
            self.play(self.requester(mouse), task, 2000)
            mouse.end()
            first, last = task.accuracy(0, 200), task.accuracy(1500, 2000)
            print(f"rate {rate}: correct {first:.2f}, then {last:.2f}")
            if learns:
                self.assertGreater(last, first + 0.2)
                self.assertGreater(last, 0.85)
            else:
                self.assertLess(abs(last - 0.5), 0.1)

    def test_it_makes_more_no_gos_the_longer_a_session_lasts_and_is_rested_after(self):
        sessions, n, part = 30, 800, 200
        mouse = self.listening("--speed", "0", "--seed", "6", "--tire", "500", *HALF_TRAINED)
        rig = self.requester(mouse)
        early = late = 0
        slow = []
        for s in range(sessions):
            task = Task(s)
            self.ask(rig, kind="session_start", session=str(s))
            self.play(rig, task, n, session=str(s))
            early += sum(c is None for _, _, c, _ in task.rows[:part])
            late += sum(c is None for _, _, c, _ in task.rows[-part:])
            slow += [task.rows]
        mouse.end(signal.SIGINT)
        times = [[r[3] for rows in slow for r in rows[at] if r[3] is not None]
                 for at in (slice(0, part), slice(-part, None))]
        means = [sum(math.log(t) for t in ts) / len(ts) for ts in times]
        print(f"no-gos in {sessions * part}: {early} early, {late} late; "
              f"reaction times {math.exp(means[0]):.2f} s, {math.exp(means[1]):.2f} s")
        self.assertGreater(late, 2 * early)
        self.assertGreater(means[1], means[0] + 0.1)

    def test_the_same_seed_gives_the_same_animal(self):
        seen = []
        for seed in ("7", "7", "8"):
            mouse = self.listening("--speed", "0", "--seed", seed, "--truth", self.truth, "--force", "--trials", "300",
                                   *HALF_TRAINED)
            self.play(self.requester(mouse), Task(1), 300)
            mouse.end()
            with open(self.truth) as f:
                seen.append(f.read())
        self.assertEqual(seen[0], seen[1])
        self.assertNotEqual(seen[0], seen[2])

    def test_it_answers_after_its_reaction_time_divided_by_the_speed(self):
        for speed in (1.0, 20.0):
            mouse = self.listening("--speed", str(speed), "--seed", "9", "--steady", *HALF_TRAINED)
            rig = self.requester(mouse)
            for n in range(6):
                start = time.monotonic()
                said = self.ask(rig, kind="stimulus", trial=n, stimulus=0.5)
                took = time.monotonic() - start
                self.assertGreaterEqual(took, said["rt_s"] / speed - 0.002)
                self.assertLess(took, said["rt_s"] / speed + 5.0)  # a busy machine
                self.ask(rig, kind="trial", trial=n, stimulus=0.5, choice=said["choice"], reward=1)
            mouse.end(signal.SIGINT)

    def test_a_no_go_is_said_when_its_window_is_over(self):
        mouse = self.listening("--window", "0.15", "--steady")  # no animal is that fast
        mouse.wait_for("is ready")
        start = time.monotonic()
        said = self.ask(self.requester(mouse), kind="stimulus", trial=0, stimulus=1)
        self.assertGreaterEqual(time.monotonic() - start, 0.148)
        self.assertEqual((said["kind"], said.get("choice"), said.get("rt_s")), ("choice", None, None))
        self.assertEqual(mouse.end(signal.SIGINT)["no_gos"], 1)

    def test_a_stimulus_asked_again_has_the_same_answer_also_over_a_new_socket(self):
        mouse = self.listening("--speed", "4", *HALF_TRAINED)
        lost = self.requester(mouse)
        lost.send(msgpack.packb({"kind": "stimulus", "rig": "r", "subject": "vm1", "trial": 0, "stimulus": 0.5}))
        time.sleep(0.02)
        lost.close()
        first = self.ask(self.requester(mouse), kind="stimulus", trial=0, stimulus=0.5)
        for as_json in (False, True):
            again = self.ask(self.requester(mouse), as_json, kind="stimulus", trial=0, stimulus=0.5)
            self.assertEqual((again.get("choice"), again.get("rt_s")), (first.get("choice"), first.get("rt_s")))
        tally = mouse.end(signal.SIGINT)
        self.assertEqual((tally["stimuli"], tally["choices"] + tally["no_gos"]), (1, 1))
        self.assertIn(tally["repeated"], (2, 3))  # 2: the first was lost with its socket

    def test_a_dealer_that_asks_twice_while_it_waits_is_answered_once(self):
        mouse = self.listening("--speed", "0.5", "--steady")
        rig = self.socket(zmq.DEALER)
        rig.connect(mouse.endpoint)
        for _ in range(3):
            rig.send(json.dumps({"kind": "stimulus", "rig": "r", "subject": "vm1", "trial": 0,
                                 "stimulus": 0.5}).encode())
        frames = rig.recv_multipart()
        self.assertEqual(len(frames), 1)  # no delimiter was sent
        self.assertEqual(json.loads(frames[0])["kind"], "choice")
        self.assertEqual(rig.poll(300), 0)
        self.assertEqual(mouse.end(signal.SIGINT)["repeated"], 2)

    def test_what_is_wrong_is_refused_by_name_and_changes_nothing(self):
        mouse = self.listening("--speed", "0", "--subject", "vm1", "--truth", self.truth, "--force", "--steady",
                               *HALF_TRAINED)
        rig = self.requester(mouse)

        def refused(code, key, **keys):
            said = self.ask(rig, True, **keys)
            self.assertEqual((said["kind"], said["code"], said.get("key", "")), ("error", code, key), said)
            self.assertTrue(said["text"])

        choice = self.ask(rig, kind="stimulus", trial=4, stimulus=0.5)["choice"]
        refused("conflict", "trial.choice", kind="trial", trial=4, stimulus=0.5, choice=1 - choice, reward=1)
        refused("conflict", "trial.stimulus", kind="trial", trial=4, stimulus=-0.5, choice=choice, reward=1)
        refused("conflict", "trial.choice", kind="trial", trial=5, stimulus=0.5, choice=choice, reward=1)
        refused("bad_message", "trial.stimulus", kind="trial", trial=4, features={"tone": 3}, choice=choice)
        refused("conflict", "stimulus.stimulus", kind="stimulus", trial=4, stimulus=0.25)
        refused("out_of_order", "", kind="stimulus", trial=3, stimulus=0.25)
        refused("not_found", "subject", kind="stimulus", subject="vm2", trial=5, stimulus=0.25)
        refused("bad_message", "stimulus.stimulus", kind="stimulus", trial=5, stimulus=1.5)
        refused("bad_message", "stimulus.stimulus", kind="stimulus", trial=5)
        refused("unknown_kind", "kind", kind="dance")
        refused("unknown_kind", "kind", kind="prediction", for_trial=1, stimuli=[], p_right=[], lo=[], hi=[])
        refused("version", "v", kind="stimulus", trial=5, stimulus=0.5, v=2)
        for garbage in (b"", b"\x00", b"{", b"\xdd\x04\x00\x00\x00", b"\xff" * 300, b"{}" * 9000,
                        os.urandom(5000)):
            rig.send(garbage)
            body = rig.recv()
            said = json.loads(body) if body[:1] == b"{" else msgpack.unpackb(body)
            self.assertEqual(said["kind"], "error")
        self.assertEqual(self.ask(rig, kind="hello")["software"], "murid mouse")
        self.ask(rig, kind="trial", trial=4, stimulus=0.5, choice=choice, reward=1)
        tally = mouse.end(signal.SIGINT)
        self.assertEqual((tally["stimuli"], tally["trials"], tally["refused"]), (1, 1, 19))
        self.assertEqual(len(truth_of(self.truth)), 1)
        self.assertIn("refused: ", mouse.said())
        self.assertLess(mouse.said().count("\n"), 15)  # not a line each

    def test_it_ends_cleanly_when_told_even_while_a_rig_waits(self):
        for sig in (signal.SIGINT, signal.SIGTERM):
            mouse = self.listening("--window", "3600", "--speed", "0.001", "--truth", self.truth, "--force")
            rig = self.requester(mouse)
            rig.send(json.dumps({"kind": "stimulus", "rig": "r", "subject": "m", "stimulus": 0.5}).encode())
            deadline = time.monotonic() + WAIT_S
            while len(truth_of(self.truth)) == 0:
                self.assertLess(time.monotonic(), deadline)
            start = time.monotonic()
            tally = mouse.end(sig)
            self.assertLess(time.monotonic() - start, 20)
            self.assertEqual((tally["stimuli"], tally["choices"]), (1, 0))


    def test_the_rig_of_the_docs_plays(self):
        with open(os.path.join(ROOT, "docs", "mouse.md"), encoding="utf-8") as f:
            text = f.read().split("```python\n", 1)[1].split("```", 1)[0]
        self.assertEqual(text.count("tcp://127.0.0.1:5780"), 1)
        mouse = self.listening("--speed", "0", "--trials", "500", *HALF_TRAINED)
        rig = subprocess.run([sys.executable, "-c", text.replace("tcp://127.0.0.1:5780", mouse.endpoint)],
                             capture_output=True, text=True, timeout=WAIT_S)
        self.assertEqual(rig.returncode, 0, rig.stderr)
        tally = mouse.end()
        self.assertEqual((tally["stimuli"], tally["trials"], tally["sessions"], tally["refused"]), (500, 500, 1, 0))
        self.assertGreater(tally["rewarded"], 250)


class Twin(Case):
    def test_the_daemon_follows_a_virtual_mouse_as_it_would_a_real_one(self):
        n = 3000
        mouse = self.listening("--speed", "0", "--seed", "21", "--truth", self.truth, "--force", "--trials", str(n),
                               "--rule", "none", "--noise", "0", "--session-noise", "0", "--start", "3,-0.5,0",
                               "--start-sd", "0", "--tire", "0")
        rig = self.requester(mouse)
        predictions = []
        with Daemon() as daemon:
            asker = daemon.asker()
            task = Task(21)
            for i in range(n):
                self.run_trial(rig, task, i, session="d1")
                contrast, side, choice, rt_s = task.rows[-1]
                said = asker.ask(kind="trial", rig="rig-1", subject="vm1", session="d1", trial=i, stimulus=contrast,
                                 choice=choice, reward=None if choice is None else int(choice == side), side=side,
                                 rt_s=rt_s)
                self.assertEqual(said["kind"], "prediction", said)
                predictions.append(said)
            asker.close()
        mouse.end()
        out = {True: [], False: []}
        for row, said in zip(truth_of(self.truth)[100:], predictions[100:]):
            out[row["state"] != "engaged"].append(said["p_disengaged"])
        engaged, away = (sum(p) / len(p) for p in (out[False], out[True]))
        print(f"p_disengaged: {engaged:.3f} of {len(out[False])} engaged trials, {away:.3f} of {len(out[True])} others")
        self.assertGreater(away, engaged + 0.25)
        names = predictions[0]["policy"].split(",")
        w = {k: sum(said["w"][i] for said in predictions[500:]) / (n - 500) for i, k in enumerate(names)}
        print("mean weights", {k: round(v, 2) for k, v in w.items()})
        self.assertGreater(w["stimulus"], 1.5)  # of 3: what it lapses counts as choices
        self.assertLess(abs(w["bias"] + 0.5), 0.5)


class Connected(Case):
    """A rig binds a ROUTER or REP, the mouse connects to it and says hello."""

    def bind(self, kind, endpoint="tcp://127.0.0.1:*"):
        rig = self.socket(kind)
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                rig.bind(endpoint)
                return rig, rig.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
            except zmq.ZMQError:
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def receive(self, rig, kind):
        body = rig.recv()
        message = json.loads(body) if body[:1] == b"{" else msgpack.unpackb(body)
        self.assertEqual(message["kind"], kind, message)
        return message

    def reply(self, rig, as_json=False, **keys):
        keys = {"rig": "box", "subject": "vm1", **keys}
        rig.send(json.dumps(keys).encode() if as_json else msgpack.packb(keys))

    def test_a_rep_rig_shows_in_its_replies(self):
        rig, endpoint = self.bind(zmq.REP)
        mouse = self.mouse("--connect", endpoint, "--speed", "0", "--seed", "3", "--truth", self.truth, "--force",
                           "--trials", "1000", *HALF_TRAINED)
        task = Task(3)
        hello = self.receive(rig, "hello")
        self.assertEqual(hello["software"], "murid mouse")
        self.reply(rig, kind="session_start", session="s")
        self.receive(rig, "session_start")
        for n in range(1000):
            contrast, side = task.draw()
            as_json = n % 2 == 0
            self.reply(rig, as_json, kind="stimulus", session="s", trial=n, stimulus=contrast)
            said = self.receive(rig, "choice")
            reward = task.note(contrast, side, said.get("choice"), said.get("rt_s"))
            self.reply(rig, as_json, kind="trial", session="s", trial=n, stimulus=contrast,
                       choice=said.get("choice"), reward=reward, side=side)
            self.assertEqual(self.receive(rig, "trial")["trial"], n)
        tally = mouse.end()
        self.assertEqual((tally["stimuli"], tally["trials"]), (1000, 1000))
        self.assertGreater(p_value(choices_of(truth_of(self.truth)), 4), 0.001)

    def test_a_rig_with_nothing_to_show_says_hello_and_is_asked_again_after_a_second(self):
        rig, endpoint = self.bind(zmq.REP)
        mouse = self.mouse("--connect", endpoint, "--speed", "0", "--steady")
        self.receive(rig, "hello")
        for kind in ("hello", "error"):
            start = time.monotonic()
            self.reply(rig, kind=kind, **({"code": "limit", "text": "too many mice"} if kind == "error" else {}))
            self.receive(rig, "hello")
            self.assertGreater(time.monotonic() - start, 0.9)
        self.reply(rig, kind="stimulus", stimulus=1)
        self.receive(rig, "choice")
        mouse.end(signal.SIGINT)
        self.assertIn("the rig says: limit: too many mice", mouse.said())

    def test_a_rig_that_dies_and_comes_back_goes_on_with_the_same_mouse(self):
        rig, endpoint = self.bind(zmq.ROUTER)
        mouse = self.mouse("--connect", endpoint, "--speed", "4", "--steady", "--truth", self.truth, "--force")

        def send(n):
            rig.send_multipart([who, b"", json.dumps({"kind": "stimulus", "rig": "box", "subject": "vm1",
                                                      "trial": n, "stimulus": 0.5}).encode()])

        who, _, body = rig.recv_multipart()
        self.assertEqual(json.loads(body)["kind"], "hello")
        send(0)
        first = json.loads(rig.recv_multipart()[-1])
        send(1)  # dies before the answer
        mouse.wait_for("a rig is connected")
        deadline = time.monotonic() + WAIT_S
        while len(truth_of(self.truth)) < 2:
            self.assertLess(time.monotonic(), deadline)
        rig.close()
        mouse.wait_for("the rig is gone")
        time.sleep(0.5)
        rig, _ = self.bind(zmq.ROUTER, endpoint)
        who, _, body = rig.recv_multipart()
        self.assertEqual(json.loads(body)["kind"], "hello")
        self.assertEqual(rig.poll(200), 0)  # no answer to what nobody waits for any more
        send(1)
        second = json.loads(rig.recv_multipart()[-1])
        self.assertEqual((first["trial"], second["trial"]), (0, 1))
        tally = mouse.end(signal.SIGINT)
        self.assertEqual((tally["stimuli"], tally["choices"], tally["repeated"]), (2, 2, 1))

    def test_it_waits_for_a_rig_that_is_not_there_yet(self):
        rig, endpoint = self.bind(zmq.REP)
        rig.close()
        mouse = self.mouse("--connect", endpoint, "--speed", "0", "--steady")
        mouse.wait_for("the mouse is ready for the rig at")
        time.sleep(0.3)
        rig, _ = self.bind(zmq.REP, endpoint)
        self.receive(rig, "hello")
        mouse.end(signal.SIGTERM)


    def test_what_is_no_rig_is_said_within_seconds(self):
        with Daemon() as daemon:
            for endpoint, text in (("ask", "a murid daemon is listening there"),
                                   ("pub", "another kind of socket listens there"),
                                   ("trials", "another kind of socket listens there"),
                                   ("control", "the program there does not answer hello")):
                t0 = time.monotonic()
                done = subprocess.run([MURID, "mouse", "--connect", daemon.endpoint[endpoint]],
                                      capture_output=True, text=True, timeout=WAIT_S)
                self.assertEqual(done.returncode, 2, (endpoint, done.stderr))
                self.assertLess(time.monotonic() - t0, 5)
                last = done.stderr.splitlines()[-1]
                self.assertIn(text, last)
                self.assertIn("a rig's ROUTER or REP socket was expected", last)
        other = self.listening("--speed", "0")
        done = subprocess.run([MURID, "mouse", "--connect", other.endpoint], capture_output=True,
                              text=True, timeout=WAIT_S)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("a murid mouse is listening there", done.stderr)

    def test_that_nothing_answers_is_said_after_three_seconds(self):
        rig, endpoint = self.bind(zmq.REP)
        rig.close()
        mouse = self.mouse("--connect", endpoint)
        mouse.wait_for("nothing answers there yet; a rig's ROUTER or REP socket was expected")
        rig, _ = self.bind(zmq.ROUTER, endpoint)
        rig.recv_multipart()
        mouse.wait_for("the program there has not answered hello")
        mouse.end(signal.SIGTERM)


def crc_and_parts(payload):
    import binascii
    if len(payload) < 5 or binascii.crc_hqx(payload[:-2], 0xFFFF) != struct.unpack("<H", payload[-2:])[0]:
        return None
    kind, seq = struct.unpack("<BH", payload[:3])
    return kind, seq, payload[3:-2]


def uncobs(coded):
    out, at = b"", 0
    while at < len(coded):
        code = coded[at]
        out += coded[at + 1:at + code]
        at += code
        if code < 255 and at < len(coded):
            out += b"\0"
    return out


class Device:
    """A microcontroller on a pty, in Python: the frames of proto/include/proto/serial.def."""

    HELLO, STIMULUS, TRIAL, END, SYNCED = 1, 2, 3, 4, 5
    CALL, ACK, SYNC, CHOICE = 0x81, 0x82, 0x83, 0x85

    def __init__(self, link, boot=7, loss=0.0, seed=1):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(self.slave)
        if os.path.islink(link):
            os.unlink(link)
        os.symlink(os.ttyname(self.slave), link)
        self.boot, self.loss = boot, loss
        self.random = random.Random(seed)
        self.buffer = b""
        self.acked = 0
        self.kept = []  # (seq, type, body)
        self.seq = 0
        self.choices = {}  # trial: what came, each time
        self.start = time.monotonic()
        self.is_greeted = False

    def close(self):
        os.close(self.master)
        os.close(self.slave)

    def now_us(self):
        return int((time.monotonic() - self.start) * 1e6) & 0xFFFFFFFF

    def send(self, kind, seq, body):
        if self.random.random() >= self.loss:
            os.write(self.master, frame(kind, seq, body))

    def hello(self):
        self.send(self.HELLO, self.acked, struct.pack("<BHIB16s", 1, self.boot, self.now_us(), 16, b"python"))

    def push(self, kind, body):
        self.seq += 1
        self.kept.append((self.seq, kind, body))
        self.send(kind, self.seq, body)

    def resend(self):
        for seq, kind, body in self.kept:
            self.send(kind, seq, body)

    def take(self, kind, body):
        if self.random.random() < self.loss:
            return
        if kind == self.CALL:
            self.hello()
            self.resend()
        elif kind == self.SYNC:
            self.send(self.SYNCED, 0, body + struct.pack("<I", self.now_us()))
        elif kind == self.ACK:
            boot, seq = struct.unpack("<HH", body)
            if boot == self.boot:
                self.is_greeted = True
                self.acked = max(self.acked, seq)
                self.kept = [k for k in self.kept if k[0] > seq]
        elif kind == self.CHOICE:
            boot, trial, choice, rt_ms = struct.unpack("<HIBH", body)
            assert boot == self.boot
            self.choices.setdefault(trial, []).append((choice, rt_ms))

    def poll(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self.buffer += os.read(self.master, 4096)
        *whole, self.buffer = self.buffer.split(b"\0")
        for coded in whole:
            parts = crc_and_parts(uncobs(coded)) if coded else None
            if parts:
                self.take(parts[0], parts[2])
        return True

    def until(self, done, again, every):
        """Polls until done(); calls again() after each silence."""
        deadline = time.monotonic() + WAIT_S
        at = time.monotonic() + every
        while not done():
            assert time.monotonic() < deadline, "the mouse is silent"
            self.poll(max(0.0, at - time.monotonic()))
            if time.monotonic() >= at:
                again()
                at = time.monotonic() + every

    def show(self, n, contrast, every=0.05):
        def push():
            self.send(self.STIMULUS, self.acked, struct.pack("<HIIh", self.boot, n, self.now_us(),
                                                            round(contrast * 10000)))
        push()
        self.until(lambda: n in self.choices, push, every)
        choice, rt_ms = self.choices[n][0]
        return None if choice == 255 else choice, None if rt_ms == 65535 else rt_ms / 1000

    def finish(self, n, contrast, choice, reward, side, rt_s):
        nil = lambda v: 255 if v is None else v  # noqa: E731
        self.push(self.TRIAL, struct.pack("<HIIhBBBHBH", self.boot, n, self.now_us(), round(contrast * 10000),
                                          nil(choice), nil(reward), side,
                                          65535 if rt_s is None else round(rt_s * 1000), 0, 3000))

    def settle(self):
        self.until(lambda: not self.kept, self.resend, 0.05)


def on_line(mouse_of, port, *words):
    """A mouse on a pty, which libserialport would refuse without the shim."""
    env = dict(os.environ, LD_PRELOAD=SHIM, ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
    return mouse_of("--serial", port, "--speed", "0", *words, env=env)


class Serial(Case):
    def mouse_on(self, link, *words):
        return on_line(self.mouse, link, *words)

    def play(self, device, task, n):
        for i in range(n):
            contrast, side = task.draw()
            choice, rt_s = device.show(i, contrast)
            device.finish(i, contrast, choice, task.note(contrast, side, choice, rt_s), side, rt_s)
            if len(device.kept) >= 8:
                device.settle()
        device.settle()

    def device(self, **options):
        self.link = os.path.join(self.directory, "port")
        device = Device(self.link, **options)
        self.addCleanup(device.close)
        return device

    def test_ten_thousand_stimuli_on_a_pty_are_answered_once_each_as_over_zeromq(self):
        n = 10000
        device = self.device()
        mouse = self.mouse_on(self.link, "--seed", "11", "--truth", self.truth, "--force", "--trials", str(n), *HALF_TRAINED)
        device.until(lambda: device.is_greeted, device.hello, 0.1)
        task = Task(11)
        self.play(device, task, n)
        tally = mouse.end()
        self.assertEqual((tally["stimuli"], tally["trials"], tally["sessions"]), (n, n, 1))
        self.assertEqual(tally["refused"] + tally["unseen"], 0)
        self.assertEqual(sorted(device.choices), list(range(n)))
        repeats = sum(len(c) - 1 for c in device.choices.values())
        self.assertLessEqual(repeats, tally["repeated"])  # no answer that was not asked for
        truth = truth_of(self.truth)
        self.assertGreater(p_value(choices_of(truth)), 0.001)
        self.assertEqual({r["session"] for r in truth}, {"boot-7"})
        # The same animal over ZeroMQ does the same.
        other = os.path.join(self.directory, "other.csv")
        asked = self.listening("--speed", "0", "--seed", "11", "--truth", other, "--trials", "500", *HALF_TRAINED)
        task = Task(11)
        Case.play(self, self.requester(asked), task, 500)
        asked.end()
        keys = [k for k in truth[0] if k not in ("subject", "session")]
        self.assertEqual([[r[k] for k in keys] for r in truth_of(other)], [[r[k] for k in keys] for r in truth[:500]])

    def test_a_line_that_loses_frames_loses_no_trial_and_changes_no_choice(self):
        device = self.device(loss=0.05)
        mouse = self.mouse_on(self.link, "--truth", self.truth, "--force", "--steady", *HALF_TRAINED)
        device.until(lambda: device.is_greeted, device.hello, 0.1)
        self.play(device, Task(2), 400)
        tally = mouse.end(signal.SIGINT)
        self.assertEqual((tally["stimuli"], tally["trials"], tally["refused"]), (400, 400, 0))
        self.assertGreater(tally["repeated"], 10)
        self.assertTrue(all(len(set(c)) == 1 for c in device.choices.values()))

    def test_a_device_pulled_and_put_back_is_met_again(self):
        device = Device(os.path.join(self.directory, "port"))
        mouse = self.mouse_on(os.path.join(self.directory, "port"), "--steady")
        device.until(lambda: device.is_greeted, device.hello, 0.1)
        self.play(device, Task(2), 20)
        device.close()
        mouse.wait_for("is gone; waiting for it")
        device = self.device(boot=8)
        mouse.wait_for("is back")
        device.until(lambda: device.is_greeted, device.hello, 0.1)
        self.play(device, Task(3), 20)
        tally = mouse.end(signal.SIGINT)
        self.assertEqual((tally["stimuli"], tally["trials"], tally["sessions"]), (40, 40, 2))

    def test_noise_and_frames_that_make_no_sense_are_passed_over(self):
        device = self.device()
        mouse = self.mouse_on(self.link, "--steady")
        device.until(lambda: device.is_greeted, device.hello, 0.1)
        os.write(device.master, os.urandom(3000) + b"\0")
        device.send(device.STIMULUS, 0, struct.pack("<HIIh", 7, 0, 0, 15000))  # contrast 1.5
        device.send(device.CHOICE, 0, struct.pack("<HIBH", 7, 0, 1, 300))
        self.play(device, Task(4), 5)
        device.finish(9, 0.5, 1, 1, 1, 0.3)  # of a stimulus it was never shown
        device.finish(10, 0.5, None, None, 1, None)
        device.settle()
        tally = mouse.end(signal.SIGINT)
        self.assertEqual((tally["trials"], tally["refused"], tally["unseen"]), (5, 2, 1))
        self.assertIn("stimulus.contrast", mouse.said())


class Firmware(Case):
    """The device's own code: its example task asks the mouse for each choice."""

    def start(self, *words):
        device = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.addCleanup(device.stdout.close)
        self.addCleanup(device.wait)
        self.addCleanup(device.kill)
        return device

    def check(self, tally, n):
        truth = truth_of(self.truth)
        table = [example(i) for i in range(n)]
        self.assertEqual([(int(r["trial"]), float(r["stimulus"])) for r in truth], [row[:2] for row in table])
        rewarded = sum(r["choice"] == str(row[4]) for r, row in zip(truth, table))
        self.assertEqual((tally["stimuli"], tally["trials"], tally["rewarded"]), (n, n, rewarded))
        self.assertEqual((tally["refused"], tally["unseen"], tally["sessions"]), (0, 0, 1))

    def test_the_host_build_plays_to_its_end(self):
        device = self.start(DEVICE, "--ask", "yes", "--trials", "2000")
        port = device.stdout.readline().split()[1]
        mouse = on_line(self.mouse, port, "--truth", self.truth, "--force", *HALF_TRAINED)
        self.assertEqual(device.wait(WAIT_S), 0)  # all is acknowledged
        mouse.wait_for("is gone; waiting for it")
        self.check(mouse.end(signal.SIGINT), 2000)

    @unittest.skipUnless(os.path.exists(SIMAVR) and os.path.exists(IMAGE), "simavr or avr-gcc absent")
    def test_the_real_image_plays_also_on_a_noisy_line_that_is_cut(self):
        for i, words in enumerate(([], ["--noise", "0.0005", "--cut-every", "12000", "--cut-ms", "100"])):
            link = os.path.join(self.directory, f"uno-{i}")
            device = self.start(SIMAVR, IMAGE, "--link", link, "--seconds", "200", "--seed", "5", *words)
            while not os.path.exists(link):
                self.assertIsNone(device.poll())
                time.sleep(0.01)
            mouse = on_line(self.mouse, link, "--baud", "1000000", "--truth", self.truth, "--force", "--trials", "1000",
                            *HALF_TRAINED)
            mouse.process.wait(180)
            self.check(mouse.end(), 1000)
            device.terminate()
            device.wait(20)


class Usage(Case):
    def murid(self, *words):
        return subprocess.run([MURID, *words], capture_output=True, text=True, timeout=WAIT_S)

    def test_what_is_wrong_with_the_options_is_said_in_a_line(self):
        for code, text, words in (
                (2, "One of --connect ENDPOINT, --bind ENDPOINT and --serial PORT", []),
                (2, "one of them was expected", ["--bind", "tcp://127.0.0.1:*", "--serial", "/dev/ttyACM0"]),
                (2, "is reachable from other machines", ["--bind", "tcp://0.0.0.0:5780"]),
                (2, "nonsense", ["--bind", "nonsense", "--insecure"]),
                (2, "nonsense", ["--connect", "nonsense"]),
                (2, "--subject", ["--bind", "tcp://127.0.0.1:*", "--subject", "m 1"]),
                (2, "--model", ["--bind", "tcp://127.0.0.1:*", "--model", "m", "--rule", "none"]),
                (2, "rule", ["--bind", "tcp://127.0.0.1:*", "--rule", "magic"]),
                (2, "--speed", ["--bind", "tcp://127.0.0.1:*", "--speed", "-1"]),
                (1, "/nowhere/port", ["--serial", "/nowhere/port"]),
                (2, "/nowhere/t.csv", ["--bind", "tcp://127.0.0.1:*", "--truth", "/nowhere/t.csv"])):
            done = self.murid("mouse", *words)
            self.assertEqual(done.returncode, code, (words, done.stderr))
            last = done.stderr.splitlines()[-1]
            self.assertTrue(last.startswith("murid: ") and text in last, done.stderr)
        taken = self.socket(zmq.REP)
        port = taken.bind_to_random_port("tcp://127.0.0.1")
        done = self.murid("mouse", "--bind", f"tcp://127.0.0.1:{port}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("does another program listen there?", done.stderr)

    def test_a_truth_that_cannot_be_written_ends_it_with_1(self):
        mouse = self.listening("--speed", "0", "--truth", "/dev/full")
        rig = self.requester(mouse)
        rig.send(json.dumps({"kind": "stimulus", "rig": "r", "subject": "m", "stimulus": 0.5}).encode())
        mouse.process.wait(WAIT_S)
        self.assertEqual(mouse.process.returncode, 1)
        self.assertIn("/dev/full", mouse.said().splitlines()[-1])

    def test_of_a_bank_the_seed_draws_a_member_by_its_prior(self):
        members = []
        for rule in ("none", "reinforce"):
            path = os.path.join(self.directory, rule)
            done = self.murid("model", "--new", "--rule", rule, "-o", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            members.append(path)
        bank = os.path.join(self.directory, "bank")
        done = self.murid("model", "--join", *members, "-o", bank)
        self.assertEqual(done.returncode, 0, done.stderr)
        drawn = []
        for seed in range(12):
            mouse = self.listening("--model", bank, "--seed", str(seed))
            drawn.append(mouse.wait_for(r"the mouse is member (\d) of 2 of \S+: rule (\w+), prior 0.5").groups())
            self.assertTrue(mouse.endpoint)  # from then on it listens to signals
            mouse.end(signal.SIGINT)
        self.assertEqual(set(drawn), {("1", "none"), ("2", "reinforce")})

    def test_the_shipped_model_plays(self):
        mouse = self.listening("--model", os.path.join(ROOT, "configs", "models", "mice.safetensors"),
                               "--speed", "0", "--truth", self.truth, "--force", "--trials", "400")
        self.play(self.requester(mouse), Task(1, (-0.5, -0.25, 0, 0.25, 0.5)), 400)
        mouse.end()
        self.assertGreater(p_value(choices_of(truth_of(self.truth)), 4), 0.001)


if __name__ == "__main__":
    skips.main()

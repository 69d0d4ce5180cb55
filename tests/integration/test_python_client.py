"""proto/python/murid.py against a small stand-in for the daemon that forgets, is late and dies.

The stand-in keeps what it heard in two lists, one "on disk" and one that a crash wipes out, and
checks that within a session every trial comes in order and is taken up once.
"""
import contextlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import msgpack
import numpy
import zmq

import murid

SEED = int(os.environ.get("SEED", time.time()))


class Daemon:
    """Answers on its own thread. `behave(message)` says what to do with one: "ok", "mute" (take it
    up but do not answer), "deaf" (lose it and all that follows on its connection), "late" (answer after
    0.3 s), "crash" (take it up, then die before answering). `say(message, reply)` gives what is sent:
    replies, or bytes."""

    def __init__(self, lag=3, port=None, behave=lambda message: "ok",
                 say=lambda message, reply: [reply]):
        self.context = zmq.Context.instance()
        self.lag = lag
        self.behave = behave
        self.say = say
        self.port = port
        self.disk = []
        self.memory = []
        self.gaps = []
        self.deaf_to = set()
        self.duplicates = 0
        self.n_crashes = 0
        self.full = False
        self.thread = None
        self.start()

    def start(self):
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 0
        if self.port is None:
            self.port = self.router.bind_to_random_port("tcp://127.0.0.1")
        else:
            self.bind_again()
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def bind_again(self):
        for _ in range(200):
            try:
                return self.router.bind("tcp://127.0.0.1:%d" % self.port)
            except zmq.ZMQError:
                time.sleep(0.01)
        raise RuntimeError("port %d stays in use" % self.port)

    def stop(self, wipe=False):
        self.stopping = True
        self.thread.join()
        self.router.close(0)
        if wipe:
            self.memory = []

    @property
    def endpoint(self):
        return "tcp://127.0.0.1:%d" % self.port

    def crash(self):
        """Dies and comes back with what was on disk."""
        self.n_crashes += 1
        self.memory = []
        self.router.close(0)
        time.sleep(0.02)
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 0
        self.bind_again()

    def run(self):
        while not self.stopping:
            if self.router.poll(10):
                frames = self.router.recv_multipart()
                self.answer(frames[:-1], msgpack.unpackb(frames[-1]))

    def heard(self, message):
        return [m for m in self.disk + self.memory if identity_of(m) == identity_of(message)]

    def take(self, message):
        before = self.heard(message)
        if message["seq"] in [m["seq"] for m in before]:
            self.duplicates += 1
            return
        if message["seq"] != max([m["seq"] for m in before], default=0) + 1:
            self.gaps.append(message)
        if message["kind"] == "trial":
            trials = [m["trial"] for m in before if m["kind"] == "trial"]
            if message["trial"] != max(trials, default=-1) + 1:
                self.gaps.append(message)
        self.memory.append(message)
        while len(self.memory) > self.lag:
            self.disk.append(self.memory.pop(0))

    def durable(self, message):
        on_disk = {m["seq"] for m in self.disk if identity_of(m) == identity_of(message)}
        seq = 0
        while seq + 1 in on_disk:
            seq += 1
        return seq

    def reply_to(self, message):
        keys = ("rig", "subject", "session", "run", "trial", "seq")
        reply = {k: message[k] for k in keys if k in message}
        if message.get("stage") == "wrong":
            return dict(reply, kind="error", code="bad_message", key="trial.stage",
                        text="no such stage")
        if message.get("stage") == "elsewhere":
            self.take(message)
            return dict(reply, kind="error", code="subject_twice", key="subject", text="m01 is on r2",
                        durable_seq=self.durable(message))
        if message["kind"] == "hello":
            self.disk += self.memory[:1]
            del self.memory[:1]
        elif self.full:
            return dict(reply, kind="error", code="disk_full", text="no space left")
        else:
            self.take(message)
        if "session" in message:
            reply["durable_seq"] = self.durable(message)
        if message["kind"] in ("hello", "session_end"):
            return dict(reply, kind=message["kind"])
        return dict(reply, kind="prediction", for_trial=message.get("trial", -1) + 1,
                    stimuli=[0.5], p_right=[0.75], lo=[0.5], hi=[1.0])

    def answer(self, route, message):
        what = self.behave(message)
        if what == "deaf":
            self.deaf_to.add(route[0])
        if route[0] in self.deaf_to:
            return
        reply = self.reply_to(message)
        if what == "crash":
            self.crash()
        elif what != "mute":
            if what == "late":
                time.sleep(0.3)
            for body in self.say(message, reply):
                if not isinstance(body, bytes):
                    body = msgpack.packb(body)
                self.router.send_multipart(route + [body])

    def check(self, n_trials, session=None):
        """All is on disk, once and in order."""
        trials = [m for m in self.disk + self.memory
                  if m["kind"] == "trial" and session in (None, m["session"])]
        assert [m["trial"] for m in trials] == list(range(n_trials)), [m["trial"] for m in trials]
        assert [m["stimulus"] for m in trials] == [stimulus_of(i) for i in range(n_trials)]
        assert not self.gaps, self.gaps


def identity_of(message):
    return tuple(message.get(k) for k in ("rig", "subject", "session", "run"))


def stimulus_of(i):
    return (i % 9 - 4) / 4


def run_trials(client, n, first=0):
    return [client.ask(stimulus=stimulus_of(i), choice=i % 2, reward=1) for i in range(first, first + n)]


def run_paced_trials(client, n, first=0):
    """As a task has it: there is time between trials."""
    replies = []
    for i in range(first, first + n):
        replies += run_trials(client, 1, i)
        if not replies[-1]:
            time.sleep(0.05)
    return replies


@contextlib.contextmanager
def warnings_caught():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def answers_come_back_and_keys_are_filled_in():
    daemon = Daemon()
    with murid.Client("rig-1", ask=daemon.endpoint) as client:
        first = client.session_start("m01", stimuli=numpy.array([-0.5, 0.5]))
        assert first["kind"] == "prediction" and first["for_trial"] == 0
        replies = run_trials(client, 5)
        assert [r["for_trial"] for r in replies] == [1, 2, 3, 4, 5]
        client.ask({"stimulus": numpy.float64(0.25), "choice": numpy.int64(1)}, reward=None)
        assert client.stimulus(0.5)["kind"] == "prediction"
        assert client.session_end(reason="done")["kind"] == "session_end"
        assert client.flush(5) and client.pending == 0
    kinds = [m["kind"] for m in daemon.disk]
    assert kinds == ["session_start"] + ["trial"] * 6 + ["stimulus", "session_end"], kinds
    assert [m["seq"] for m in daemon.disk] == list(range(1, 10))
    last = daemon.disk[6]
    assert last["v"] == 1 and last["rig"] == "rig-1" and last["subject"] == "m01"
    assert last["trial"] == 5 and "reward" not in last and last["stimulus"] == 0.25
    assert abs(last["t_wall_ns"] - time.time_ns()) < 60e9
    assert daemon.duplicates == 0
    daemon.stop()


def without_a_daemon_nothing_hangs_and_nothing_is_lost():
    port = Daemon()
    port.stop()
    with murid.Client("rig-1", ask=port.endpoint, timeout_s=0.1) as client:
        t0 = time.monotonic()
        assert not client.session_start("m01")
        assert run_trials(client, 10) == [{}] * 10
        assert not client.hello()
        assert not client.flush(0.1)
        took = time.monotonic() - t0
        assert took < 12 * 0.1 + 0.1 + 1.0, took
        assert client.pending == 11
        port.start()
        client.timeout_s = 2.0
        assert client.hello()["kind"] == "hello"
        assert client.ask(stimulus=stimulus_of(10), choice=0)["for_trial"] == 11
        assert client.flush(5)
    port.check(11)
    port.stop()


def a_session_needs_no_start():
    daemon = Daemon()
    with murid.Client("rig-1", ask=daemon.endpoint, raises=True) as client:
        text = error_of(ValueError, lambda: client.ask(stimulus=0.5, choice=1))
        assert "no session is open" in text, text
        client.ask(stimulus=0.5, choice=1, subject="m01")
        client.ask(stimulus=0.5, choice=1)
        client.ask(stimulus=0.5, choice=1, subject="m02", session=4)
        assert client.flush(5)
    assert [(m["subject"], m["trial"], m["seq"]) for m in daemon.disk] == [
        ("m01", 0, 1), ("m01", 1, 2), ("m02", 0, 1)]
    assert daemon.disk[0]["session"] == daemon.disk[1]["session"] and daemon.disk[2]["session"] == "4"
    daemon.stop()


def a_refusal_is_raised_and_its_numbers_are_used_again():
    daemon = Daemon()
    with murid.Client("rig-1", ask=daemon.endpoint, raises=True) as client:
        client.session_start("m01")
        run_trials(client, 3)
        try:
            client.ask(stimulus=0.5, choice=1, stage="wrong")
            raise AssertionError("not refused")
        except murid.Refused as e:
            assert (e.code, e.key, e.text) == ("bad_message", "trial.stage", "no such stage")
        run_trials(client, 3, first=3)
        assert client.flush(5) and not client.refused
    daemon.check(6)
    daemon.stop()


def a_refusal_found_out_later_leaves_no_hole_in_the_counter():
    daemon = Daemon()
    daemon.stop()
    with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.05) as client:
        client.session_start("m01")
        run_trials(client, 2)
        assert not client.ask(stimulus=0.5, choice=1, stage="wrong")
        run_trials(client, 2)
        daemon.start()
        client.ask(stimulus=0.5, choice=1)
        client.timeout_s = 2.0
        assert client.flush(5)
        assert [r.code for _, r in client.refused] == ["bad_message"]
    assert sorted(m["seq"] for m in daemon.disk) == [1, 2, 3, 4, 5, 6, 7]
    assert [m["trial"] for m in daemon.disk if m["kind"] == "trial"] == [0, 1, 3, 4, 5]
    daemon.stop()


def a_full_disk_keeps_trials_in_the_spool():
    daemon = Daemon()
    with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.2) as client:
        client.session_start("m01")
        run_trials(client, 3)
        daemon.full = True
        assert run_trials(client, 3, first=3) == [{}] * 3
        assert client.pending >= 3
        daemon.full = False
        replies = run_paced_trials(client, 10, first=6)
        assert replies[-1], replies
        assert client.flush(5)
    daemon.check(16)
    daemon.stop()


def a_late_answer_is_not_taken_for_the_next_one():
    slow = [3]
    daemon = Daemon(behave=lambda m: "late" if m.get("trial") in slow and slow.remove(m["trial"]) is None
                    else "ok")
    with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.1) as client:
        client.session_start("m01")
        replies = run_trials(client, 4)
        assert not replies[3]
        client.timeout_s = 2.0
        time.sleep(0.4)
        assert client.hello()
        for i in range(4, 8):
            assert client.ask(stimulus=stimulus_of(i), choice=0)["for_trial"] == i + 1
        assert client.flush(5)
    daemon.check(8)
    daemon.stop()


def silence_noise_and_crashes_lose_nothing():
    rng = random.Random(SEED)

    def behave(message):
        return rng.choices(["ok", "mute", "deaf", "crash"], [200, 3, 3, 3])[0]

    daemon = Daemon(lag=20, behave=behave)
    n = 600
    with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.15) as client:
        client.session_start("m01")
        replies = run_paced_trials(client, n)
        daemon.behave = lambda message: "ok"
        assert client.flush(20)
    answered = [r["for_trial"] - 1 for r in replies if r]
    assert answered == [i for i, r in enumerate(replies) if r]
    assert len(answered) > n / 2 and daemon.n_crashes > 0
    print("  %d of %d answered in time, %d crashes, %d sent again needlessly"
          % (len(answered), n, daemon.n_crashes, daemon.duplicates))
    daemon.check(n)
    daemon.stop()


def a_crash_between_two_trials_is_noticed_before_the_next():
    daemon = Daemon(lag=10)
    with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=1.0) as client:
        client.session_start("m01")
        for i in range(60):
            assert client.ask(stimulus=stimulus_of(i), choice=0)
            if i % 7 == 3:
                daemon.stop(wipe=True)
                daemon.start()
        assert client.flush(5)
    daemon.check(60)
    daemon.stop()


RIG_THAT_CRASHES = """
import os, sys, murid
client = murid.Client("rig-1", ask=sys.argv[1], spool=sys.argv[2], timeout_s=float(sys.argv[3]))
client.session_start("m01", session="s1")
for i in range(int(sys.argv[4]), int(sys.argv[5])):
    client.ask(stimulus=(i % 9 - 4) / 4, choice=1, reward=1)
os._exit(9)
"""


def crash_rig(daemon, spool, timeout_s, first, end):
    child = subprocess.run([sys.executable, "-c", RIG_THAT_CRASHES, daemon.endpoint, spool,
                            str(timeout_s), str(first), str(end)])
    assert child.returncode == 9


def the_spool_file_survives_a_crash_of_the_rig():
    daemon = Daemon(lag=4)
    with tempfile.TemporaryDirectory() as folder:
        spool = os.path.join(folder, "spool")
        crash_rig(daemon, spool, 2.0, 0, 20)
        daemon.stop(wipe=True)
        crash_rig(daemon, spool, 0.02, 20, 30)
        with open(spool, "a", encoding="utf-8") as f:
            f.write('{"m": {"v": 1, "kind": "tri')
        daemon.start()
        with murid.Client("rig-1", ask=daemon.endpoint, spool=spool) as client:
            assert client.pending >= 10
            client.session_start("m01", session="s1")
            run_trials(client, 5, first=30)
            assert client.flush(5)
        daemon.check(35, session="s1")
        with murid.Client("rig-1", ask=daemon.endpoint, spool=spool) as client:
            assert client.pending == 0
            client.session_start("m01", session="s1")
            run_trials(client, 1, first=35)
            assert client.flush(5)
        daemon.check(36, session="s1")
        assert os.path.getsize(spool) < 200, open(spool).read()
    daemon.stop()


def after_the_first_missed_answer_no_call_waits_and_nothing_is_lost():
    for what in ("nobody", "mute"):
        daemon = Daemon(behave=lambda message: "deaf")
        if what == "nobody":
            daemon.stop()
        with warnings_caught() as caught:
            with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.5) as client:
                t0 = time.monotonic()
                client.session_start("m01")
                longest = 0.0
                for i in range(200):
                    t1 = time.monotonic()
                    assert run_trials(client, 1, i) == [{}] and client.is_down
                    longest = max(longest, time.monotonic() - t1)
                took = time.monotonic() - t0
                assert took < 0.5 + 0.5 and longest < 0.1, (what, took, longest)
                assert client.pending == 201
                daemon.behave = lambda message: "ok"
                if what == "nobody":
                    daemon.start()
                for i in range(200, 500):
                    if run_trials(client, 1, i) != [{}]:
                        break
                    time.sleep(0.02)
                assert not client.is_down
                n = i + 1
                assert client.flush(5)
        daemon.check(n)
        texts = [str(w.message) for w in caught]
        assert len(texts) == 2 and daemon.endpoint in texts[0] and "kept" in texts[0], texts
        assert "answers again" in texts[1], texts
        daemon.stop()


def each_outage_is_told_once_and_so_is_its_end():
    daemon = Daemon()
    with warnings_caught() as caught:
        warnings.simplefilter("default")
        with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.1) as client:
            client.session_start("m01")
            for outage in range(3):
                daemon.stop()
                run_trials(client, 20, first=20 * outage)
                daemon.start()
                assert client.flush(5) and not client.is_down
    assert ["again" in str(w.message) for w in caught] == [False, True] * 3, caught
    daemon.check(60)
    daemon.stop()


WRONG = [{"rig": "rig-2"}, {"subject": "m02"}, {"session": "s9"}, {"session": None}, {"rig": None},
         {"subject": None}, {"trial": 10**6}, {"trial": None}, {"kind": "hello"}, {"kind": "status"},
         {"kind": "session_end"}, {"rig": ["rig-1"]}, {"subject": {}}, {"run": 7}]


def what_is_no_answer_to_a_message_is_counted_and_changes_nothing():
    def say(message, reply):
        noise = [dict(reply, durable_seq=10**6, **wrong) for wrong in WRONG if wrong != {"run": 7}]
        noise += [dict(reply, seq=s, durable_seq=10**6) for s in (None, message["seq"] + 1, "x", -1)]
        if "run" in message:
            noise.append(dict(reply, run=7, durable_seq=10**6))
        noise += [b"", b"\xc1", b"\x93\x01", b"{}", msgpack.packb([1]), msgpack.packb(None)]
        noise += [dict(reply, kind="error", code="bad_message", text="no", seq=None)]
        return noise + [reply] + noise

    for run in (None, 3):
        daemon = Daemon(lag=10**6)
        with murid.Client("rig-1", ask=daemon.endpoint) as client:
            client.session_start("m01", session="s1", run=run)
            daemon.say = lambda m, r: say(m, r) if m["kind"] == "trial" else [r]
            assert [r["for_trial"] for r in run_trials(client, 30)] == list(range(1, 31))
            assert client.pending == 31 and client.strays > 30 * 20, client.strays
            assert not client.refused
            daemon.lag = 0
            assert client.flush(5)
        daemon.check(30)
        assert {m.get("run") for m in daemon.disk} == {run}
        daemon.stop()


def a_virtual_mouse_is_spoken_to_with_the_same_messages():
    kinds = {"stimulus": "choice", "session_start": "session_start", "trial": "trial"}
    daemon = Daemon(say=lambda m, r: [dict(r, kind=kinds.get(m["kind"], r["kind"]))])
    with murid.Client("rig-1", ask=daemon.endpoint) as client:
        assert client.session_start("m01")["kind"] == "session_start"
        assert client.stimulus(0.5)["kind"] == "choice"
        assert client.ask(stimulus=0.5, choice=1)["kind"] == "trial"
        assert client.session_end()["kind"] == "session_end"
        assert client.strays == 0
    daemon.stop()


def a_reply_about_one_session_says_nothing_about_another():
    """As a daemon would that names the present session in its reply to an old one's trial."""
    daemon = Daemon(lag=10**6)

    def name_the_present(message, reply):
        return [dict(reply, session="b", durable_seq=40) if message.get("session") == "a" else reply]

    with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.2) as client:
        client.session_start("m01", session="a")
        run_trials(client, 40)
        client.session_end()
        client.session_start("m01", session="b")
        run_trials(client, 8)
        daemon.say = name_the_present
        daemon.stop(wipe=True)
        daemon.start()
        assert not client.flush(1.0)
        assert sum(m["session"] == "a" for m in client._pending_messages()) == 42
        daemon.say = lambda message, reply: [reply]
        daemon.lag = 0
        assert client.flush(5)
    daemon.check(40, session="a")
    daemon.check(8, session="b")
    daemon.stop()


def a_window_full_of_one_session_does_not_hold_up_the_next():
    for n in (64, 100, 300):
        daemon = Daemon()
        daemon.say = lambda m, r: [dict(r, session="b")] if m.get("session") == "a" else [r]
        with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.3) as client:
            client.session_start("m01", session="a")
            run_trials(client, n)
            assert client.pending == n + 1 and client.strays > 0
            client.session_start("m01", session="b")
            replies = run_paced_trials(client, 10)
            assert [bool(r) for r in replies].count(False) <= 3, (n, [not r for r in replies])
            assert not client.flush(1.0)
            assert {m["session"] for m in client._pending_messages()} == {"a"}
            daemon.say = lambda m, r: [r]
            assert client.flush(5)
        daemon.check(n, session="a")
        daemon.check(10, session="b")
        daemon.stop()


def flush_is_true_only_when_every_session_was_confirmed():
    daemon = Daemon(lag=0)
    for how in ("unconfirmed", "mute"):
        daemon.say = lambda m, r: [dict(r, durable_seq=0)] if how == "unconfirmed" else [r]
        daemon.behave = lambda m: "mute" if how == "mute" else "ok"
        with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.2) as client:
            for k in range(5):
                client.session_start("m%02d" % k, session=how)
                run_trials(client, 3)
            assert client.pending == 20
            daemon.behave = lambda m: "mute" if how == "mute" and m.get("subject") == "m00" else "ok"
            daemon.say = lambda m, r: ([dict(r, durable_seq=0)] if how == "unconfirmed" and
                                       m.get("subject") == "m00" else [r])
            assert not client.flush(1.5)
            assert {m["subject"] for m in client._pending_messages()} == {"m00"}, how
            daemon.say = lambda m, r: [r]
            daemon.behave = lambda m: "ok"
            assert client.flush(5)
    daemon.stop()


def a_durable_seq_of_an_earlier_run_frees_nothing_that_was_not_answered():
    """A program without a spool file starts again in its session: its numbers begin anew."""
    daemon = Daemon()
    daemon.stop()
    with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.05) as client:
        client.session_start("m01", session="s1")
        run_trials(client, 200)
        daemon.say = lambda m, r: [dict(r, durable_seq=500)] if m.get("seq") == 1 else [r]
        daemon.start()
        client.timeout_s = 1.0
        assert client.flush(5)
    daemon.check(200)
    daemon.stop()


def sessions_that_take_turns_go_on_counting():
    daemon = Daemon(lag=0)
    with tempfile.TemporaryDirectory() as folder:
        for first in (0, 10):
            with murid.Client("rig-1", ask=daemon.endpoint, spool=os.path.join(folder, "s")) as client:
                for i in range(first, first + 10):
                    for subject in ("m01", "m02"):
                        reply = client.ask(stimulus=stimulus_of(i), choice=1, subject=subject,
                                           session="s1-" + subject)
                        assert reply["for_trial"] == i + 1
                assert client.flush(5)
    for subject in ("m01", "m02"):
        daemon.check(20, session="s1-" + subject)
    assert daemon.duplicates == 0
    daemon.stop()


def what_could_not_be_answered_by_name_is_refused_at_once():
    with murid.Client("rig-1", ask="tcp://127.0.0.1:1", timeout_s=5, raises=True) as client:
        for keys in (dict(subject="mouse 1"), dict(subject="m01", session="a/b"),
                     dict(subject="x" * 65), dict(subject="m01", trial=-1),
                     dict(subject="m01", trial=0.5), dict(subject="m01", trial="x"),
                     dict(subject="m01", run=0), dict(subject="m01", stage="x" * 20000)):
            try:
                client.ask(stimulus=0.5, choice=1, **keys)
                raise AssertionError("not refused: %s" % keys)
            except murid.Refused as e:
                assert e.code == "bad_message", keys
        assert client.pending == 0
    try:
        murid.Client("rig 1")
        raise AssertionError("not refused")
    except murid.Refused as e:
        assert e.key == "rig"


class Odd:
    """Like nothing else."""


NAN = float("nan")
NO_NAMES = [None, True, 0.5, -1, NAN, float("inf"), "", "a b", "x" * 65, [], {}, b"m01", Odd()]
NO_NUMBERS = ["0.5", [], [0.5], {}, b"1", Odd(), numpy.array([0.5, 1]), numpy.str_("a")]
NO_CONTRASTS = NO_NUMBERS + [True, NAN, 1.5, 25, -1e9, float("inf"), None, numpy.float64(NAN)]
NO_CHOICES = NO_NUMBERS + [7, -1, 0.5, float("inf"), numpy.int8(2)]
GOOD = dict(stimulus=0.5, choice=1)


def wrong_calls(client):
    """Every call that no daemon needs to see."""
    for value in NO_NAMES:
        yield lambda v=value: client.session_start(v)
        if value is not None:
            yield lambda v=value: client.session_start("m02", session=v)
            yield lambda v=value: client.ask(subject=v, **GOOD)
    for value in NO_NUMBERS:
        for key in ("rt_s", "reward", "side", "p_left", "t_rig_us", "seq", "trial", "run"):
            if key != "trial" or not isinstance(value, dict):
                yield lambda k=key, v=value: client.ask(**dict(GOOD, **{k: v}))
        yield lambda v=value: client.session_end(n_trials=v)
        yield lambda v=value: client.session_start("m02", delay_s=v)
        yield lambda v=value: client.session_start("m02", moved=v)
        yield lambda v=value: client.flush(v)
        yield lambda v=value: client.ask(features={"a": v}, choice=1)
    for value in NO_CONTRASTS:
        yield lambda v=value: client.ask(stimulus=v, choice=1)
        yield lambda v=value: client.stimulus(v)
        yield lambda v=value: client.session_start("m02", stimuli=[0.5, v])
    for value in NO_CHOICES:
        yield lambda v=value: client.ask(stimulus=0.5, choice=v)
    for value in (0.5, -1, NAN, True, "x", [], 10 ** 10, numpy.float64(0.5)):
        yield lambda v=value: client.ask(v)
        yield lambda v=value: client.ask(v, **GOOD)
    yield lambda: client.ask()
    yield lambda: client.ask({})
    yield lambda: client.ask({1: 2})
    yield lambda: client.ask(stimulus=0.5)
    yield lambda: client.ask(stimulus=0.5, choise=1)
    yield lambda: client.ask(choice=1)
    yield lambda: client.ask(kind="hello", **GOOD)
    yield lambda: client.ask(rig="rig-9", **GOOD)
    yield lambda: client.ask(run=0, **GOOD)
    yield lambda: client.ask(run=2 ** 70, **GOOD)
    yield lambda: client.ask(t_rig_us=2 ** 70, **GOOD)
    yield lambda: client.ask(stage=7, **GOOD)
    yield lambda: client.ask(stage="x" * 20000, **GOOD)
    yield lambda: client.ask(stage="\ud800", **GOOD)
    yield lambda: client.session_start("m02", stimulus=[0.5])
    yield lambda: client.session_end(reasons="")


def state_of(client, path):
    with open(path, "rb") as f:
        return (client.subject, client.session, client.run, client.trial, client._seq,
                client.pending, client.is_down, dict(client._positions), f.read())


def a_refused_call_changes_nothing():
    daemon = Daemon()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "spool")
        with murid.Client("rig-1", ask=daemon.endpoint, spool=path) as client:
            client.session_start("m01", session="s1", run=1)
            calls = list(wrong_calls(client))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for i, call in enumerate(calls):
                    before = state_of(client, path)
                    answer = call()
                    assert not answer, i
                    assert answer is False or isinstance(answer.error, murid.Refused), i
                    assert state_of(client, path) == before, (i, before, state_of(client, path))
                    if i % 20 == 0:
                        assert client.ask(**GOOD)["for_trial"] == i // 20 + 1
                client.raises = True
                for call in calls:
                    before = state_of(client, path)
                    error_of(murid.Refused, call)
                    assert state_of(client, path) == before
            n = (len(calls) - 1) // 20 + 1
            assert client.ask(**GOOD)["for_trial"] == n + 1
            assert client.flush(5) and not client.refused
    assert [m["trial"] for m in daemon.disk if m["kind"] == "trial"] == list(range(n + 1))
    assert not daemon.gaps
    daemon.stop()


def what_the_daemon_refuses_changes_nothing_either():
    daemon = Daemon()
    codes = {}
    daemon.say = lambda m, r: ([dict({k: v for k, v in r.items() if k != "durable_seq"},
                                     kind="error", code=codes[m["kind"]], text="no")]
                               if m["kind"] in codes and daemon.memory.remove(m) is None else [r])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = os.path.join(folder, "spool")
        with murid.Client("rig-1", ask=daemon.endpoint, spool=path) as client:
            client.session_start("m01", session="s1")
            client.ask(**GOOD)
            for code in ("bad_message", "unknown_kind", "version", "limit", "not_allowed"):
                for kind, call in (("session_start", lambda: client.session_start("m02")),
                                   ("stimulus", lambda: client.stimulus(0.5)),
                                   ("session_end", lambda: client.session_end())):
                    before = state_of(client, path)[:5]
                    codes = {kind: code}
                    assert call().error.code == code
                    codes = {}
                    assert state_of(client, path)[:5] == before, (code, kind)
                for more in (dict(trial=77), dict(seq=1000), dict(subject="m02"), dict(session="s2")):
                    before = state_of(client, path)[:5]
                    codes = {"trial": code}
                    assert client.ask(**GOOD, **more).error.code == code
                    codes = {}
                    assert state_of(client, path)[:5] == before, (code, more)
            assert client.ask(**GOOD)["for_trial"] == 2
            assert client.flush(5)
    daemon.stop()


def a_mistake_is_said_once_and_ends_no_loop():
    daemon = Daemon()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with murid.Client("rig-1", ask=daemon.endpoint) as client:
            client.session_start("m01")
            for _ in range(50):
                answer = client.ask(stimulus=0.5, choise=1, reward=1)
                assert not answer and answer["p_right"] is None
                assert "did you mean `choice`?" in str(answer.error)
            for _ in range(50):
                assert "percent" in client.ask(stimulus=25, choice=1).error.text
            assert "stimulus=0.5" in str(client.ask(0.5, choice=1).error)
            assert "None (a no-go)" in str(client.ask(stimulus=0.5).error)
            good = client.ask(**GOOD)
            assert good and good.error is None and good["for_trial"] == 1
            error_of(KeyError, lambda: good["p_rigth"])
        for call in (lambda: client.ask(**GOOD), client.hello, client.session_end,
                     lambda: client.session_start("m01"), lambda: client.stimulus(0.5)):
            assert "closed" in str(call().error)
        client.close()
    texts = [str(w.message) for w in said]
    assert len(texts) == 5, texts
    assert all(w.filename == __file__ for w in said), [w.filename for w in said]
    assert "refused: bad_message: trial.choise: no such word: did you mean `choice`?" in texts[0]
    daemon.stop()


def a_number_of_any_type_is_taken_and_nan_is_a_no_go():
    daemon = Daemon(lag=0)
    with murid.Client("rig-1", ask=daemon.endpoint, raises=True) as client:
        client.session_start("m01", stimuli=numpy.array([-0.5, 0.5]))
        choices = [1, 1.0, True, numpy.int64(1), numpy.float32(1), numpy.bool_(True),
                   numpy.array(1), None, NAN, numpy.float64(NAN)]
        for choice in choices:
            client.ask(stimulus=numpy.float32(0.25), choice=choice, rt_s=numpy.float64(0.4),
                       reward=numpy.bool_(True), side=NAN, trial=numpy.int32(client.trial))
        assert client.flush(5)
    trials = [m for m in daemon.disk if m["kind"] == "trial"]
    assert [m["choice"] for m in trials] == [1] * 7 + [None] * 3
    assert all(m["stimulus"] == 0.25 and m["rt_s"] == 0.4 and m["reward"] is True for m in trials)
    daemon.stop()


def what_is_journaled_though_refused_is_kept_until_it_is_on_disk():
    daemon = Daemon(lag=3)
    with murid.Client("rig-1", ask=daemon.endpoint) as client:
        client.session_start("m01")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = client.ask(stage="elsewhere", **GOOD)
        assert not answer and answer.error.code == "subject_twice"
        assert client.pending == 2 and client.trial == 1
        assert client.ask(**GOOD)["for_trial"] == 2
        assert client.flush(5)
    assert [m["trial"] for m in daemon.disk if m["kind"] == "trial"] == [0, 1]
    daemon.stop()


def an_endpoint_that_is_none_is_said_at_once():
    for keys in (dict(ask="127.0.0.1:5770"), dict(pub="tcp//x"), dict(ask=5770)):
        text = error_of(ValueError, lambda: murid.Client("rig-1", **keys))
        assert "is no endpoint" in text, text


def the_words_are_those_of_the_protocol():
    path = os.path.join(os.environ["MURID_SOURCE_DIR"], "docs", "protocol.md")
    with open(path) as f:
        sections = f.read().split("\n### ")
    for kind, words in murid.WORDS.items():
        section, = [s for s in sections if s.startswith("`%s` (" % kind)]
        rows = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
        assert list(words) == rows, (kind, rows)


def spool_of(folder, n=10, rig="rig-1"):
    """A spool file with a start and n trials that no daemon has heard of."""
    path = os.path.join(folder, "spool")
    with murid.Client(rig, ask="tcp://127.0.0.1:1", spool=path, timeout_s=0.01) as client:
        client.session_start("m01", session="s1")
        run_trials(client, n)
    return path


def error_of(kind, make):
    try:
        make()
    except kind as e:
        return str(e)
    raise AssertionError("no %s" % kind.__name__)


def one_spool_has_one_program_at_a_time():
    with tempfile.TemporaryDirectory() as folder:
        path = spool_of(folder)
        with murid.Client("rig-1", ask="tcp://127.0.0.1:1", spool=path) as client:
            text = error_of(OSError, lambda: murid.Client("rig-1", spool=path))
            assert path in text and "of its own" in text and "\n" not in text, text
            client.close()
        other = subprocess.Popen([sys.executable, "-c", "import murid, sys; "
                                  "c = murid.Client('rig-1', spool=sys.argv[1]); print('open', "
                                  "flush=True); sys.stdin.read()", path],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert other.stdout.readline() == b"open\n"
        error_of(OSError, lambda: murid.Client("rig-1", spool=path))
        other.kill()
        other.wait()
        with murid.Client("rig-1", spool=path) as client:
            assert client.pending == 11


def a_spool_of_another_rig_or_no_spool_is_refused_and_left_as_it_is():
    with tempfile.TemporaryDirectory() as folder:
        path = spool_of(folder, rig="rig-2")
        no_header = open(path, "rb").read().split(b"\n", 1)[1]
        for content, words in ((open(path, "rb").read(), "rig-2"), (no_header, "rig-2"),
                               (b"trial,choice\n0,1\n1,0\n", "is not a spool"),
                               (b"\x00" * 5000 + b"\n", "is not a spool"),
                               (b"\x7fELF" * 100, "is not a spool"),
                               (b'{"name": "precious"}\n', "is not a spool")):
            open(path, "wb").write(content)
            text = error_of(ValueError, lambda: murid.Client("rig-1", spool=path))
            assert words in text and path in text and "\n" not in text, text
            assert open(path, "rb").read() == content
        text = error_of(ValueError, lambda: murid.Client("rig-1", spool=folder))
        assert "not a file" in text, text


GARBAGE = [b"\x00\xff\xfe", b"[1]", b"5", b"null", b"{}", b'{"m": 5}', b'{"m": {}}', b'{"d": [1]}',
           b'{"d": ["rig-1", "m01", "s1", null, "x"]}', b'{"p": ["a"]}', b'{"x": {}}', b'{"q": 1}',
           b'{"m": {"kind": "trial", "rig": "rig-1", "subject": "m01", "session": "s1", "seq": 99}}',
           b'{"m": {"kind": "hello", "rig": "rig-1", "subject": "m01", "session": "s1", "seq": 99}}',
           b'{"m": {"kind": [], "rig": "rig-1", "subject": "m01", "session": "s1", "seq": 99}}',
           b'{"m": {"kind": "trial", "rig": "rig-q", "subject": "m01", "session": "s1", "seq": 99, '
           b'"trial": 1}}', b'{"m": ' + b"[" * 50000, b"9" * 5000, b"x" * 400000,
           b'{"m": {"kind": "stimulus", "rig": "rig-1", "subject": "m 1", "session": "s1", "seq": 1}}']


def damage_in_a_spool_costs_only_the_lines_it_hit():
    rng = random.Random(SEED)
    daemon = Daemon()
    with tempfile.TemporaryDirectory() as folder:
        path = spool_of(folder)
        lines = open(path, "rb").read().splitlines()
        for garbage in GARBAGE:
            lines.insert(rng.randrange(1, len(lines) + 1), garbage)
        open(path, "wb").write(b"\n".join(lines) + b'\n{"m": {"v": 1, "kind": "tri')
        with warnings_caught() as caught:
            with murid.Client("rig-1", ask=daemon.endpoint, spool=path) as client:
                assert client.pending == 11, client.pending
                client.session_start("m01", session="s1")
                run_trials(client, 5, first=10)
                assert client.flush(5)
        assert len(caught) == 1 and "cannot be read" in str(caught[0].message), caught
        aside = open(path + ".bad", "rb").read().splitlines()
        assert sorted(aside) == sorted(GARBAGE)
        daemon.check(15)
    daemon.stop()


def a_spool_cut_anywhere_keeps_what_is_whole():
    with tempfile.TemporaryDirectory() as folder:
        path = spool_of(folder, n=3)
        whole = open(path, "rb").read()
        for cut in range(len(whole)):
            open(path, "wb").write(whole[:cut])
            with murid.Client("rig-1", ask="tcp://127.0.0.1:1", spool=path) as client:
                n = sum(line.startswith(b'{"m"') for line in whole[:cut].split(b"\n")[:-1])
                assert client.pending == n, (cut, client.pending, n)


def a_spool_of_an_earlier_murid_is_read():
    daemon = Daemon()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "spool")
        start = dict(v=1, kind="session_start", rig="rig-1", subject="m01", session="s1", seq=1)
        trials = [dict(start, kind="trial", seq=i + 2, trial=i, stimulus=stimulus_of(i), choice=1)
                  for i in range(6)]
        records = [{"m": start}] + [{"m": m} for m in trials] + [{"d": ["m01", "s1", 4]},
                                                                {"p": ["m01", "s1", 7, 6]}]
        open(path, "w").write("".join(json.dumps(r) + "\n" for r in records))
        with murid.Client("rig-1", ask="tcp://127.0.0.1:1", spool=path, timeout_s=0.01) as client:
            assert [m["seq"] for m in client._pending_messages()] == [5, 6, 7]
            client.session_start("m01", session="s1")
            client.ask(stimulus=0, choice=1)
            assert client._pending_messages()[-1]["trial"] == 6
            assert client._pending_messages()[-1]["seq"] == 9
    daemon.stop()


def a_full_disk_under_the_spool_costs_a_warning_and_no_trial():
    daemon = Daemon()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "spool")
        with warnings_caught() as caught:
            with murid.Client("rig-1", ask=daemon.endpoint, spool=path) as client:
                client.session_start("m01", session="s1")
                run_trials(client, 5)
                resource.setrlimit(resource.RLIMIT_FSIZE,
                                   (os.path.getsize(path) + 70, unlimited[1]))
                try:
                    assert None not in run_trials(client, 20, first=5)
                    assert open(path, "rb").read().endswith(b"\n")
                    daemon.stop()
                    client.timeout_s = 0.05
                    run_trials(client, 20, first=25)
                finally:
                    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
                time.sleep(1.1)
                run_trials(client, 1, first=45)
                kept = [json.loads(line) for line in open(path)]
                assert sum("m" in r for r in kept) == client.pending >= 21
                daemon.start()
                assert client.flush(5)
        daemon.check(46)
        texts = [str(w.message) for w in caught if path + " could" in str(w.message)]
        assert len(texts) == 2 and "again" in texts[1], texts
    daemon.stop()


def a_long_backlog_is_sent_in_reasonable_time():
    daemon = Daemon()
    daemon.take = daemon.memory.append
    daemon.durable = lambda message: message.get("seq", 10**9)
    daemon.stop()
    with tempfile.TemporaryDirectory() as folder:
        with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.01,
                          spool=os.path.join(folder, "spool")) as client:
            client.session_start("m01")
            run_trials(client, 20000)
            daemon.start()
            client.timeout_s = 1.0
            t0 = time.monotonic()
            assert client.flush(60)
            print("  20000 kept messages sent and confirmed in %.1f s" % (time.monotonic() - t0))
    daemon.stop()


def a_subscriber_gets_what_it_asked_for():
    context = zmq.Context.instance()
    pub = context.socket(zmq.XPUB)
    pub.xpub_verbose = 1
    pub.rcvtimeo = 5000
    port = pub.bind_to_random_port("tcp://127.0.0.1")
    with murid.Client("rig-1", pub="tcp://127.0.0.1:%d" % port) as client:
        every = client.subscribe(timeout_s=0.5)
        one = client.subscribe("prediction", rig="r1", subject="m1", timeout_s=0.5)
        some = client.subscribe("prediction", subject="m1", timeout_s=0.5)
        assert sorted(pub.recv() for _ in range(3)) == [
            b"\x01murid/1/", b"\x01murid/1/", b"\x01murid/1/r1/m1/prediction"]
        for i, topic in enumerate(["r1/m1/prediction", "r2/m1/prediction", "r1/m1/trial", "-/-/status",
                                   "r1/m2/prediction"]):
            pub.send_multipart([b"murid/1/" + topic.encode(), msgpack.packb({"i": i})])
            pub.send_multipart([b"json/1/" + topic.encode(), b"{}"])
        assert [m["i"] for m in every] == [0, 1, 2, 3, 4]
        assert [m["i"] for m in one] == [0]
        assert [m["i"] for m in some] == [0, 1]
    pub.close(0)


def an_encrypted_link_works_with_the_right_keys():
    context = zmq.Context.instance()
    server_public, server_secret = zmq.curve_keypair()
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    router.curve_server = True
    router.curve_secretkey, router.curve_publickey = server_secret, server_public
    port = router.bind_to_random_port("tcp://127.0.0.1")

    def answer_once():
        frames = router.recv_multipart()
        router.send_multipart(frames[:-1] + [msgpack.packb({"kind": "hello", "rig": "rig-1"})])

    threading.Thread(target=answer_once, daemon=True).start()
    endpoint = "tcp://127.0.0.1:%d" % port
    with murid.Client("rig-1", ask=endpoint, timeout_s=0.3) as client:
        assert not client.hello()
    keys = (server_public.decode(),) + tuple(k.decode() for k in zmq.curve_keypair())
    with murid.Client("rig-1", ask=endpoint, timeout_s=5, curve=keys) as client:
        assert client.hello()["kind"] == "hello"
    router.close(0)


def a_daemon_killed_while_its_replies_are_read_costs_no_reply():
    """libzmq looks for news of its connections at every hundredth part that a program reads."""
    router = zmq.Context.instance().socket(zmq.ROUTER)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    with murid.Client("rig-1", ask="tcp://127.0.0.1:%d" % port) as client:
        client._open_link()
        client._socket.send(b"")
        to = router.recv_multipart()[0]
        for _ in range(150):
            router.send_multipart([to, b"", b"reply"])
        assert client._socket.poll(5000)
        router.close(5000)
        deadline = time.monotonic() + 10
        while client._monitor.recv_multipart()[0][:2] != zmq.EVENT_DISCONNECTED.to_bytes(2, sys.byteorder):
            assert time.monotonic() < deadline
        time.sleep(0.05)  # the event is ahead of the news to the socket
        parts = [client._socket.recv(zmq.NOBLOCK) for _ in range(300)]
        assert parts == [b"", b"reply"] * 150
        client._drop_link()


def main():
    print("SEED=%d" % SEED)
    for test in (answers_come_back_and_keys_are_filled_in,
                 without_a_daemon_nothing_hangs_and_nothing_is_lost,
                 after_the_first_missed_answer_no_call_waits_and_nothing_is_lost,
                 each_outage_is_told_once_and_so_is_its_end,
                 a_session_needs_no_start,
                 a_refusal_is_raised_and_its_numbers_are_used_again,
                 a_refusal_found_out_later_leaves_no_hole_in_the_counter,
                 what_could_not_be_answered_by_name_is_refused_at_once,
                 a_refused_call_changes_nothing,
                 what_the_daemon_refuses_changes_nothing_either,
                 a_mistake_is_said_once_and_ends_no_loop,
                 a_number_of_any_type_is_taken_and_nan_is_a_no_go,
                 what_is_journaled_though_refused_is_kept_until_it_is_on_disk,
                 an_endpoint_that_is_none_is_said_at_once,
                 the_words_are_those_of_the_protocol,
                 a_full_disk_keeps_trials_in_the_spool,
                 a_late_answer_is_not_taken_for_the_next_one,
                 what_is_no_answer_to_a_message_is_counted_and_changes_nothing,
                 a_virtual_mouse_is_spoken_to_with_the_same_messages,
                 a_reply_about_one_session_says_nothing_about_another,
                 a_window_full_of_one_session_does_not_hold_up_the_next,
                 flush_is_true_only_when_every_session_was_confirmed,
                 a_durable_seq_of_an_earlier_run_frees_nothing_that_was_not_answered,
                 sessions_that_take_turns_go_on_counting,
                 silence_noise_and_crashes_lose_nothing,
                 a_crash_between_two_trials_is_noticed_before_the_next,
                 the_spool_file_survives_a_crash_of_the_rig,
                 one_spool_has_one_program_at_a_time,
                 a_spool_of_another_rig_or_no_spool_is_refused_and_left_as_it_is,
                 damage_in_a_spool_costs_only_the_lines_it_hit,
                 a_spool_cut_anywhere_keeps_what_is_whole,
                 a_spool_of_an_earlier_murid_is_read,
                 a_full_disk_under_the_spool_costs_a_warning_and_no_trial,
                 a_long_backlog_is_sent_in_reasonable_time,
                 a_subscriber_gets_what_it_asked_for,
                 an_encrypted_link_works_with_the_right_keys,
                 a_daemon_killed_while_its_replies_are_read_costs_no_reply):
        if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
            continue
        t0 = time.monotonic()
        test()
        print("ok  %s (%.1f s)" % (test.__name__.replace("_", " "), time.monotonic() - t0), flush=True)


main()

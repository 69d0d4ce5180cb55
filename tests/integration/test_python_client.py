"""proto/python/murid.py against a small stand-in for the daemon that forgets, is late and dies.

The stand-in keeps what it heard in two lists, one "on disk" and one that a crash wipes out, and
checks that within a session every trial comes in order and is taken up once.
"""
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

import msgpack
import numpy
import zmq

import murid

SEED = int(os.environ.get("SEED", time.time()))


class Daemon:
    """Answers on its own thread. `behave(message)` says what to do with one: "ok", "mute" (take it
    up but do not answer), "deaf" (lose it and all that follows on its connection), "late" (answer after 0.3 s), "crash" (take it up, then
    die before answering)."""

    def __init__(self, lag=3, port=None, behave=lambda message: "ok"):
        self.context = zmq.Context.instance()
        self.lag = lag
        self.behave = behave
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
        key = (message["rig"], message["subject"], message["session"])
        return [m for m in self.disk + self.memory
                if (m["rig"], m["subject"], m["session"]) == key]

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
        key = (message["subject"], message["session"])
        on_disk = {m["seq"] for m in self.disk if (m["subject"], m["session"]) == key}
        seq = 0
        while seq + 1 in on_disk:
            seq += 1
        return seq

    def reply_to(self, message):
        reply = {k: message[k] for k in ("rig", "subject", "session", "seq") if k in message}
        if message.get("choice") == 7:
            return dict(reply, kind="error", code="bad_message", key="trial.choice",
                        text="7 is outside 0..1")
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
            self.router.send_multipart(route + [msgpack.packb(reply)])

    def check(self, n_trials, session=None):
        """All is on disk, once and in order."""
        trials = [m for m in self.disk + self.memory
                  if m["kind"] == "trial" and session in (None, m["session"])]
        assert [m["trial"] for m in trials] == list(range(n_trials)), [m["trial"] for m in trials]
        assert [m["stimulus"] for m in trials] == [stimulus_of(i) for i in range(n_trials)]
        assert not self.gaps, self.gaps


def stimulus_of(i):
    return (i % 9 - 4) / 4


def run_trials(client, n, first=0):
    return [client.ask(stimulus=stimulus_of(i), choice=i % 2, reward=1) for i in range(first, first + n)]


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
        assert client.session_start("m01") is None
        assert run_trials(client, 10) == [None] * 10
        assert client.hello() is None
        assert not client.flush(0.1)
        took = time.monotonic() - t0
        assert took < 12 * 0.1 + 0.1 + 1.0, took
        assert client.pending == 11
        port.start()
        client.timeout_s = 2.0
        assert client.ask(stimulus=stimulus_of(10), choice=0)["for_trial"] == 11
        assert client.flush(5)
    port.check(11)
    port.stop()


def a_session_needs_no_start():
    daemon = Daemon()
    with murid.Client("rig-1", ask=daemon.endpoint) as client:
        try:
            client.ask(stimulus=0.5, choice=1)
            raise AssertionError("a trial of nobody was sent")
        except ValueError:
            pass
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
    with murid.Client("rig-1", ask=daemon.endpoint) as client:
        client.session_start("m01")
        run_trials(client, 3)
        try:
            client.ask(stimulus=0.5, choice=7)
            raise AssertionError("not refused")
        except murid.Refused as e:
            assert (e.code, e.key, e.text) == ("bad_message", "trial.choice", "7 is outside 0..1")
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
        assert client.ask(stimulus=0.5, choice=7) is None
        run_trials(client, 2)
        daemon.start()
        client.timeout_s = 2.0
        client.ask(stimulus=0.5, choice=1)
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
        assert run_trials(client, 3, first=3) == [None] * 3
        assert client.pending >= 3
        daemon.full = False
        assert client.ask(stimulus=stimulus_of(6), choice=0) is not None
        assert client.flush(5)
    daemon.check(7)
    daemon.stop()


def a_late_answer_is_not_taken_for_the_next_one():
    slow = [3]
    daemon = Daemon(behave=lambda m: "late" if m.get("trial") in slow and slow.remove(m["trial"]) is None
                    else "ok")
    with murid.Client("rig-1", ask=daemon.endpoint, timeout_s=0.1) as client:
        client.session_start("m01")
        replies = run_trials(client, 4)
        assert replies[3] is None
        client.timeout_s = 2.0
        time.sleep(0.4)
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
        replies = run_trials(client, n)
        daemon.behave = lambda message: "ok"
        assert client.flush(20)
    answered = [r["for_trial"] - 1 for r in replies if r is not None]
    assert answered == [i for i, r in enumerate(replies) if r is not None]
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
            assert client.ask(stimulus=stimulus_of(i), choice=0) is not None
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
        assert client.hello() is None
    keys = (server_public.decode(),) + tuple(k.decode() for k in zmq.curve_keypair())
    with murid.Client("rig-1", ask=endpoint, timeout_s=5, curve=keys) as client:
        assert client.hello()["kind"] == "hello"
    router.close(0)


def main():
    print("SEED=%d" % SEED)
    for test in (answers_come_back_and_keys_are_filled_in,
                 without_a_daemon_nothing_hangs_and_nothing_is_lost,
                 a_session_needs_no_start,
                 a_refusal_is_raised_and_its_numbers_are_used_again,
                 a_refusal_found_out_later_leaves_no_hole_in_the_counter,
                 a_full_disk_keeps_trials_in_the_spool,
                 a_late_answer_is_not_taken_for_the_next_one,
                 silence_noise_and_crashes_lose_nothing,
                 a_crash_between_two_trials_is_noticed_before_the_next,
                 the_spool_file_survives_a_crash_of_the_rig,
                 a_subscriber_gets_what_it_asked_for,
                 an_encrypted_link_works_with_the_right_keys):
        t0 = time.monotonic()
        test()
        print("ok  %s (%.1f s)" % (test.__name__.replace("_", " "), time.monotonic() - t0), flush=True)


main()

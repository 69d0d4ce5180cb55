#!/usr/bin/python3
"""`murid play` against a stand-in for the daemon: what it sends of sessions that share a name, and that
it counts a trial only when an answer by name said so."""
import os
import subprocess
import sys
import tempfile
import threading
import time

import msgpack
import zmq

MURID = os.environ["MURID_BIN"]
KEYS = ("rig", "subject", "session", "run", "trial", "seq")


class Router(threading.Thread):
    """Keeps what it hears; `say(message, reply)` gives the replies to it."""

    def __init__(self, say=lambda message, reply: [reply]):
        super().__init__(daemon=True)
        self.say = say
        self.heard = []
        self.through = {}  # (rig, subject, session, run): seq
        self.synced = {}  # the same on disk
        self.lag = 0
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.endpoint = "tcp://127.0.0.1:%d" % self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.stopping = False
        self.start()

    def run(self):
        while not self.stopping:
            if self.socket.poll(20):
                frames = self.socket.recv_multipart()
                message = msgpack.unpackb(frames[-1])
                for reply in self.say(message, self.reply_to(message)):
                    if reply == "crash":
                        self.crash()
                        break
                    self.socket.send_multipart(frames[:-1] + [msgpack.packb(reply)])
        self.socket.close(0)

    def reply_to(self, message):
        reply = {k: message[k] for k in KEYS if k in message}
        owner = tuple(message.get(k) for k in KEYS[:4])
        if message["kind"] != "hello":
            self.heard.append(message)
            if message["seq"] == self.through.get(owner, 0) + 1:
                self.through[owner] = message["seq"]
        if "session" in message:
            through = self.through.get(owner, 0)
            on_disk = through if message["kind"] == "hello" else max(0, through - self.lag)
            self.synced[owner] = max(on_disk, self.synced.get(owner, 0))
            reply["durable_seq"] = self.synced[owner]
        if message["kind"] == "hello":
            return dict(reply, kind="hello")
        return dict(reply, kind="prediction", for_trial=message.get("trial", -1) + 1, stimuli=[0.5],
                    p_right=[0.5], lo=[0.25], hi=[0.75])

    def trials(self):
        return [(m["session"], m.get("run"), m["trial"], m["stimulus"])
                for m in self.heard if m["kind"] == "trial"]

    def crash(self):
        """Comes back at once, with what was on disk."""
        self.socket.close(0)
        self.through = dict(self.synced)
        self.heard = [m for m in self.heard
                      if m["seq"] <= self.synced.get(tuple(m.get(k) for k in KEYS[:4]), 0)]
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        for _ in range(200):
            try:
                return self.socket.bind(self.endpoint)
            except zmq.ZMQError:
                time.sleep(0.01)

    def stop(self):
        self.stopping = True
        self.join()


def play(rows, say=lambda message, reply: [reply], words=(), lag=0):
    """Plays (session, trial, stimulus) of m1; the stand-in, exit code, standard output and error."""
    router = Router(say)
    router.lag = lag
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "t.csv")
        with open(path, "w") as f:
            f.write("subject,session,trial,stimulus,choice,reward\n")
            f.writelines("m1,%s,%d,%g,1,1\n" % row for row in rows)
        done = subprocess.run([MURID, "play", path, *(words or ["--asap"]), "--to",
                               router.endpoint],
                              capture_output=True, text=True, timeout=120)
    router.stop()
    return router, done.returncode, done.stdout, done.stderr


def rows(session, numbers, stimulus=0.5):
    return [(session, i, stimulus) for i in numbers]


def a_session_whose_numbers_fall_back_is_played_as_runs():
    table = (rows("s", range(100)) + rows("s", range(80), 0.25) + rows("t", range(5))
             + rows("s", range(3), -1) + rows("s", range(3, 6), -1))
    router, code, out, err = play(table)
    assert code == 0, (out, err)
    assert router.trials() == (
        [("s", None, i, 0.5) for i in range(100)] + [("s", 2, i, 0.25) for i in range(80)]
        + [("t", None, i, 0.5) for i in range(5)] + [("s", 3, i, -1) for i in range(6)])
    assert "191 trials are on disk, 0 were refused, 0 are not confirmed" in out, out
    assert "2 sessions restart" in out, out
    starts = [(m["session"], m.get("run"), m["seq"]) for m in router.heard
              if m["kind"] == "session_start"]
    assert starts == [("s", None, 1), ("s", 2, 1), ("t", None, 1), ("s", 3, 1)], starts


def a_session_named_with_its_run_is_played_as_that_run():
    router, code, out, err = play(rows("day1", range(5)) + rows("day1+2", range(5))
                                  + rows("day2+7", range(2)) + rows("day1+2", range(5, 7)))
    assert code == 0, (out, err)
    assert router.trials() == (
        [("day1", None, i, 0.5) for i in range(5)] + [("day1", 2, i, 0.5) for i in range(5)]
        + [("day2", 7, i, 0.5) for i in range(2)] + [("day1", 2, i, 0.5) for i in range(5, 7)])
    for name in ("day1+", "day1+0", "+2", "day1+x", "day1+2+3", "day1+-1"):
        _, code, _, err = play(rows(name, range(2)))
        assert code == 2 and "column session" in err and "NAME+N" in err, (name, err)


def rows_that_stand_there_twice_are_played_once_and_late_ones_in_their_session():
    router, code, out, err = play(rows("s", [0, 1, 1, 2, 4, 3, 5, 5, 4, 6]))
    assert code == 0, (out, err)
    assert [t[1:3] for t in router.trials()] == [(None, i) for i in (0, 1, 2, 4, 3, 5, 6)]
    assert "3 rows appear twice in the table" in out and "7 trials are on disk" in out, out


def what_is_refused_is_told_by_reason_and_ends_with_1():
    def say(message, reply):
        code = {3: "conflict", 4: "conflict", 6: "out_of_order", 7: "bad_message"}.get(message.get("trial"))
        if code is None:
            return [reply]
        keys = {k: v for k, v in reply.items() if k in KEYS + ("durable_seq",)}
        return [dict(keys, kind="error", code=code, key="trial.choice", text="no")]

    router, code, out, err = play(rows("s", range(20)), say)
    assert code == 1, (out, err)
    assert "16 trials are on disk, 4 were refused, 0 are not confirmed" in out, out
    for line in ("refused as conflict: 2", "refused as out_of_order: 1", "refused as bad_message: 1"):
        assert line in out, out
    assert "4 messages were refused, the last: " in err, err
    filler = [m for m in router.heard if m["kind"] == "session_start" and m["seq"] == 9]
    assert len(filler) == 1, "the seq of what could not be read is used by a message that says nothing"


def only_what_was_answered_by_name_and_confirmed_counts():
    """Sessions whose answers are another's: of the present session, subject, rig, seq, trial, kind."""
    wrong = {"w1": {"session": "good"}, "w2": {"subject": "m2"}, "w3": {"rig": "rig-2"},
             "w4": {"trial": 999}, "w5": {"kind": "session_end"}, "w6": {"durable_seq": 0},
             "w7": {"seq": 500}, "w8": {"run": 3}}

    def say(message, reply):
        if message["kind"] == "hello":
            return [dict(reply, durable_seq=10**6)] if message.get("session") == "good" else [reply]
        return [dict(reply, **{"durable_seq": 10**6, **wrong.get(message["session"], {})})]

    table = []
    for name in wrong:
        table += rows(name + "+2" if name == "w8" else name, range(5))
    router, code, out, err = play(table + rows("good", range(30)), say)
    assert code == 1, (out, err)
    # w6 has its answers, and the hello confirms them
    assert "35 trials are on disk, 0 were refused, 35 are not confirmed" in out, out
    assert "35 trials were not confirmed to be on disk" in err, err


def a_daemon_that_dies_and_comes_back_gets_all_in_order_before_anything_new():
    table = rows("s", range(1500)) + rows("t", range(500))
    router = None
    crashes = {("s", 300), ("s", 301), ("s", 900), ("t", 499)}

    def say(message, reply):
        at = message.get("session"), message.get("trial")
        if at in crashes:
            crashes.remove(at)
            return ["crash"]
        return [reply]

    for words in ((), ("--rate", "2000")):
        crashes = {("s", 300), ("s", 301), ("s", 900), ("t", 499)}
        router, code, out, err = play(table, say, words, lag=100)
        assert code == 0, (out, err)
        assert not crashes and "2000 trials are on disk, 0 were refused, 0 are not confirmed" in out, out
        for session, n in (("s", 1500), ("t", 500)):
            numbers = [t[2] for t in router.trials() if t[0] == session]
            assert list(dict.fromkeys(numbers)) == list(range(n)), numbers


def main():
    for test in (a_session_whose_numbers_fall_back_is_played_as_runs,
                 a_session_named_with_its_run_is_played_as_that_run,
                 rows_that_stand_there_twice_are_played_once_and_late_ones_in_their_session,
                 what_is_refused_is_told_by_reason_and_ends_with_1,
                 a_daemon_that_dies_and_comes_back_gets_all_in_order_before_anything_new,
                 only_what_was_answered_by_name_and_confirmed_counts):
        test()
        print("ok ", test.__name__.replace("_", " "), flush=True)


if __name__ == "__main__":
    sys.exit(main())

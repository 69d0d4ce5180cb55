"""A real daemon for the integration tests: started on free ports over a directory of its own,
asked through bare ZeroMQ sockets, its journal read with SQLite, and stopped or killed."""
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time

import msgpack
import zmq

MURID = os.environ["MURID_BIN"]
SANITIZED = os.environ.get("MURID_SANITIZED", "") != ""
READY_S = 60
TIMEOUT_S = 20


GIVEN = set()  # ports that this program was told of: a daemon may bind its own only later


def free_ports(n):
    """Ports nobody listens on now. They are below those that the kernel hands out by itself, so
    that no other test gets one in between."""
    found = []
    while len(found) < n:
        port = random.SystemRandom().randrange(10000, 32000)
        if port in GIVEN:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        GIVEN.add(port)
        found.append(port)
    return found


class Daemon:
    """start() returns once the daemon says that it is ready. Use as a context manager: on the way
    out it is stopped, has to end with 0, and its directory goes."""

    def __init__(self, config=None, directory=None, control=True, wrapper=()):
        self.own = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="murid-test-")
        self.data = os.path.join(self.directory, "data")
        self.log_path = os.path.join(self.directory, "log")
        self.config_path = os.path.join(self.directory, "murid.yaml")
        self.journal = os.path.join(self.data, "journal.sqlite")
        self.context = zmq.Context()
        self.process = None
        self.wrapper = list(wrapper)
        ports = dict(zip(("ask", "pub", "trials", "control"), free_ports(4)))
        self.port = ports
        self.endpoint = {k: f"tcp://127.0.0.1:{p}" for k, p in ports.items()}
        settings = {"data": {"directory": self.data},
                    "sockets": {k: e for k, e in self.endpoint.items() if control or k != "control"}}
        for section, keys in (config or {}).items():
            settings.setdefault(section, {}).update(keys)
        self.settings = settings
        self.write_config()

    def write_config(self):
        with open(self.config_path, "w") as f:
            json.dump(self.settings, f)  # JSON is YAML

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        try:
            code = self.stop()
            if kind is None and code not in (None, 0):
                raise AssertionError(f"the daemon ended with {code}\n" + self.log()[-3000:])
        finally:
            self.close()

    def launch(self):
        """Starts the process and does not wait for it."""
        self.log_file = open(self.log_path, "a")
        self.mark = os.path.getsize(self.log_path)
        self.process = subprocess.Popen([*self.wrapper, MURID, "run", "-c", self.config_path],
                                        stderr=self.log_file, stdout=self.log_file)
        self.log_file.close()

    def start(self):
        self.launch()
        return self.wait_ready()

    def wait_ready(self):
        deadline = time.monotonic() + READY_S
        while " is ready after " not in self.log(self.mark):
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode} instead of starting\n"
                                     + self.log(self.mark))
            if time.monotonic() > deadline:
                raise AssertionError("not ready\n" + self.log(self.mark))
            time.sleep(0.002)
        return self

    def log(self, start=0):
        with open(self.log_path, errors="replace") as f:
            f.seek(start)
            return f.read()

    def kill(self):
        """As a power cut would, apart from the page cache."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self, sig=signal.SIGTERM):
        """Ends it cleanly; its exit code, None if it does not run."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            code = self.process.wait(READY_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("does not stop\n" + self.log()[-3000:])
        finally:
            self.process = None
        return code

    def close(self):
        self.context.destroy(linger=0)
        if self.own:
            shutil.rmtree(self.directory, ignore_errors=True)

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    # ---- sockets ----

    def socket(self, kind, endpoint, **options):
        s = self.context.socket(kind)
        s.linger = 0
        s.rcvtimeo = s.sndtimeo = TIMEOUT_S * 1000
        for name, value in options.items():
            setattr(s, name, value)
        s.connect(self.endpoint.get(endpoint, endpoint))
        return s

    def asker(self, endpoint="ask", **options):
        return Asker(self.socket(zmq.DEALER, endpoint, **options))

    def listener(self, *prefixes):
        s = self.socket(zmq.SUB, "pub", sndhwm=0)  # or subscriptions beyond 1,000 are dropped
        for prefix in prefixes:
            s.subscribe(prefix)
        return s

    def ready_listener(self, *prefixes):
        """A listener whose subscriptions the daemon knows by now: a status came, asked for last."""
        s = self.listener(*prefixes)
        status = "murid/1/-/-/status"
        s.subscribe(status)
        assert s.poll(TIMEOUT_S * 1000)
        s.unsubscribe(status)
        while s.recv_multipart()[0] != status.encode():
            pass
        return s

    def command(self, command, **keys):
        asker = self.asker("control")
        reply = asker.ask(kind="command", command=command, **keys)
        asker.close()
        return reply

    def status(self):
        return self.command("status")

    def wait(self, what, test, seconds=20.0):
        """Asks for the status until test(status) is true; that status."""
        deadline = time.monotonic() + seconds
        while True:
            status = self.status()
            if test(status):
                return status
            assert time.monotonic() < deadline, (what, status)
            time.sleep(0.01)

    def settle(self):
        """Waits until everything heard is on disk."""
        return self.wait("the journal to settle", lambda s: s["events"] == s["durable_events"])

    # ---- journal ----

    def query(self, sql, *values):
        db = sqlite3.connect(self.journal, timeout=30)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def alerts(self, code):
        return [t for t, in self.query("SELECT text FROM alert WHERE code = ? ORDER BY id", code)]

    def trials(self, **where):
        """Rows (subject, session, trial, stimulus, choice) taken up, in the order heard."""
        sql = "SELECT subject, session, trial, stimulus, choice FROM trial"
        if where:
            sql += " WHERE " + " AND ".join(f"{k} = ?" for k in where)
        return self.query(sql + " ORDER BY event", *where.values())


class Asker:
    """A DEALER that sends one message and waits for its answer."""

    def __init__(self, socket):
        self.socket = socket

    def send(self, data):
        self.socket.send_multipart([b"", data])

    def receive(self):
        body = self.socket.recv_multipart()[-1]
        return json.loads(body) if body.lstrip()[:1] == b"{" else msgpack.unpackb(body)

    def raw(self, data):
        self.send(data)
        return self.receive()

    def ask(self, **keys):
        return self.raw(msgpack.packb(keys))

    def ask_json(self, **keys):
        return self.raw(json.dumps(keys).encode())

    def close(self):
        self.socket.close()


def trial(number, subject="m1", session="s1", rig="rig1", **keys):
    """A well-formed trial; what is given as None is left out, but for a no-go."""
    message = {"v": 1, "kind": "trial", "rig": rig, "subject": subject, "session": session,
               "trial": number, "seq": number + 1, "stimulus": 0.5, "choice": 1, "reward": 1}
    message.update(keys)
    return {k: v for k, v in message.items() if v is not None or k == "choice"}


def random_trial(draw, number, **keys):
    """A trial of an animal that follows the stimulus, with no-goes and unknown values."""
    stimulus = draw.choice((-1.0, -0.5, -0.25, -0.125, 0.0, 0.125, 0.25, 0.5, 1.0))
    choice = None if draw.random() < 0.05 else int(draw.random() < 0.5 + 0.4 * stimulus)
    reward = None if stimulus == 0 or choice is None else int((stimulus > 0) == bool(choice))
    return trial(number, stimulus=stimulus, choice=choice, reward=reward,
                 rt_s=round(draw.uniform(0.1, 2.0), 3), side=int(stimulus > 0), **keys)


class Rig(threading.Thread):
    """A rig that asks, one message at a time, keeps what is not known to be on disk, and sends all
    of that again, in order, after every reconnect. sessions: lists of messages, each counting its
    seq from 1."""

    def __init__(self, daemon, sessions, rate=None, wait_ms=150):
        super().__init__(daemon=True)
        self.endpoint = daemon.endpoint["ask"]
        self.context = daemon.context
        self.sessions = sessions
        self.interval = 1.0 / rate if rate else 0.0
        self.wait_ms = wait_ms
        self.reconnects = 0
        self.n_sent = 0  # messages answered for the first time
        self.refused = []
        self.failure = None
        self.is_finishing = False

    def finish(self):
        """Lets it send what it has begun, and no more."""
        self.is_finishing = True

    def connect(self):
        # One socket is one connection: what is queued must not overtake what is sent again.
        s = self.context.socket(zmq.DEALER)
        s.linger = 0
        s.reconnect_ivl = 10**9  # never; -1 lets libzmq abort between the two parts of a reply
        s.sndtimeo = self.wait_ms
        s.connect(self.endpoint)
        return s

    def exchange(self, message):
        try:
            self.socket.send_multipart([b"", msgpack.packb(message)])
            deadline = time.monotonic() + self.wait_ms / 1000
            while self.socket.poll(max(0, int(1000 * (deadline - time.monotonic())))):
                reply = msgpack.unpackb(self.socket.recv_multipart()[-1])
                if reply.get("seq") == message["seq"]:
                    return reply
        except zmq.Again:
            pass
        self.socket.close()
        self.socket = self.connect()
        self.reconnects += 1
        return None

    def run(self):
        try:
            self.socket = self.connect()
            self.due = time.monotonic()
            for i, messages in enumerate(self.sessions):
                if self.is_finishing:
                    del self.sessions[i:]
                    break
                self.send_session(messages)
            self.socket.close()
        except Exception as e:  # the main thread reports it
            self.failure = e

    def send_session(self, messages):
        durable = at = top = 0  # numbers of messages: on disk, sent on this connection, ever sent
        while durable < len(messages):
            if self.is_finishing and top < len(messages):
                del messages[top:]
                continue
            if at == len(messages):
                hello = {k: messages[0][k] for k in ("rig", "subject", "session")}
                reply = self.exchange(dict(hello, kind="hello", seq=0))
                time.sleep(0.01)
            else:
                if self.interval and at == top:
                    self.due = max(self.due + self.interval, time.monotonic() - 0.5)
                    time.sleep(max(0.0, self.due - time.monotonic()))
                top = max(top, at + 1)
                reply = self.exchange(messages[at])
            if reply is None:
                at = durable
                continue
            if reply["kind"] == "error":
                if reply["code"] in ("journal_behind", "disk_full"):
                    time.sleep(0.05)
                    continue
                self.refused.append(reply)
            if at < len(messages):
                at += 1
                self.n_sent += 1
            told = reply.get("durable_seq", 0)
            assert told <= top, f"durable_seq {told} of {top} messages sent"
            durable = max(durable, told)
            at = max(at, durable)


# ---- what a checkpoint holds (daemon/src/twin/subjects.h) ----

SEQUENCE = struct.Struct("<5q")  # first, through, lowest, highest, missing
SESSION_FIELDS = ("counts_since", "first_seq", "doubted", "n_doubted", "start_content",
                  "end_content", "is_started", "last_heard_mono_ns", "last_heard_boot",
                  "last_heard_wall_ns", "last_t_rig_us", "task", "software")


def session_state(blob):
    """A session's state as a dict; last_heard_* is when, not what."""
    rest = struct.Struct(f"<{len(SESSION_FIELDS) - 2}q72s72s")
    assert len(blob) == 2 * SEQUENCE.size + rest.size, len(blob)
    return {"trials": SEQUENCE.unpack_from(blob, 0),
            "seqs": SEQUENCE.unpack_from(blob, SEQUENCE.size),
            **dict(zip(SESSION_FIELDS, rest.unpack_from(blob, 2 * SEQUENCE.size)))}


def subject_state(blob):
    """A subject's state as (bytes without the session's number, that number). Its own parameters'
    window and what looking ahead needs stand before it, with their sizes."""
    at = subject_state_offset(blob)
    return blob[16:at] + blob[at + 8:], struct.unpack_from("<q", blob, at)[0]


def subject_state_offset(blob):
    """Where it begins in a checkpoint."""
    return 16 + sum(struct.unpack_from("<2Q", blob))

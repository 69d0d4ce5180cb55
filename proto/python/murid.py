"""murid.py - talk to murid, the digital twin of a mouse in training, from a rig.

    import murid
    rig = murid.Client("rig-1", spool="murid.spool")
    rig.session_start("m01", stimuli=[-0.5, -0.25, 0.25, 0.5])
    for stimulus, choice, reward in run_my_task():
        prediction = rig.ask(stimulus=stimulus, choice=choice, reward=reward)
        if prediction is not None:
            print(prediction["stimuli"], prediction["p_right"])
    rig.session_end()
    rig.flush(5)

One file; needs Python 3.8, pyzmq and msgpack. The messages are described in docs/protocol.md.

A rig never hangs on murid: a call that gets no answer within timeout_s returns None. Nothing is
lost by that: every message stays in the spool until the daemon says that it is safely on disk,
and whatever is in the spool is sent again, in order, before the next message. The daemon drops
what it had already. With spool=PATH the spool is also a file, and survives a crash of the rig's
own program.

A Client belongs to one thread; iterators from subscribe() may each be used in a thread of their
own.
"""
import json
import os
import sys
import time

import msgpack
import zmq

__all__ = ["Client", "Refused"]

VERSION = "1.0"
SCHEMA = 1
WINDOW = 64  # messages sent ahead of their answers
RETRY_S = 0.05  # pause before the next attempt to connect
COMPACT_BYTES = 1 << 20  # the spool file is rewritten when it has grown by this

# The daemon did not take the message up, for reasons of its own that will pass.
KEEP = ("journal_behind", "disk_full")
# The daemon could not read the message: its seq and trial number are free for the next.
UNREAD = ("bad_message", "unknown_kind", "version")


class Refused(Exception):
    """The daemon refused a message: .code (a word), .key (where, or ""), .text (why)."""

    def __init__(self, code, key, text):
        super().__init__("%s: %s%s" % (code, key + ": " if key else "", text))
        self.code = code
        self.key = key
        self.text = text


class _Entry:
    """One message on its way: waiting, sent, or answered but not yet known to be on disk."""

    __slots__ = ("message", "is_spooled", "is_sent", "reply")

    def __init__(self, message, is_spooled):
        self.message = message
        self.is_spooled = is_spooled
        self.is_sent = False
        self.reply = None

    def session(self):
        return self.message.get("subject"), self.message.get("session")

    def is_answered_by(self, reply):
        if reply.get("seq") is None:
            return reply.get("kind") in (self.message["kind"], "error")
        return (reply["seq"] == self.message.get("seq")
                and reply.get("subject") in (None, self.message.get("subject"))
                and reply.get("session") in (None, self.message.get("session")))


class _SpoolFile:
    """An append-only file of JSON lines: {"m": message}, {"d": [subject, session, durable_seq]} and
    {"p": [subject, session, seq, next trial]}, the counters of the latest session.

    A line cut short by a crash is ignored. Lines are handed to the operating system at once, so
    they survive the program; they are not forced to the disk at each trial."""

    def __init__(self, path):
        self.path = path
        self.file = None
        self.position = None
        self.messages = []
        self.size = 0
        if os.path.exists(path):
            self._load()
        self.rewrite(self.messages)

    def _load(self):
        with open(self.path, "r", encoding="utf-8", errors="replace") as f:
            for line in f:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if "m" in record:
                    self.messages.append(record["m"])
                    self._count(record["m"])
                elif "d" in record:
                    subject, session, seq = record["d"]
                    self.messages = [m for m in self.messages
                                     if (m["subject"], m["session"]) != (subject, session)
                                     or m["seq"] > seq]
                elif "p" in record:
                    self.position = record["p"]

    def _count(self, message):
        subject, session = message["subject"], message["session"]
        if self.position is None or self.position[:2] != [subject, session]:
            self.position = [subject, session, 0, 0]
        self.position[2] = message["seq"]
        if message["kind"] == "trial":
            self.position[3] = message["trial"] + 1

    def _write(self, record):
        line = json.dumps(record) + "\n"
        self.file.write(line)
        self.file.flush()
        self.size += len(line)

    def add(self, message):
        self._write({"m": message})
        self._count(message)

    def forget(self, subject, session, seq, left):
        self._write({"d": [subject, session, seq]})
        if self.size > COMPACT_BYTES:
            self.rewrite(left)

    def rewrite(self, messages):
        """Starts the file anew with what still matters."""
        self.close()
        new = self.path + ".new"
        with open(new, "w", encoding="utf-8") as self.file:
            for message in messages:
                self._write({"m": message})
            if self.position is not None:
                self._write({"p": self.position})
            os.fsync(self.file.fileno())
        os.replace(new, self.path)
        self.file = open(self.path, "a", encoding="utf-8")
        self.size = 0

    def close(self):
        if self.file is not None:
            self.file.close()
            self.file = None


def _plain(value):
    """numpy's scalars and arrays as Python's own."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value


class Client:
    """One rig's link to the daemon.

    rig: the rig's name. ask, pub: the daemon's endpoints. spool: path of a file that keeps
    messages over a crash of this program, or None for memory only. timeout_s: longest wait for an
    answer. curve: (server's public key, own public key, own secret key) as Z85 text, for a daemon
    on another machine.

    .pending is the number of messages not yet known to be on the daemon's disk; .refused lists
    (message, Refused) for messages of earlier calls that were refused when sent again."""

    def __init__(self, rig, ask="tcp://127.0.0.1:5770", pub="tcp://127.0.0.1:5771", spool=None,
                 timeout_s=1.0, curve=None, context=None):
        self.rig = str(rig)
        self.timeout_s = timeout_s
        self.refused = []
        self.subject = None
        self.session = None
        self._ask = ask
        self._pub = pub
        self._curve = curve
        self._own_context = context is None
        self._context = context or zmq.Context()
        self._socket = None
        self._monitor = None
        self._seq = 0
        self._trial = 0
        self._queue = []
        self._awaited = None
        self._next_attempt = 0.0
        self._window = WINDOW
        self._file = _SpoolFile(spool) if spool else None
        if self._file:
            self._queue = [_Entry(m, True) for m in self._file.messages]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def pending(self):
        return sum(1 for e in self._queue if e.is_spooled)

    @property
    def trial(self):
        """The number that the next trial gets."""
        return self._trial

    # ---- what a rig calls ----

    def session_start(self, subject, session=None, **keys):
        """Opens a session; without a name it gets one from the clock. Other keys, as in
        docs/protocol.md: task, stimuli, ephys_rig, delay_s. Returns the prediction of the first
        trial, or None.

        A session that the spool file knows goes on counting where it was."""
        self._enter(str(subject), session)
        return self._request("session_start", keys)

    def ask(self, trial=None, **keys):
        """Reports one finished trial, as a dict or as keywords (stimulus, choice, reward, ...), and
        returns the prediction of the next as a dict, or None if the daemon does not answer in time.
        Raises Refused if the daemon refuses it.

        v, kind, rig, subject, session, seq, trial and t_wall_ns are filled in when omitted. `trial`
        may also be a number: the keyword of that name."""
        if isinstance(trial, dict):
            keys = dict(trial, **keys)
        elif trial is not None:
            keys["trial"] = trial
        return self._request("trial", keys)

    def stimulus(self, stimulus, **keys):
        """Tells which stimulus is now shown; returns the prediction of just this one, or None."""
        return self._request("stimulus", dict(keys, stimulus=stimulus))

    def session_end(self, **keys):
        """Closes the session. Other keys: reason, n_trials. Returns the daemon's reply, or None."""
        reply = self._request("session_end", keys)
        self.subject = self.session = None
        return reply

    def hello(self):
        """Asks whether the daemon is there: its hello, or None. Spooled messages go first."""
        return self._hello(self.subject, self.session, time.monotonic() + self.timeout_s)

    def flush(self, timeout_s):
        """Sends what is spooled and waits until all of it is on the daemon's disk. True if so."""
        end = time.monotonic() + timeout_s
        while self.pending > 0:
            left = end - time.monotonic()
            if left <= 0:
                return False
            subject, session = next(e for e in self._queue if e.is_spooled).session()
            self._hello(subject, session, time.monotonic() + min(left, max(self.timeout_s, 0.1)))
            if self.pending > 0:
                time.sleep(min(0.02, max(end - time.monotonic(), 0.0)))
        return True

    def subscribe(self, kind="", rig="", subject="", timeout_s=None):
        """An iterator of what the daemon publishes, as dicts: prediction, trial, session_start,
        session_end, alert, status. An empty kind, rig or subject means any. It ends when nothing
        came for timeout_s; None waits for ever."""
        prefix = "murid/%d/" % SCHEMA
        wanted = (rig, subject, kind)
        for i, part in enumerate(wanted):
            if not part:
                break
            prefix += part + ("/" if i < 2 else "")
        socket = self._new_socket(zmq.SUB)
        socket.subscribe(prefix)
        socket.connect(self._pub)
        return self._listen(socket, wanted, timeout_s)

    def close(self):
        """Closes the sockets and the spool file. What is still pending stays in the file."""
        self._drop_link()
        if self._file:
            self._file.rewrite([e.message for e in self._queue if e.is_spooled])
            self._file.close()
            self._file = None
        if self._own_context:
            self._context.destroy(linger=0)

    # ---- counting ----

    def _enter(self, subject, session=None):
        if session is None:
            session = time.strftime("%Y%m%d-%H%M%S-") + os.urandom(3).hex()
        session = str(session)
        if (subject, session) == (self.subject, self.session):
            return
        self.subject, self.session = subject, session
        self._seq = self._trial = 0
        if self._file and self._file.position and self._file.position[:2] == [subject, session]:
            self._seq, self._trial = self._file.position[2:]
        for entry in self._queue:
            if entry.is_spooled and entry.session() == (subject, session):
                self._count(entry.message)

    def _count(self, message):
        self._seq = max(self._seq, message["seq"])
        if message["kind"] == "trial":
            self._trial = message["trial"] + 1

    def _uncount(self, message):
        if (message["subject"], message["session"]) == (self.subject, self.session):
            if message["seq"] == self._seq:
                self._seq -= 1
                if message["kind"] == "trial":
                    self._trial = message["trial"]
                if self._file:
                    self._file.position = [self.subject, self.session, self._seq, self._trial]

    def _message(self, kind, keys):
        subject = keys.get("subject", self.subject)
        if subject is None:
            raise ValueError("no session is open: call session_start() first, or give `subject`")
        if str(subject) != self.subject or keys.get("session") is not None:
            self._enter(str(subject), keys.get("session"))
        message = {"v": SCHEMA, "kind": kind, "rig": self.rig, "subject": self.subject,
                   "session": self.session, "seq": self._seq + 1, "t_wall_ns": time.time_ns()}
        if kind == "trial":
            message["trial"] = self._trial
        message.update({k: _plain(v) for k, v in keys.items() if v is not None})
        message.update(subject=self.subject, session=self.session)
        return message

    # ---- the way to the daemon and back ----

    def _request(self, kind, keys):
        entry = _Entry(self._message(kind, keys), True)
        msgpack.packb(entry.message)  # what cannot be sent must not get into the spool
        if self._file:
            self._file.add(entry.message)
        self._queue.append(entry)
        self._count(entry.message)
        reply = self._exchange(entry, time.monotonic() + self.timeout_s)
        if isinstance(reply, Refused):
            raise reply
        return reply

    def _hello(self, subject, session, deadline):
        message = {"v": SCHEMA, "kind": "hello", "rig": self.rig, "software": "murid.py",
                   "version": VERSION, "t_wall_ns": time.time_ns()}
        if subject is not None:
            message.update(subject=subject, session=session)
        entry = _Entry(message, False)
        self._queue.append(entry)
        try:
            reply = self._exchange(entry, deadline)
        finally:
            self._queue = [e for e in self._queue if e.is_spooled]
        if isinstance(reply, Refused):
            raise reply
        return reply

    def _exchange(self, entry, deadline):
        """Sends all that is unsent, in order, up to and including entry; returns its reply, a
        Refused, or None if there is none by the deadline."""
        self._awaited = entry
        while entry.reply is None:
            left = deadline - time.monotonic()
            if left <= 0:
                self._drop_link()
                return None
            if self._socket is None:
                time.sleep(min(left, max(0.0, self._next_attempt - time.monotonic())))
                self._open_link()
            if self._is_cut() or not self._send_unsent():
                self._drop_link()
            else:
                self._poll(left)
        reply = entry.reply
        if reply.get("kind") == "error":
            refusal = Refused(reply.get("code", ""), reply.get("key", ""), reply.get("text", ""))
            return None if refusal.code in KEEP else refusal
        return reply

    def _new_socket(self, kind):
        socket = self._context.socket(kind)
        socket.linger = 0
        if self._curve:
            keys = [k.encode() if isinstance(k, str) else k for k in self._curve]
            socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = keys
        return socket

    def _open_link(self):
        # One socket is one connection: it never reconnects by itself. So whatever is sent on it
        # was preceded, on that same connection, by all that the daemon may have lost.
        self._socket = self._new_socket(zmq.DEALER)
        self._socket.reconnect_ivl = -1
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        self._socket.connect(self._ask)

    def _is_cut(self):
        return bool(self._monitor.poll(0)) and not self._socket.poll(0)

    def _drop_link(self):
        if self._socket is not None:
            self._socket.disable_monitor()
            self._monitor.close(0)
            self._socket.close(0)
            self._socket = self._monitor = None
            self._next_attempt = time.monotonic() + RETRY_S
        for entry in self._queue:
            entry.is_sent = False

    def _send_unsent(self):
        """False if the connection is gone."""
        flying = sum(1 for e in self._queue if e.is_sent and e.reply is None)
        for entry in self._queue:
            if not entry.is_sent and flying < self._window:
                try:
                    self._socket.send_multipart([b"", msgpack.packb(entry.message)], zmq.NOBLOCK)
                except zmq.Again:
                    return False
                entry.is_sent = True
                entry.reply = None
                flying += 1
        return True

    def _poll(self, left_s):
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        if self._socket in dict(poller.poll(max(1, int(left_s * 1000)))):
            self._take(self._socket.recv_multipart()[-1])

    def _take(self, body):
        try:
            reply = msgpack.unpackb(body)
        except ValueError:
            return
        if not isinstance(reply, dict):
            return
        for entry in self._queue:
            if entry.is_sent and entry.reply is None and entry.is_answered_by(reply):
                entry.reply = reply
                self._window = WINDOW
                break
        else:
            entry = None
        if reply.get("durable_seq") is not None:
            self._forget(reply.get("subject"), reply.get("session"), reply["durable_seq"])
        if entry is not None and entry.is_spooled and reply.get("kind") == "error":
            self._settle_refusal(entry, reply)

    def _settle_refusal(self, entry, reply):
        """A refused message leaves the spool, unless the daemon may want it later."""
        code = reply.get("code", "")
        if code in KEEP:
            self._window = 1  # or a later one might be taken before this one is sent again
            self._drop_link()
            return
        is_latest = entry is self._awaited
        if not is_latest:
            self.refused.append((entry.message, Refused(code, reply.get("key", ""),
                                                        reply.get("text", ""))))
        if code in UNREAD and is_latest:
            self._uncount(entry.message)
        if code in UNREAD and not is_latest and entry.message["kind"] != "session_start":
            # Its seq would be missing for ever, so it goes to a message that changes nothing.
            keep = ("v", "rig", "subject", "session", "seq")
            entry.message = dict({k: entry.message[k] for k in keep}, kind="session_start")
            entry.is_sent = False
            entry.reply = None
        elif entry in self._queue:
            self._queue.remove(entry)
        if self._file:
            self._file.rewrite([e.message for e in self._queue if e.is_spooled])

    def _forget(self, subject, session, durable_seq):
        def is_needed(entry):
            return (not entry.is_spooled or entry.session() != (subject, session)
                    or entry.message["seq"] > durable_seq
                    or (entry is self._awaited and entry.reply is None))
        kept = [e for e in self._queue if is_needed(e)]
        if len(kept) < len(self._queue):
            self._queue = kept
            if self._file:
                self._file.forget(subject, session, durable_seq,
                                  [e.message for e in kept if e.is_spooled])

    def _listen(self, socket, wanted, timeout_s):
        try:
            while socket.poll(None if timeout_s is None else int(timeout_s * 1000)):
                frames = socket.recv_multipart()
                parts = frames[0].decode("utf-8", "replace").split("/")
                if len(parts) == 5 and all(w in ("", p) for w, p in zip(wanted, parts[2:])):
                    yield msgpack.unpackb(frames[-1])
        finally:
            socket.close(0)


def main(arguments):
    """murid.py [PUB_ENDPOINT [KIND]]: prints what a daemon publishes, one JSON text a line."""
    pub = arguments[0] if arguments else "tcp://127.0.0.1:5771"
    with Client("-", pub=pub) as client:
        try:
            for message in client.subscribe(arguments[1] if len(arguments) > 1 else ""):
                print(json.dumps(message), flush=True)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main(sys.argv[1:])

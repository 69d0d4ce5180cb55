"""murid.py - a rig's client for murid, the digital twin of a mouse in training.

    import murid
    rig = murid.Client("rig-1", spool="murid.spool")
    rig.session_start("m01", stimuli=[-0.5, -0.25, 0.25, 0.5])
    for stimulus, choice, reward in run_my_task():    # choice: 1 right, 0 left, None no-go
        prediction = rig.ask(stimulus=stimulus, choice=choice, reward=reward)
        if prediction:
            print(prediction["stimuli"], prediction["p_right"])
    rig.session_end()
    rig.flush(5)

One file; needs Python 3.8, pyzmq and msgpack. The messages are described in docs/protocol.md.

A rig never hangs on murid. A call waits at most timeout_s for its answer; after the first missing
answer, calls return at once without one, until the daemon answers again. One warning marks the start
of each outage and one its end. Nothing is lost: every message stays in the spool until the daemon
confirms that it is safely on disk, and the spool is resent, in order, before the next message. The
daemon drops duplicates. With spool=PATH the spool is also a file, and survives a crash of the rig's
own program.

A mistake never ends a rig's loop, and never becomes data. A call that is refused, by this program
for a wrong keyword or value or by the daemon, changes nothing; a warning gives the reason, and the
Answer is false, with the reason in .error. With raises=True it is raised.

A Client belongs to one thread; each iterator from subscribe() may be used in another thread.
"""
import collections
import difflib
import json
import math
import os
import re
import sys
import time
import warnings

import msgpack
import zmq

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

__all__ = ["Answer", "Client", "Refused"]

VERSION = "1.1"
SCHEMA = 1
WINDOW = 64  # messages sent ahead of their answers
RETRY_S = 0.05  # first pause before the next attempt to connect
RETRY_MOST_S = 0.5  # longest pause
PATIENCE_S = 0.005  # in an outage: wait for a reply of the daemon
CATCH_UP_S = 0.05  # and longest wait while replies arrive, in one call
NEVER_MS = 10**9  # libzmq's own reconnecting is put off by so long
STALL_S = 0.1  # longest time that a session without answers holds up the others
COMPACT_BYTES = 1 << 20  # the spool file is rewritten when it has grown by this
LINE_MAX = 1 << 17  # bytes of a line of the spool file
BYTES_MAX = 16384  # of a message
POSITIONS = 64  # sessions whose counters are kept in the spool file
SAY_AGAIN_S = 60.0  # interval between warnings of the same refusal

# The daemon did not accept the message, for a temporary reason of its own.
KEEP = ("journal_behind", "disk_full")
# The daemon could not read the message: its seq and trial number are free for the next.
UNREAD = ("bad_message", "unknown_kind", "version")
# It did not count a message refused for one of these.
UNCOUNTED = UNREAD + ("limit", "not_allowed")
# Refused but journaled: kept until the journal is on disk.
JOURNALED = ("subject_twice",)
# The answer to each kind of message, if not an error; the second one from `murid mouse`.
ANSWERS = {"hello": ("hello",), "session_start": ("prediction", "session_start"),
           "stimulus": ("prediction", "choice"), "trial": ("prediction", "trial"),
           "session_end": ("session_end",)}
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
INT_MAX = {"trial": 10**9, "seq": 2**53 - 1, "run": 10**9}
INT_MIN = {"trial": 0, "seq": 0, "run": 1}
# The keys of each kind, and their types.
ENVELOPE = {"subject": "name", "session": "name", "run": "number", "trial": "number",
            "seq": "number", "t_rig_us": "number", "t_wall_ns": "number", "t_mono_ns": "number",
            "v": "same", "kind": "same", "rig": "same"}
WORDS = {"session_start": {"task": "text", "stimuli": "contrasts", "ephys_rig": "truth",
                           "delay_s": "number", "software": "text", "moved": "truth"},
         "stimulus": {"stimulus": "contrast"},
         "trial": {"stimulus": "contrast", "features": "features", "choice": "choice",
                   "reward": "truth", "side": "truth", "rt_s": "number", "reward_ul": "number",
                   "p_left": "truth", "repeat": "truth", "stage": "text",
                   "next_stimulus": "number"},
         "session_end": {"reason": "text", "n_trials": "number"}}


def _warn(text):
    """Warns at the caller's line."""
    level = 1
    while sys._getframe(level).f_globals is globals():
        level += 1
    warnings.warn("murid: " + text, RuntimeWarning, stacklevel=level + 1)


class Refused(ValueError):
    """A call was refused, by the daemon or by this program: .code (an error code of
    docs/protocol.md), .key (the offending key, or ""), .text (the reason)."""

    def __init__(self, code, key, text):
        super().__init__("%s: %s%s" % (code, key + ": " if key else "", text))
        self.code = code
        self.key = key
        self.text = text


class Answer(dict):
    """The answer to a call, as a dict. An empty one is false and has None under every key; then
    .error is the Refused that gives the reason, or None: no answer in time, the message is kept."""

    def __init__(self, reply=(), error=None):
        super().__init__(reply)
        self.error = error

    def __missing__(self, key):
        if self:
            raise KeyError(key)
        return None


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _name(key, value):
    if _is_number(value) and value >= 0 and value == value // 1:
        value = str(int(value))
    if not isinstance(value, str) or not NAME.match(value):
        raise Refused("bad_message", key, "%r is not 1 to 64 of A-Z a-z 0-9 . _ -" % (value,))
    return value


def _contrast(key, value):
    if not _is_number(value) or not -1 <= value <= 1:
        is_percent = _is_number(value) and 1 < abs(value) <= 100
        raise Refused("bad_message", key, "%r is not a contrast of -1 to 1, right positive%s"
                      % (value, ": it looks like percent" if is_percent else ""))
    return value


def _choice(key, value):
    if value is None or _is_number(value) and value != value:  # NaN, as IBL and MATLAB write it
        return None
    if not isinstance(value, (bool, int, float)) or value not in (0, 1):
        raise Refused("bad_message", key, "%r is not 1 (right), 0 (left) or None (a no-go)"
                      % (value,))
    return int(value)


def _value(key, what, value):
    """The value as it is sent. Numbers out of range are left to the daemon, which reports them."""
    if what == "choice":
        return _choice(key, value)
    if what == "contrast":
        return _contrast(key, value)
    if what == "contrasts":
        return [_contrast(key, v) for v in (value if isinstance(value, list) else [value])]
    if what == "name":
        return _name(key, value)
    if what == "features":
        is_right = isinstance(value, dict) and all(map(_is_number, value.values()))
    elif what == "text":
        is_right = isinstance(value, str)
    else:
        is_right = _is_number(value) or what == "truth" and isinstance(value, bool)
    if not is_right:
        raise Refused("bad_message", key, "%r is not %s" % (value, {
            "text": "a text", "features": "a dict of names and numbers"}.get(what, "a number")))
    return value


def _checked_words(kind, keys):
    """A caller's keywords, as they are sent: without those that are None, except a no-go."""
    words = dict(ENVELOPE, **WORDS[kind])
    checked = {}
    for word, value in keys.items():
        if word not in words:
            near = difflib.get_close_matches(str(word), words, 1)
            raise Refused("bad_message", "%s.%s" % (kind, word), "no such word%s"
                          % (": did you mean `%s`?" % near[0] if near else ""))
        value = _plain(value)
        if value is not None or word == "choice":
            checked[word] = _value("%s.%s" % (kind, word), words[word], value) \
                if words[word] != "same" else value
    if kind == "trial" and "choice" not in checked:
        raise Refused("bad_message", "trial.choice",
                      "missing: say 1 (right), 0 (left) or None (a no-go)")
    if kind in ("trial", "stimulus") and "stimulus" not in checked and "features" not in checked:
        raise Refused("bad_message", kind + ".stimulus", "missing: a contrast of -1 to 1")
    return checked


def _identity(message):
    """The session and run whose counter a message's seq belongs to."""
    return (message.get("rig"), message.get("subject"), message.get("session"),
            message.get("run"))


def _check(message):
    """Raises Refused for what the daemon could not answer by name, and sets whole numbers."""
    for key in ("rig", "subject", "session"):
        if key in message and not (isinstance(message[key], str) and NAME.match(message[key])):
            raise Refused("bad_message", key,
                          "%r is not 1 to 64 of A-Z a-z 0-9 . _ -" % (message[key],))
    for key, most in INT_MAX.items():
        value = message.get(key)
        if value is None:
            continue
        if not isinstance(value, (int, float)) or value != value or not (
                INT_MIN[key] <= value <= most and value == int(value)):
            raise Refused("bad_message", key, "%r is not a whole number of %d to %d"
                          % (value, INT_MIN[key], most))
        message[key] = int(value)
    try:
        n = len(msgpack.packb(message))
        json.dumps(message)  # what cannot be stored must not enter the spool
    except (TypeError, ValueError, OverflowError, RecursionError) as e:
        raise Refused("bad_message", "", "it cannot be sent: %s" % e) from None
    if n > BYTES_MAX:
        raise Refused("bad_message", "", "%d bytes; at most %d" % (n, BYTES_MAX))


class _Entry:
    """One pending message: waiting, sent, or answered but not yet known to be on disk."""

    __slots__ = ("number", "message", "identity", "is_spooled", "is_sent", "reply")

    def __init__(self, number, message, is_spooled):
        self.number = number
        self.message = message
        self.identity = _identity(message)
        self.is_spooled = is_spooled
        self.is_sent = False
        self.reply = None

    def address(self):
        """The key under which its answer is found."""
        return self.identity[:3] + (self.message.get("seq"),)

    def is_answered_by(self, reply):
        """True if reply, which has its address, is its answer."""
        run, trial = self.message.get("run"), self.message.get("trial")
        return (reply.get("kind") in ANSWERS[self.message["kind"]] + ("error",)
                and (trial is None or reply.get("trial") == trial)
                and (run is None or reply.get("run") in (None, run)))


class _SpoolFile:
    """An append-only file of JSON lines; the first names its rig.

        {"spool": 1, "rig": rig}
        {"m": message}                                      keep it
        {"r": message}                                      replace the one of that seq
        {"d": [rig, subject, session, run, durable seq]}    forget all up to that seq
        {"x": [rig, subject, session, run, seq]}            forget only this one
        {"p": [rig, subject, session, run, seq, next trial]}    counters of a session

    It belongs to one program at a time: a lock on PATH.lock. A line cut short by a crash is ignored;
    other unreadable lines are moved to PATH.bad, with a warning. Lines are handed to the operating
    system at once, so they survive the program; they are not synced to disk at each trial. On a full
    disk the messages are kept in memory only, with a warning, until the disk accepts them.

    pending() returns all the messages that the file must hold."""

    def __init__(self, path, rig, pending):
        self.path = path
        self.rig = rig
        self.pending = pending
        self.fd = None
        self.size = 0
        self.grown = 0
        self.failure = None
        self.next_try = 0.0
        self.positions = collections.OrderedDict()
        self.kept = {}  # identity: {seq: (line number, message)}
        self.lock_file = self._lock()
        try:
            bad, self.size = self._load() if os.path.exists(path) else ([], 0)
            self.fd = self._open(path, os.O_APPEND)
        except BaseException:
            self.lock_file.close()
            raise
        self.messages = [m for _, m in sorted((p for s in self.kept.values() for p in s.values()),
                                              key=lambda p: p[0])]
        if not self._put_aside(bad) or not self.rewrite(self.messages):
            os.ftruncate(self.fd, self.size)  # what was cut short

    @staticmethod
    def _open(path, flags):
        return os.open(path, os.O_WRONLY | os.O_CREAT | flags | getattr(os, "O_BINARY", 0), 0o666)

    def _lock(self):
        lock = open(self.path + ".lock", "a")
        try:
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            lock.close()
            raise BlockingIOError("%s is the spool of another program that runs: give each Client "
                                  "a spool of its own" % self.path) from None
        return lock

    def _load(self):
        """Reads the messages. Returns the unreadable lines, and the end of the last complete line."""
        if not os.path.isfile(self.path):
            raise ValueError("%s is not a file: name another spool" % self.path)
        bad, n_good, end, cut = [], 0, 0, b""
        with open(self.path, "rb") as f:
            for number, line in enumerate(iter(lambda: f.readline(LINE_MAX), b"")):
                if not line.endswith(b"\n") and len(line) < LINE_MAX:
                    cut = line
                    break
                end += len(line)
                if self._take_line(number, line, n_good == 0):
                    n_good += 1
                else:
                    bad.append(line)
        if n_good == 0 and (bad or not b'{"m": {'.startswith(cut[:7])
                            and not b'{"spool'.startswith(cut[:7])):
            raise ValueError("%s is not a spool of murid.py, and is left as it is: name another "
                             "file" % self.path)
        return bad, end

    def _take_line(self, number, line, is_first):
        """False if it cannot be read."""
        try:
            (kind, value), *more = json.loads(line.decode("utf-8")).items()
            if kind == "spool":
                self._check_rig(more[0][1])
            elif kind in ("m", "r"):
                self._take_message(number, value, is_first)
            elif kind == "p":
                *identity, seq, trial = value if len(value) == 6 else [self.rig, *value[:2], None,
                                                                       *value[2:]]
                self._set_position(self._checked(identity, seq), seq, int(trial))
            elif kind in ("d", "x"):
                *identity, seq = value if len(value) == 5 else [self.rig, *value[:2], None, value[2]]
                of = self.kept.get(self._checked(identity, seq), {})
                for s in [s for s in of if s == seq or kind == "d" and s < seq]:
                    del of[s]
            else:
                return False
            return True
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError,
                RecursionError, Refused) as e:
            if isinstance(e, _OfAnotherRig):
                raise
            return False

    def _check_rig(self, rig):
        if rig != self.rig:
            raise _OfAnotherRig("%s is the spool of rig %s, not of %s: give each rig a spool of its "
                                "own" % (self.path, rig, self.rig))

    @staticmethod
    def _checked(identity, seq):
        rig, subject, session, run = identity
        message = {"rig": rig, "subject": subject, "session": session, "seq": seq}
        if run is not None:
            message["run"] = run
        _check(message)
        return _identity(message)

    def _take_message(self, number, message, is_first):
        if message["kind"] not in ANSWERS or message["kind"] == "hello":
            raise ValueError(message["kind"])
        identity = self._checked(_identity(message), message["seq"])
        _check(message)
        if message["kind"] == "trial":
            message["trial"] + 0  # or KeyError
            message.setdefault("choice", None)  # earlier versions left a no-go out
        if is_first:
            self._check_rig(message["rig"])
        elif message["rig"] != self.rig:
            raise ValueError(message["rig"])
        of = self.kept.setdefault(identity, {})
        of[message["seq"]] = (of.get(message["seq"], (number,))[0], message)
        self._count(message)

    def _set_position(self, identity, seq, trial):
        self.positions[identity] = (seq, trial)
        self.positions.move_to_end(identity)
        if len(self.positions) > POSITIONS:
            self.positions.popitem(last=False)

    def _count(self, message):
        identity = _identity(message)
        _, trial = self.positions.get(identity, (0, 0))
        self._set_position(identity, message["seq"],
                           message["trial"] + 1 if message["kind"] == "trial" else trial)

    def _put_aside(self, bad):
        """False if that failed; then the file must stay as it is."""
        if not bad:
            return True
        aside = self.path + ".bad"
        _warn("%s: %d lines cannot be read; they are put aside in %s" % (self.path, len(bad), aside))
        try:
            with open(aside, "ab") as f:
                f.writelines(bad)
        except OSError:
            return False
        return True

    def _write(self, fd, record):
        line = (json.dumps(record) + "\n").encode("utf-8")
        done = 0
        while done < len(line):
            done += os.write(fd, line[done:])
        return done

    def _append(self, record):
        if self.failure is not None and time.monotonic() < self.next_try:
            return
        if self.failure is not None or self.fd is None:
            self.rewrite(self.pending())  # holds what the record says, too
            return
        try:
            n = self._write(self.fd, record)
            self.size += n
            self.grown += n
        except OSError as e:
            self._fail(e)

    def _fail(self, error):
        """The messages are now in memory only; no partial line stays before the next."""
        is_new = self.failure is None
        self.failure = error.strerror or str(error)
        self.next_try = time.monotonic() + 1.0
        if self.fd is not None:
            try:
                os.ftruncate(self.fd, self.size)
            except OSError:
                pass
        if is_new:
            _warn("at %s %s could not be written (%s): messages are still sent, but those that the "
                  "daemon does not have yet would be lost with this program"
                  % (time.strftime("%H:%M:%S"), self.path, self.failure))

    def add(self, message):
        self._count(message)
        self._append({"m": message})

    def replace(self, message):
        self._append({"r": message})

    def forget(self, identity, seq):
        self._append({"d": [*identity, seq]})
        if self.grown > COMPACT_BYTES:
            self.rewrite(self.pending())

    def forget_one(self, identity, seq):
        self._append({"x": [*identity, seq]})

    def set_position(self, identity, seq, trial):
        self._set_position(identity, seq, trial)
        self._append({"p": [*identity, seq, trial]})

    def rewrite(self, messages):
        """Rewrites the file with what is still needed. False on failure: it is unchanged."""
        new = self.path + ".new"
        try:
            self._write_new(new, messages)
            self._close_fd()
            os.replace(new, self.path)
            self.fd = self._open(self.path, os.O_APPEND)
            self.size = os.fstat(self.fd).st_size
        except OSError as e:
            self._fail(e)
            return False
        self.grown = 0
        if self.failure is not None:
            self.failure = None
            _warn("at %s %s could be written again" % (time.strftime("%H:%M:%S"), self.path))
        return True

    def _write_new(self, new, messages):
        fd = self._open(new, os.O_TRUNC)
        try:
            self._write(fd, {"spool": 1, "rig": self.rig})
            for message in messages:
                self._write(fd, {"m": message})
            for identity, (seq, trial) in self.positions.items():
                self._write(fd, {"p": [*identity, seq, trial]})
            os.fsync(fd)
        finally:
            os.close(fd)

    def _close_fd(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def close(self):
        self._close_fd()
        self.lock_file.close()


class _OfAnotherRig(ValueError):
    pass


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
    messages across a crash of this program, or None for memory only. timeout_s: longest wait for an
    answer. curve: (server's public key, own public key, own secret key) as Z85 text, for a daemon
    on another machine. raises: True raises refusals, as Refused; otherwise a warning reports them,
    the same at most once a minute, and the Answer has the Refused as its .error.

    .pending is the number of messages not yet known to be on the daemon's disk; .is_down is True
    from the first missing answer until the daemon answers again; .refused lists (message, Refused)
    for messages of earlier calls that were refused when resent; .strays counts replies that matched
    no message."""

    def __init__(self, rig, ask="tcp://127.0.0.1:5770", pub="tcp://127.0.0.1:5771", spool=None,
                 timeout_s=1.0, curve=None, context=None, raises=False):
        self.rig = _name("rig", _plain(rig))
        self.raises = raises
        self.timeout_s = timeout_s
        self.refused = []
        self.strays = 0
        self.subject = self.session = self.run = None
        self._ask = ask
        self._pub = pub
        self._curve = curve
        self._seq = 0
        self._trial = 0
        self._positions = {}  # identity: (seq, next trial), of every session of this program
        self._n_entries = 0
        self._sessions = {}  # identity: its kept entries, in order
        self._hellos = []  # of the current call
        self._unsent = collections.deque()
        self._flying = {}  # address: entries sent and not answered
        self._n_flying = collections.Counter()  # the same by identity
        self._stuck = set()  # identities without answers
        self._awaited = None
        self._socket = self._monitor = None
        self._is_connected = self._is_over = False
        self._n_out = self._n_in = 0  # messages on this link
        self._next_attempt = 0.0
        self._retry_s = RETRY_S
        self._lively_until = 0.0
        self._heard = 0.0  # time of the last answer, or of opening the link
        self._has_heard = False  # on this link
        self._window = WINDOW
        self._down_since = None
        self._n_outages = 0
        self._file = _SpoolFile(spool, self.rig, self._pending_messages) if spool else None
        if self._file:
            for message in self._file.messages:
                self._keep(message)
            self._file.messages = self._file.kept = None
        self._own_context = context is None
        self._context = context or zmq.Context()
        self._is_closed = False
        self._said = {}  # (code, key): time of the last warning, and refusals since
        try:
            self._check_endpoints()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def pending(self):
        return sum(len(entries) for entries in self._sessions.values())

    @property
    def is_down(self):
        return self._down_since is not None

    @property
    def trial(self):
        """The number of the next trial."""
        return self._trial

    # ---- calls of a rig ----

    def session_start(self, subject, session=None, run=None, **keys):
        """Opens a session; without a name it gets one from the clock. run: the run of the task
        within the session, from 1, if the rig counts them. Other keys, as in docs/protocol.md:
        task, stimuli, ephys_rig, delay_s, software. Returns the prediction of the first trial, an Answer.

        Counters of a session that this program or the spool file knows continue. moved: True if
        the animal has moved from another rig, on which its session was not ended."""
        return self._request("session_start", dict(keys, subject=subject, session=session, run=run),
                             is_start=True)

    def ask(self, trial=None, **keys):
        """Reports one finished trial, as a dict or as keywords (stimulus, choice, reward, ...), and
        returns the prediction of the next, an Answer: false if there was none in time, or if the
        trial was refused. choice is required: 1 right, 0 left, None a no-go.

        v, kind, rig, subject, session, seq, trial and t_wall_ns are filled in when omitted. `trial`
        may also be a number: the keyword of that name."""
        if isinstance(trial, dict):
            keys = dict(trial, **keys)
        elif trial is not None:
            keys["trial"] = trial
        return self._request("trial", keys)

    def stimulus(self, stimulus, **keys):
        """Reports the stimulus now shown; returns the prediction for this one only: an Answer."""
        return self._request("stimulus", dict(keys, stimulus=stimulus))

    def session_end(self, **keys):
        """Closes the session. Other keys: reason, n_trials. Returns the daemon's reply: an Answer."""
        answer = self._request("session_end", keys)
        if answer.error is None:
            self._enter((self.rig, None, None, None))
        return answer

    def hello(self):
        """Asks whether the daemon is there: its hello, an Answer; waits up to timeout_s in an
        outage, too. Spooled messages go first."""
        if self._is_closed:
            return self._fail(self._closed())
        entry = self._new_hello((self.rig, self.subject, self.session, self.run))
        return self._answer_of(self._ask_all([entry], self.timeout_s)[0])

    def flush(self, timeout_s):
        """Sends the spool and waits until the daemon has confirmed every message of every session
        to be on its disk. True if so."""
        if not _is_number(_plain(timeout_s)):
            self._fail(Refused("bad_message", "timeout_s", "%r is not a number" % (timeout_s,)))
            return False
        end = time.monotonic() + timeout_s
        while self.pending > 0 and not self._is_closed:
            left = end - time.monotonic()
            if left <= 0:
                return False
            hellos = [self._new_hello(identity) for identity in list(self._sessions)[:WINDOW]]
            self._ask_all(hellos, min(left, max(self.timeout_s, 0.1)))
            for hello in hellos:  # move these to the end of the queue
                if hello.identity in self._sessions:
                    self._sessions[hello.identity] = self._sessions.pop(hello.identity)
            if any(identity in self._sessions for identity in self._n_flying):
                self._drop_link()  # a hello was answered, but not the messages before it
            if self.pending > 0:
                time.sleep(min(0.02, max(end - time.monotonic(), 0.0)))
        return self.pending == 0

    def subscribe(self, kind="", rig="", subject="", timeout_s=None):
        """An iterator over what the daemon publishes, as dicts: prediction, trial, session_start,
        session_end, alert, status. An empty kind, rig or subject means any. It ends after timeout_s
        without a message; None waits forever."""
        prefix = "murid/%d/" % SCHEMA
        wanted = (str(rig), str(subject), str(kind))
        for i, part in enumerate(wanted):
            if not part:
                break
            prefix += part + ("/" if i < 2 else "")
        socket = self._new_socket(zmq.SUB)
        socket.subscribe(prefix)
        socket.connect(self._pub)
        return self._listen(socket, wanted, timeout_s)

    def close(self):
        """Closes the sockets and the spool file. Pending messages stay in the file."""
        self._is_closed = True
        self._drop_link()
        if self._file:
            self._file.rewrite(self._pending_messages())
            self._file.close()
            self._file = None
        if self._own_context:
            self._context.destroy(linger=0)

    # ---- counting ----

    def _pending_messages(self):
        entries = [e for of in self._sessions.values() for e in of.values()]
        return [e.message for e in sorted(entries, key=lambda e: e.number)]

    def _keep(self, message):
        entry = _Entry(self._n_entries, message, True)
        self._n_entries += 1
        self._sessions.setdefault(entry.identity, collections.OrderedDict())[entry.number] = entry
        self._unsent.append(entry)
        return entry

    def _discard(self, entry):
        of = self._sessions.get(entry.identity, {})
        of.pop(entry.number, None)
        if not of:
            self._sessions.pop(entry.identity, None)

    def _place(self):
        return self.rig, self.subject, self.session, self.run

    def _position(self, place):
        """The latest seq of a session, and its next trial."""
        if place == self._place():
            return self._seq, self._trial
        known = self._positions.get(place)
        if known is None and self._file:
            known = self._file.positions.get(place)
        seq, trial = known or (0, 0)
        for entry in self._sessions.get(place, {}).values():
            seq = max(seq, entry.message["seq"])
            trial = entry.message["trial"] + 1 if entry.message["kind"] == "trial" else trial
        return seq, trial

    def _enter(self, place):
        self._seq, self._trial = self._position(place)
        _, self.subject, self.session, self.run = place

    def _count(self, message):
        self._seq = max(self._seq, message["seq"])
        if message["kind"] == "trial":
            self._trial = message["trial"] + 1
        self._positions[self._place()] = self._seq, self._trial

    def _uncount(self, position, before):
        """The last call was refused: restores the counters of its session, and the previous session."""
        self._seq, self._trial = position
        self._positions[self._place()] = position
        if self._file:
            self._file.set_position(self._place(), *position)
        self._enter(before)

    def _place_of(self, keys, is_start):
        """The session of a call: the open one, unless the call names another."""
        subject, session, run = (keys.pop(k, None) for k in ("subject", "session", "run"))
        if subject is None and is_start:
            raise Refused("bad_message", "session_start.subject", "missing: the animal's name")
        if subject is None and self.subject is None:
            raise Refused("bad_message", "subject", "no session is open: call session_start() "
                          "first, or give `subject`")
        is_same = subject in (None, self.subject)
        if not is_start and is_same and session is None and run is None:
            return self._place()
        if session is None and is_same and not is_start:
            session = self.session
        if session is None:
            session = time.strftime("%Y%m%d-%H%M%S-") + os.urandom(3).hex()
        return self.rig, subject or self.subject, session, run

    def _message(self, kind, keys, is_start):
        """The session it belongs to, and the message to send. Changes nothing."""
        if self._is_closed:
            raise self._closed()
        if kind == "trial" and "trial" in keys and not _is_number(_plain(keys["trial"])):
            raise Refused("bad_message", "trial.trial", "%r is neither a dict nor the number of a "
                          "trial" % (keys["trial"],))
        number = _plain(keys.get("trial"))
        if _is_number(number) and number != number // 1:
            raise Refused("bad_message", "trial.trial", "%r is no number of a trial: for the "
                          "stimulus say stimulus=%r" % (number, number))
        keys = _checked_words(kind, keys)
        place = self._place_of(keys, is_start)
        seq, trial = self._position(place)
        message = {"v": SCHEMA, "kind": kind, "rig": self.rig, "subject": place[1],
                   "session": place[2], "seq": seq + 1, "t_wall_ns": time.time_ns()}
        if kind == "trial":
            message["trial"] = trial
        for key in ("v", "kind", "rig"):
            if keys.get(key, message[key]) != message[key]:
                raise Refused("bad_message", key, "%r is not %r" % (keys[key], message[key]))
        message.update(keys)
        if place[3] is not None:
            message["run"] = place[3]
        _check(message)
        if message["seq"] <= seq:
            raise Refused("bad_message", "seq", "%d: session %s has counted to %d; leave seq out"
                          % (message["seq"], place[2], seq))
        return (*place[:3], message.get("run")), message

    # ---- sending and receiving ----

    def _request(self, kind, keys, is_start=False):
        try:
            place, message = self._message(kind, keys, is_start)
        except Refused as refused:
            return self._fail(refused)
        before = self._place()
        self._enter(place)
        position = self._seq, self._trial
        entry = self._keep(message)
        self._count(message)
        if self._file:
            self._file.add(message)
        self._awaited = entry
        self._exchange([entry], self.timeout_s, is_patient=False)
        if entry.reply is not None and entry.reply.get("code") in UNCOUNTED:
            self._uncount(position, before)
        return self._answer_of(entry)

    @staticmethod
    def _refusal(reply):
        return Refused(*(str(reply.get(k, "")) for k in ("code", "key", "text")))

    @staticmethod
    def _closed():
        return Refused("bad_message", "", "this Client is closed")

    def _answer_of(self, entry):
        if entry.reply is not None and entry.reply["kind"] == "error":
            return self._fail(self._refusal(entry.reply))
        return Answer(entry.reply or ())

    def _fail(self, refused):
        """Ends a refused call."""
        if self.raises:
            raise refused
        what = refused.code, refused.key
        now = time.monotonic()
        said, n = self._said.get(what, (-math.inf, 0))
        if now - said >= SAY_AGAIN_S:
            self._said[what] = now, 0
            _warn("at %s: refused: %s%s" % (time.strftime("%H:%M:%S"), refused,
                                            "; and %d times before" % n if n else ""))
        else:
            self._said[what] = said, n + 1
        return Answer(error=refused)

    def _check_endpoints(self):
        """Raises ValueError for one that ZeroMQ cannot read."""
        for name, endpoint in (("ask", self._ask), ("pub", self._pub)):
            socket = self._context.socket(zmq.DEALER)
            socket.linger = 0
            try:
                socket.connect(endpoint)
            except (zmq.ZMQError, TypeError) as e:
                raise ValueError("%s: %r is no endpoint, as tcp://127.0.0.1:5770 is: %s"
                                 % (name, endpoint, e)) from None
            finally:
                socket.close(0)

    def _new_hello(self, identity):
        message = {"v": SCHEMA, "kind": "hello", "rig": self.rig, "software": "murid.py",
                   "version": VERSION, "t_wall_ns": time.time_ns()}
        for key, value in zip(("rig", "subject", "session", "run"), identity):
            if value is not None:
                message[key] = value
        first = next(iter(self._sessions.get(identity, {}).values()), None)
        if first is not None:
            message["seq"] = max(first.message["seq"] - 1, 0)  # nothing is kept up to there
        self._n_entries += 1
        return _Entry(self._n_entries - 1, message, False)

    def _ask_all(self, hellos, timeout_s):
        self._awaited = None
        self._hellos = hellos
        self._unsent.extend(hellos)
        try:
            self._exchange(hellos, timeout_s, is_patient=True)
        finally:
            self._hellos = []
            self._unsent = collections.deque(e for e in self._unsent if e.is_spooled)
        return hellos

    def _exchange(self, entries, timeout_s, is_patient):
        try:
            self._exchange_now(entries, timeout_s, is_patient)
        except (zmq.ZMQError, OSError) as e:  # as too many open files
            self._abandon_link()
            self._go_down("%s cannot be reached (%s)" % (self._ask, e))

    def _exchange_now(self, entries, timeout_s, is_patient):
        """Sends all that is unsent, in order, and takes answers, until each of entries has its own
        or the time is over. Not patient: in an outage only as long as there are signs of the
        daemon."""
        start = time.monotonic()
        if self._is_link_silent(start):
            self._drop_link()
        is_first = True
        while any(e.reply is None for e in entries):
            now = time.monotonic()
            left = start + timeout_s - now
            if self.is_down and not is_patient:
                left = min(left, start + CATCH_UP_S - now, self._lively_until - now)
                if is_first:
                    left = max(left, 0.0 if self._socket else PATIENCE_S)
            if left < 0:
                self._give_up(start, is_patient)
                return
            self._step(left)
            is_first = False
        if entries[-1].identity in self._n_flying:
            self._drop_link()  # the answer to an earlier message did not come
        if self.is_down and (entries[-1].is_spooled or not self._n_flying and not self._unsent):
            self._come_back()

    def _give_up(self, start, is_patient):
        if is_patient or not self.is_down:
            self._drop_link()
        if not is_patient or self._heard < start or not self._has_heard:
            self._go_down("no answer from %s" % self._ask)

    def _go_down(self, why):
        if self.is_down:
            return
        self._down_since = time.monotonic()
        self._n_outages += 1
        self._warn("%s; trials are kept %s and sent when it is back; until then no call waits for it"
                   % (why, "in " + self._file.path if self._file else "in memory"))

    def _warn(self, text):
        _warn("at %s, outage %d: %s" % (time.strftime("%H:%M:%S"), self._n_outages, text))

    def _come_back(self):
        seconds = time.monotonic() - self._down_since
        self._down_since = None
        self._warn("%s answers again after %.1f s; what was kept has been sent"
                   % (self._ask, seconds))

    def _new_socket(self, kind):
        socket = self._context.socket(kind)
        socket.linger = 0
        if self._curve:
            keys = [k.encode() if isinstance(k, str) else k for k in self._curve]
            socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = keys
        return socket

    def _step(self, left):
        """One turn: connect, send what may be sent, receive; waits up to left seconds."""
        if self._socket is None:
            wait = self._next_attempt - time.monotonic()
            if wait > 0:
                if not self.is_down or self._hellos:
                    time.sleep(min(left, wait))
                return
            self._open_link()
        if self._is_cut() or self._is_connected and not self._send_unsent():
            self._drop_link()
        else:
            self._poll(min(left, self._stall_s()))

    def _open_link(self):
        # One socket is one connection: it never reconnects by itself. So whatever is sent on it
        # was preceded, on that same connection, by all that the daemon may have lost. -1 would say
        # so too, but libzmq then throws away what was received, and aborts if it does that between
        # the two parts of a reply.
        self._socket = self._new_socket(zmq.DEALER)
        self._socket.reconnect_ivl = NEVER_MS
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_CONNECTED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        self._socket.connect(self._ask)
        self._is_connected = self._is_over = self._has_heard = False
        self._n_out = self._n_in = 0
        self._heard = time.monotonic()
        self._lively_until = self._heard + PATIENCE_S

    def _is_cut(self):
        while self._monitor.poll(0):
            event = int.from_bytes(self._monitor.recv_multipart()[0][:2], sys.byteorder)
            if event == zmq.EVENT_CONNECTED:
                self._is_connected = True
                self._heard = time.monotonic()
                self._lively_until = self._heard + PATIENCE_S
            else:
                self._is_over = True
        return self._is_over and not self._socket.poll(0)

    def _is_link_silent(self, now):
        return (self._socket is not None and any(i not in self._stuck for i in self._n_flying)
                and now - self._heard > max(self.timeout_s, STALL_S))

    def _abandon_link(self):
        """One that may be half open."""
        for socket in (self._monitor, self._socket):
            if socket is not None:
                socket.close(0)
        self._socket = self._monitor = None
        self._next_attempt = time.monotonic() + RETRY_MOST_S
        self._reset_link()

    def _drop_link(self):
        if self._socket is not None:
            self._socket.disable_monitor()
            self._monitor.close(0)
            self._socket.close(0)
            self._socket = self._monitor = None
            if self._has_heard:
                self._retry_s = RETRY_S
            else:
                self._next_attempt = time.monotonic() + self._retry_s
                self._retry_s = min(2 * self._retry_s, RETRY_MOST_S)
        self._reset_link()

    def _reset_link(self):
        self._lively_until = 0.0
        entries = [e for of in self._sessions.values() for e in of.values()] + self._hellos
        if any(e.is_sent for e in entries):
            for entry in entries:
                entry.is_sent = False
            self._unsent = collections.deque(sorted(entries, key=lambda e: e.number))
        self._flying.clear()
        self._n_flying.clear()
        self._stuck.clear()

    def _stall_s(self):
        return min(STALL_S, max(self.timeout_s / 4, 0.001))

    def _has_window(self):
        """A session without answers must not hold up the others."""
        def n_counted():
            return sum(n for i, n in self._n_flying.items() if i not in self._stuck)
        if n_counted() < self._window:
            return True
        if self._n_in < self._n_out and time.monotonic() - self._heard <= self._stall_s():
            return False
        self._stuck.update(self._n_flying)
        return True

    def _send_unsent(self):
        """False if the connection is gone."""
        passed = []
        is_gone = False
        while self._unsent and self._has_window():
            entry = self._unsent.popleft()
            if entry.is_spooled and entry.identity in self._stuck:
                passed.append(entry)
                continue
            try:
                self._socket.send_multipart([b"", msgpack.packb(entry.message)], zmq.NOBLOCK)
            except zmq.Again:
                passed.append(entry)
                is_gone = True
                break
            entry.is_sent = True
            entry.reply = None
            self._n_out += 1
            self._flying.setdefault(entry.address(), []).append(entry)
            self._n_flying[entry.identity] += 1
        self._unsent.extendleft(reversed(passed))
        return not is_gone

    def _land(self, entry):
        """It is no longer in flight."""
        address = entry.address()
        self._flying[address].remove(entry)
        if not self._flying[address]:
            del self._flying[address]
        self._n_flying[entry.identity] -= 1
        if not self._n_flying[entry.identity]:
            del self._n_flying[entry.identity]

    def _poll(self, left_s):
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        poller.poll(math.ceil(left_s * 1000))
        for _ in range(WINDOW):
            if self._socket is None or not self._socket.poll(0):
                break
            self._take(self._socket.recv_multipart()[-1])

    def _find(self, reply):
        """The message that this reply answers, or None."""
        address = tuple(reply.get(k) for k in ("rig", "subject", "session", "seq"))
        try:
            return next((e for e in self._flying.get(address, ()) if e.is_answered_by(reply)), None)
        except TypeError:  # a list or a map instead of a name
            return None

    def _take(self, body):
        try:
            reply = msgpack.unpackb(body)
        except (ValueError, TypeError):
            reply = None
        entry = self._find(reply) if isinstance(reply, dict) else None
        self._n_in += 1
        now = time.monotonic()
        self._lively_until = now + PATIENCE_S
        if entry is None:
            self.strays += 1
            return
        self._heard = now
        self._has_heard = True
        if reply["kind"] == "error" and reply.get("code") in KEEP:
            self._hold(reply)
            return
        entry.reply = reply
        self._window = WINDOW
        self._stuck.discard(entry.identity)
        self._land(entry)
        durable_seq = reply.get("durable_seq")
        if isinstance(durable_seq, int):
            self._forget(entry.identity, durable_seq)
        if entry.is_spooled and reply["kind"] == "error":
            self._settle_refusal(entry, reply)

    def _hold(self, reply):
        """The daemon accepts nothing for now."""
        self._window = 1  # or a later one might be accepted before this one is resent
        self._drop_link()
        self._next_attempt = time.monotonic() + RETRY_S
        self._go_down("%s says %s: %s" % (self._ask, reply["code"], reply.get("text", "")))

    def _settle_refusal(self, entry, reply):
        """A refused message leaves the spool."""
        code = reply.get("code", "")
        is_latest = entry is self._awaited
        if not is_latest:
            self.refused.append((entry.message, self._refusal(reply)))
        if code in UNREAD and not is_latest and entry.message["kind"] != "session_start":
            # Its seq would be missing forever, so it is given to a message that changes nothing.
            keep = ("v", "rig", "subject", "session", "run", "seq")
            entry.message = {k: entry.message[k] for k in keep if k in entry.message}
            entry.message["kind"] = "session_start"
            entry.is_sent = False
            entry.reply = None
            self._unsent.appendleft(entry)
            if self._file:
                self._file.replace(entry.message)
            return
        if code in JOURNALED:
            return
        self._discard(entry)
        if self._file:
            self._file.forget_one(entry.identity, entry.message["seq"])

    def _forget(self, identity, durable_seq):
        """Forgets what is on disk: of this session alone, and only what was answered itself, for a
        durable_seq may be of an earlier run that had the same numbers."""
        of = self._sessions.get(identity, {})
        last = None
        while of:
            entry = next(iter(of.values()))
            if entry.reply is None or entry.message["seq"] > durable_seq:
                break
            last = entry.message["seq"]
            self._discard(entry)
        if last is not None and self._file:
            self._file.forget(identity, last)

    def _listen(self, socket, wanted, timeout_s):
        try:
            while socket.poll(None if timeout_s is None else int(timeout_s * 1000)):
                frames = socket.recv_multipart()
                parts = frames[0].decode("utf-8", "replace").split("/")
                if len(parts) == 5 and all(w in ("", p) for w, p in zip(wanted, parts[2:])):
                    try:
                        message = msgpack.unpackb(frames[-1])
                    except (ValueError, TypeError):
                        continue
                    yield message
        finally:
            socket.close(0)


def main(arguments):
    """murid.py [PUB_ENDPOINT [KIND]]: prints what a daemon publishes, one JSON text per line."""
    pub = arguments[0] if arguments else "tcp://127.0.0.1:5771"
    with Client("-", pub=pub) as client:
        try:
            for message in client.subscribe(arguments[1] if len(arguments) > 1 else ""):
                print(json.dumps(message), flush=True)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main(sys.argv[1:])

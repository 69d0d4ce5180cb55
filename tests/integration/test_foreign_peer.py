"""Python's msgpack and json opposite our decoder and encoder: same message in, same message out."""
import json
import math
import os
import random
import struct
import subprocess
import sys
import time

import msgpack

ECHO = os.path.join(os.environ["MURID_BINARY_DIR"], "tests", "proto_echo")
SEED = int(os.environ.get("SEED", time.time()))


class Echo:
    def __init__(self):
        self.child = subprocess.Popen([ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, body):
        self.child.stdin.write(struct.pack(">I", len(body)) + body)
        self.child.stdin.flush()
        (size,) = struct.unpack(">I", self.child.stdout.read(4))
        return self.child.stdout.read(size)


def text(rng, most):
    return "".join(rng.choice('abcXYZ019 ."\\/{}[]:,é€🐭') for _ in range(rng.randint(1, most)))


def name(rng):
    return "".join(rng.choice("abcXYZ019._-") for _ in range(rng.randint(1, 64)))


def number(rng, lo, hi):
    return rng.choice([lo, hi, rng.uniform(lo, hi), round(rng.uniform(lo, hi), 3)])


def envelope(rng, kind):
    msg = {"kind": kind, "v": 1, "rig": name(rng), "subject": name(rng), "session": name(rng),
           "trial": rng.randint(0, 10**9), "seq": rng.randint(0, 2**53 - 1),
           "t_wall_ns": rng.randint(0, 2**63 - 1)}
    if rng.random() < 0.3:
        del msg["session"], msg["seq"]
    return msg


def trial(rng):
    msg = envelope(rng, "trial")
    msg["stimulus"] = number(rng, -1.0, 1.0)
    if rng.random() < 0.5:
        msg["features"] = {"f%d%s" % (i, text(rng, 4)): rng.gauss(0, 10.0 ** rng.randint(-300, 300))
                           for i in range(rng.randint(1, 16))}
    msg["choice"] = None
    if rng.random() < 0.8:
        msg["choice"] = rng.randint(0, 1)
        msg["rt_s"] = number(rng, 0.0, 86400.0)
    msg["reward"] = number(rng, 0.0, 1.0)
    return msg


def prediction(rng):
    n = rng.randint(0, 32)
    msg = envelope(rng, "prediction")
    msg["for_trial"] = rng.randint(0, 10**9)
    msg["stimuli"] = [number(rng, -1.0, 1.0) for _ in range(n)]
    for key in ("p_right", "lo", "hi"):
        msg[key] = [number(rng, 0.0, 1.0) for _ in range(n)]
    msg["policy"] = text(rng, 40)
    msg["w"] = [rng.gauss(0, 1e3) for _ in range(rng.randint(1, 8))]
    msg["w_sd"] = [abs(x) for x in msg["w"]]
    msg["score"] = {"n": rng.randint(0, 10**6), "nats": rng.random()}
    return msg


def alert(rng):
    msg = envelope(rng, "alert")
    msg.update(code=text(rng, 8), evidence=abs(rng.gauss(0, 1e6)), text=text(rng, 60))
    return msg


def check(echo, msg):
    shuffled = list(msg.items())
    random.shuffle(shuffled)
    packed = msgpack.packb(dict(shuffled))
    from_msgpack = echo(packed)
    assert from_msgpack[:1] == b"{", (msg, from_msgpack)
    assert json.loads(from_msgpack) == msg, (msg, from_msgpack)
    for ascii_only in (True, False):
        from_json = echo(json.dumps(dict(shuffled), ensure_ascii=ascii_only).encode())
        assert from_json[:1] != b"!", (msg, from_json)
        assert msgpack.unpackb(from_json) == msg, (msg, from_json)


def refused(echo, msg, status, key):
    for body in (msgpack.packb(msg), json.dumps(msg).encode()):
        answer = echo(body).decode()
        assert answer.startswith("!%d %s: " % (status, key)), (msg, answer)


def main():
    print("SEED=%d" % SEED)
    rng = random.Random(SEED)
    echo = Echo()
    for make in (trial, prediction, alert):
        for _ in range(1000):
            check(echo, make(rng))
    base = {"kind": "trial", "rig": "r", "subject": "s", "trial": 1, "stimulus": 0.5, "choice": 0}
    refused(echo, dict(base, choice=7), -6, "trial.choice")
    refused(echo, dict(base, stimulus=1.5), -6, "trial.stimulus")
    refused(echo, dict(base, stimulus=math.nan), -6, "trial.stimulus")
    refused(echo, dict(base, stimulus="0.5"), -5, "trial.stimulus")
    refused(echo, dict(base, rig="a/b"), -6, "trial.rig")
    refused(echo, dict(base, rig="x" * 10000), -6, "trial.rig")
    refused(echo, dict(base, note="x" * 20000), -11, "")
    refused(echo, dict(base, kind="trail"), -8, "kind")
    refused(echo, dict(base, v=2), -9, "v")
    as_doubles = dict(base, trial=1.0, choice=1.0, rt_s=math.nan, session=7.0)
    assert json.loads(echo(msgpack.packb(as_doubles))) == dict(base, v=1, choice=1, session="7")
    single = msgpack.packb(dict(base, stimulus=0.25), use_single_float=True)
    assert json.loads(echo(single))["stimulus"] == 0.25
    echo.child.stdin.close()
    assert echo.child.wait() == 0
    print("3000 messages there and back")
    return 0


sys.exit(main())

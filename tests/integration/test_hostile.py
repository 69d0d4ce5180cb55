"""Whatever comes in over the sockets gets a clear answer, a counter and an alert; the daemon goes on
and loses nothing."""
import json
import math
import os
import random
import socket
import struct
import subprocess
import sys
import time
import unittest

import msgpack
import zmq

from daemon import MURID, Daemon, random_trial, trial

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"SEED={SEED}", file=sys.stderr)
        cls.daemon = Daemon()
        cls.daemon.start()
        cls.asker = cls.daemon.asker()
        cls.good = 0

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__(None, None, None)

    def setUp(self):
        self.bad_before = self.daemon.status()["bad_messages"]

    def assert_goes_on(self):
        """A good trial is still taken up, and every one before it is there."""
        reply = self.asker.ask(**trial(self.good, subject="good", session="all"))
        self.assertEqual((reply["kind"], reply.get("for_trial")), ("prediction", self.good + 1))
        type(self).good += 1
        self.daemon.settle()
        held = [t for _, _, t, _, _ in self.daemon.trials(subject="good")]
        self.assertEqual(held, list(range(self.good)))

    def bad(self):
        return self.daemon.status()["bad_messages"] - self.bad_before

    def assert_refused(self, reply, code="bad_message", key=None, text=""):
        self.assertEqual((reply["kind"], reply["code"]), ("error", code), reply)
        self.assertIn(text, reply["text"])
        if key is not None:
            self.assertEqual(reply.get("key", "").removeprefix("trial."), key)

    def test_a_message_cut_anywhere_is_refused(self):
        whole = msgpack.packb(random_trial(random.Random(SEED), 0, subject="cut"))
        for n in range(len(whole)):
            self.assert_refused(self.asker.raw(whole[:n]))
        text = json.dumps(trial(0, subject="cut")).encode()
        for n in range(len(text)):
            self.assert_refused(self.asker.raw(text[:n]))
        self.assertEqual(self.bad(), len(whole) + len(text))
        self.assert_goes_on()
        self.assertEqual(self.daemon.query("SELECT * FROM subject WHERE name = 'cut'"), [])
        self.assertTrue(self.daemon.alerts("bad_message"))

    def test_lying_lengths_are_refused(self):
        lies = [b"\xdd\x04\x00\x00\x00", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff",
                b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x01",
                b"\xdf\x10\x00\x00\x00" + msgpack.packb("kind") + msgpack.packb("trial"),
                b"\x81\xa4kind\xdb\x7f\xff\xff\xfftrial", b"\xc1", b"\x8f\xa4kind", b"\xdc\xff\xff"]
        before = self.daemon.rss_kib()
        for lie in lies:
            self.assert_refused(self.asker.raw(lie))
        self.assertEqual(self.bad(), len(lies))
        self.assertLess(self.daemon.rss_kib() - before, 1024)
        self.assert_goes_on()

    def test_deep_nesting_is_refused(self):
        for depth in (9, 100, 16000):
            self.assert_refused(self.asker.raw(b"\x91" * depth))
            self.assert_refused(self.asker.raw(b'{"kind":' + b"[" * depth))
            deep = b"\x82\xa4kind\xa5trial\xa1x" + b"\x91" * depth + b"\xc0"
            self.assert_refused(self.asker.raw(deep[:16000]))
        self.assert_goes_on()

    def test_oversized_messages_are_refused(self):
        for size in (16385, 20000, 65000):
            padded = trial(0, subject="large", comment="x" * size)
            self.assert_refused(self.asker.ask(**padded), text="16384")
            self.assert_refused(self.asker.ask_json(**padded), text="16384")
            self.assert_refused(self.asker.raw(b" " * size), text="16384")
            self.assert_refused(self.asker.raw(b"\x00" * size), text="16384")
        self.assertEqual(self.daemon.query("SELECT * FROM subject WHERE name = 'large'"), [])
        just_fits = json.dumps(trial(0, subject="fits", session="s")).encode()
        reply = self.asker.raw(just_fits + b" " * (16384 - len(just_fits)))
        self.assertEqual(reply["kind"], "prediction")
        self.assert_goes_on()

    def test_a_frame_of_more_than_64_kib_only_costs_the_sender_its_connection(self):
        for size in (66000, 2 << 20):
            s = self.daemon.asker()
            s.send(b"x" * size)
            self.assertEqual(s.socket.poll(300), 0)
            s.close()
        self.assert_goes_on()

    def test_each_wrong_value_is_refused_by_name(self):
        good = trial(0, subject="values")
        wrong = [("trial.stimulus", 1.5), ("trial.stimulus", -1.0001), ("trial.stimulus", math.nan),
                 ("trial.stimulus", math.inf), ("trial.stimulus", "0.5"), ("trial.stimulus", [0.5]),
                 ("trial.stimulus", True), ("trial.choice", 7), ("trial.choice", -1),
                 ("trial.choice", 0.5), ("trial.choice", "right"), ("trial.choice", math.inf),
                 ("trial.reward", "2"), ("trial.side", "left"), ("trial.rt_s", []),
                 ("trial.features", 3), ("trial.features", "b"),
                 ("trial", -1), ("trial", 1000000001), ("trial", 0.5), ("trial", "0"),
                 ("seq", -5), ("seq", 1 << 54), ("seq", 1 << 63), ("t_rig_us", "1"),
                 ("rig", True), ("subject", ["m"]), ("session", {}),
                 ("kind", 4), ("v", "1")]
        for key, value in wrong:
            message = dict(good, **{key.rpartition(".")[2]: value})
            for reply in (self.asker.ask(**message), self.asker.ask_json(**message)):
                self.assertEqual((reply["kind"], reply.get("code")), ("error", "bad_message"),
                                 (key, value, reply))
                self.assertEqual(reply["key"].rpartition(".")[2], key.rpartition(".")[2], reply)
        self.assertEqual(self.bad(), 2 * len(wrong))
        self.assertEqual(self.daemon.query("SELECT * FROM subject WHERE name = 'values'"), [])
        self.assert_goes_on()

    def test_nan_means_unknown_only_where_it_may(self):
        text = json.dumps(trial(0, subject="nan", session="s1", reward=math.nan, rt_s=math.nan))
        self.assertIn("NaN", text)
        self.assertEqual(self.asker.raw(text.encode())["kind"], "prediction")
        self.assert_refused(self.asker.ask_json(**trial(1, subject="nan", stimulus=math.nan)),
                            key="stimulus")
        self.assert_goes_on()
        self.assertEqual(self.daemon.query("SELECT reward, rt_s FROM trial WHERE subject = 'nan'"),
                         [(None, None)])

    def test_missing_keys_are_named(self):
        for key in ("rig", "subject", "trial", "stimulus", "kind"):
            message = trial(0, subject="missing")
            del message[key]
            reply = self.asker.ask(**message)
            self.assertEqual((reply["kind"], reply["key"].rpartition(".")[2]), ("error", key), reply)
        self.assert_refused(self.asker.raw(b""))
        self.assert_refused(self.asker.raw(b"\x80"), key="kind")
        self.assert_refused(self.asker.raw(b"{}"), key="kind")
        self.assert_goes_on()

    def test_unknown_kinds_and_those_of_the_daemon_are_refused(self):
        for kind in ("nonsense", "Trial", "", "x" * 1000):
            reply = self.asker.ask(**dict(trial(0, subject="kinds"), kind=kind))
            self.assertEqual(reply["code"], "unknown_kind", reply)
        mine = {"prediction": {"for_trial": 1, "stimuli": [], "p_right": [], "lo": [], "hi": []},
                "alert": {"code": "gap", "text": "no"}, "error": {"code": "gap", "text": "no"},
                "command": {"command": "stop"}, "done": {"command": "stop"}}
        for kind, keys in mine.items():
            reply = self.asker.ask(kind=kind, rig="r", subject="kinds", **keys)
            self.assertEqual(reply["code"], "unknown_kind", reply)
        self.assert_goes_on()

    def test_another_schema_version_is_refused_as_that(self):
        for v in (0, 2, 99):
            self.assertEqual(self.asker.ask(**trial(0, subject="v", v=v))["code"], "version")
        self.assert_goes_on()

    def test_ids_are_checked(self):
        for name in ("a/b", "../../etc/passwd", "a\0b", "\0", "x" * 10240, "x" * 65, "", "a b",
                     "m\u00fcller", "\u202e", "a\nb", "%s%n", "#"):
            for key in ("rig", "subject", "session"):
                message = dict(trial(0, subject="ids"), **{key: name})
                for reply in (self.asker.ask(**message), self.asker.ask_json(**message)):
                    self.assert_refused(reply, key=key)
        raw = msgpack.packb(trial(0, subject="ids")).replace(b"\xa3ids", b"\xa3\xff\xfe\x80")
        self.assert_refused(self.asker.raw(raw), key="subject")
        for name in ("x" * 64, "a.b_c-d", "..", "-"):
            self.assertEqual(self.asker.ask(**trial(0, subject=name, session=name))["kind"],
                             "prediction")
        self.assert_goes_on()
        self.assertEqual(self.daemon.query("SELECT count(*) FROM subject WHERE name = 'ids'"), [(0,)])

    def test_trials_without_a_contrast_are_refused_for_now(self):
        message = trial(0, subject="features", stimulus=None, features={"odour": 1.0})
        self.assert_refused(self.asker.ask(**message), key="stimulus", text="features")
        self.assert_goes_on()

    def test_garbage_on_every_socket_is_survived(self):
        draw = random.Random(SEED)
        control, publisher = self.daemon.asker("control"), self.daemon.socket(zmq.PUB, "trials")
        time.sleep(0.1)
        for _ in range(500):
            junk = draw.randbytes(draw.choice((0, 1, 10, 100, 3000)))
            self.assertEqual(self.asker.raw(junk)["kind"], "error")
            self.assertEqual(control.raw(junk)["kind"], "error")
            publisher.send_multipart([junk] * draw.choice((1, 2, 5)))
            mutant = bytearray(msgpack.packb(random_trial(draw, draw.randrange(9), subject="mut")))
            for _ in range(draw.choice((1, 1, 2, 8))):
                mutant[draw.randrange(len(mutant))] = draw.randrange(256)
            self.asker.raw(bytes(mutant))
        self.daemon.wait("the publisher's garbage to be counted",
                         lambda s: s["bad_messages"] - self.bad_before >= 1000)
        subscriber = self.daemon.socket(zmq.XSUB, "pub")
        for _ in range(300):
            subscriber.send(draw.choice((b"\x00", b"\x01", b"\x02", b"")) +
                            draw.randbytes(draw.choice((0, 1, 20, 255, 256, 5000))))
        router = self.daemon.socket(zmq.DEALER, "ask")
        for frames in ([b""], [b"", b""], [b"", b"", b""], [b"a", b"b", b"c", b"d"],
                       [b"x" * 300, b"", msgpack.packb(trial(0, subject="many-frames"))]):
            router.send_multipart(frames)
            self.assertIn(b"kind", router.recv_multipart()[-1])
        self.assert_goes_on()

    def test_plain_tcp_garbage_on_every_port_is_survived(self):
        draw = random.Random(SEED)
        greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL" + bytes(48)
        for port in self.daemon.port.values():
            for junk in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"", b"\xff" * 1000, greeting,
                         greeting[:12], draw.randbytes(100000),
                         greeting + b"\x02" + struct.pack(">Q", 1 << 62) + b"x",
                         greeting + b"\x04\x05\x05READY" + b"\x06" * 100):
                with socket.create_connection(("127.0.0.1", port), 5) as s:
                    try:
                        s.sendall(junk)
                    except OSError:
                        pass  # hung up on, as it should be
        held = [socket.create_connection(("127.0.0.1", p), 5)
                for p in self.daemon.port.values() for _ in range(20)]
        self.assert_goes_on()
        for s in held:
            s.close()
        self.assert_goes_on()

    def test_a_flood_of_garbage_is_not_all_journaled(self):
        self.daemon.settle()
        before = self.daemon.status()["events"]
        for junk in (b"\xc1", msgpack.packb({"kind": "status", "state": "x", "version": "x",
                                             "model": "x", "uptime_s": 0, "subjects": 0,
                                             "sessions": 0, "trials": 0, "duplicates": 0, "gaps": 0,
                                             "late": 0, "bad_messages": 0, "frame_errors": 0,
                                             "events": 0, "durable_events": 0, "journal_lag_ms": 0,
                                             "ring_fill": 0})):
            for _ in range(2000):
                self.asker.send(junk)
            for _ in range(2000):
                self.assertEqual(self.asker.receive()["kind"], "error")
        self.assertGreaterEqual(self.bad(), 4000)
        self.assertLess(self.daemon.status()["events"] - before, 500)
        self.assert_goes_on()


class Limits(unittest.TestCase):
    def fill(self, asker, n, **keys):
        """Sends n trials, of a subject or a session each; the numbers of those refused."""
        refused = []
        for i in range(n):
            message = trial(0, **{k: v % i for k, v in keys.items()})
            reply = asker.ask(**message)
            if reply["kind"] == "error":
                self.assertEqual(reply["code"], "limit", reply)
                refused.append(i)
        return refused

    def test_no_more_subjects_than_allowed(self):
        with Daemon({"limits": {"subjects": 30}}) as daemon:
            asker = daemon.asker()
            self.assertEqual(self.fill(asker, 2000, subject="crowd%d"), list(range(30, 2000)))
            self.assertIn("limits.subjects", asker.ask(**trial(0, subject="one-more"))["text"])
            self.assertEqual(asker.ask(**trial(1, subject="crowd0"))["for_trial"], 2)
            self.assertEqual(daemon.settle()["subjects"], 30)
            self.assertEqual(len(daemon.query("SELECT * FROM subject")), 30)
            self.assertTrue(daemon.alerts("limit"))

    def test_a_limit_that_was_raised_lets_in_what_was_refused(self):
        with Daemon({"limits": {"sessions": 16, "subjects": 4}}) as daemon:
            asker = daemon.asker()
            self.assertEqual(self.fill(asker, 40, session="s%d"), list(range(16, 40)))
            self.assertEqual(asker.ask(**trial(0, subject="new"))["code"], "limit")
            self.assertEqual(asker.ask(**trial(1, session="s15", seq=2))["for_trial"], 2)
            self.assertEqual(self.fill(asker, 20, session="s%d"), list(range(16, 20)))
            self.assertEqual(daemon.stop(), 0)
            for limit in (100, 200):
                daemon.settings["limits"] = {"sessions": limit, "subjects": 4}
                daemon.write_config()
                daemon.start()
                self.assertEqual(daemon.status()["sessions"], 16 if limit == 100 else 51)
                asker = daemon.asker()
                self.assertEqual(self.fill(asker, 50, session="s%d"), [])
                self.assertEqual(asker.ask(**trial(0, subject="new"))["for_trial"], 1)
                daemon.settle()
                self.assertEqual(daemon.query("SELECT count(*), max(id) FROM session"), [(51, 50)])
                daemon.kill() if limit == 100 else self.assertEqual(daemon.stop(), 0)
            done = subprocess.run([MURID, "replay", daemon.journal], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()

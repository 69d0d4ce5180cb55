"""The wire as other people's programs speak it: brokers, REQ with correlation, JSON as MATLAB and
.NET write it; and what is told of endpoints, keys and files that are none."""
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import msgpack
import zmq

from daemon import MURID, Daemon, free_ports, trial


def request(context, endpoint, correlate=True, **options):
    s = context.socket(zmq.REQ)
    s.linger = 0
    s.rcvtimeo = s.sndtimeo = 5000
    if correlate:
        s.setsockopt(zmq.REQ_CORRELATE, 1)
        s.setsockopt(zmq.REQ_RELAXED, 1)
    for name, value in options.items():
        setattr(s, name, value)
    s.connect(endpoint)
    return s


class Broker:
    """ROUTER to DEALER, n of them in a row, in front of an endpoint."""

    def __init__(self, context, endpoint, n=1):
        self.sockets = []
        for _ in range(n):
            front, back = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
            for s in (front, back):
                s.linger = 0
            back.connect(endpoint)
            endpoint = f"tcp://127.0.0.1:{front.bind_to_random_port('tcp://127.0.0.1')}"
            threading.Thread(target=self.run, args=(front, back), daemon=True).start()
        self.endpoint = endpoint

    @staticmethod
    def run(front, back):
        try:
            zmq.proxy(front, back)
        except zmq.ZMQError:
            pass
        finally:
            front.close()
            back.close()


class WithDaemon(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__(None, None, None)


class Envelope(WithDaemon):
    def answered(self, socket, message):
        socket.send(msgpack.packb(message))
        return msgpack.unpackb(socket.recv())

    def test_a_request_with_correlation_is_answered(self):
        for endpoint, message, kind in (("ask", trial(0, subject="correlate"), "prediction"),
                                        ("control", {"kind": "command", "command": "status"}, "status")):
            s = request(self.daemon.context, self.daemon.endpoint[endpoint])
            for _ in range(3):
                self.assertEqual(self.answered(s, message)["kind"], kind)
            s.close()

    def test_a_request_through_brokers_is_answered(self):
        for n in (1, 3):
            for correlate in (False, True):
                broker = Broker(self.daemon.context, self.daemon.endpoint["ask"], n)
                s = request(self.daemon.context, broker.endpoint, correlate)
                for i in range(3):
                    reply = self.answered(s, trial(i, subject=f"broker{n}{correlate}"))
                    self.assertEqual(reply["for_trial"], i + 1)
                s.close()

    def test_the_whole_envelope_comes_back_and_nothing_else(self):
        s = self.daemon.socket(zmq.DEALER, "ask")
        body = msgpack.packb({"kind": "hello", "rig": "r"})
        for sent, back in (([b"a", b"b" * 300, b"", body], [b"a", b"b" * 300, b""]),
                           ([b"", body], [b""]), ([body], []),
                           ([b"", b"", body], [b""]),
                           ([b"a", b"", b"ignored", body], [b"a", b""]),
                           ([b"no", b"delimiter", body], [])):
            s.send_multipart(sent)
            heard = s.recv_multipart()
            self.assertEqual(heard[:-1], back)
            self.assertEqual(msgpack.unpackb(heard[-1])["kind"], "hello")

    def test_an_envelope_beyond_its_bounds_is_counted_and_the_next_request_answered(self):
        before = self.daemon.status()["bad_messages"]
        s = self.daemon.socket(zmq.DEALER, "ask")
        hello = msgpack.packb({"kind": "hello", "rig": "r"})
        for frames in ([b"x"] * 16 + [b"", hello], [b"x" * 2000, b"", hello], [b"x"] * 5000 + [hello],
                       [b""] + [b"x"] * 20000):
            s.send_multipart(frames)
        s.send_multipart([b"", hello])
        self.assertEqual(msgpack.unpackb(s.recv_multipart()[-1])["kind"], "hello")
        self.assertEqual(self.daemon.status()["bad_messages"], before + 4)
        publisher = self.daemon.socket(zmq.PUB, "trials")
        time.sleep(0.3)
        publisher.send_multipart([b"x"] * 5000)
        publisher.send_multipart([b"topic", msgpack.packb(trial(0, subject="after"))])
        self.daemon.wait("the trial behind it", lambda _: self.daemon.trials(subject="after"))

    def test_a_mouse_answers_through_a_broker_and_with_correlation(self):
        mouse = subprocess.Popen([MURID, "mouse", "--bind", "tcp://127.0.0.1:*", "--speed", "1000"],
                                 stderr=subprocess.PIPE, text=True)
        try:
            line = ""
            while "ready at " not in line:
                line = mouse.stderr.readline()
                self.assertTrue(line)
            endpoint = line.split("ready at ")[1].strip()
            broker = Broker(self.daemon.context, endpoint, 2)
            for where in (endpoint, broker.endpoint):
                s = request(self.daemon.context, where)
                reply = self.answered(s, {"kind": "stimulus", "rig": "r", "subject": "m", "trial": 0,
                                          "stimulus": 1.0})
                self.assertEqual(reply["kind"], "choice")
                s.close()
        finally:
            mouse.kill()
            mouse.wait()
            mouse.stderr.close()


class Json(WithDaemon):
    def raw(self, endpoint, data):
        s = self.daemon.socket(zmq.REQ, endpoint)
        s.send(data)
        body = s.recv()
        s.close()
        return json.loads(body)

    def test_a_byte_order_mark_and_white_space_before_json_change_nothing(self):
        for i, before in enumerate((b"\xef\xbb\xbf", b" \r\n\t", b"\xef\xbb\xbf \n", b"")):
            reply = self.raw("ask", before + json.dumps(trial(i, subject="mark")).encode() + b"\n")
            self.assertEqual((reply["kind"], reply.get("for_trial")), ("prediction", i + 1), reply)
            reply = self.raw("control", before + b'{"kind": "command", "command": "status"}')
            self.assertEqual(reply["kind"], "status")

    def test_json_that_is_no_object_is_answered_in_json_with_what_was_expected(self):
        whole = json.dumps(trial(0))
        for text, found in ((f"[{whole}]", "an array"), (json.dumps(whole), "text"), ("12", "a whole number"),
                            ("-1.5", "a number"), ("null", "nil"), ("true", "a boolean"),
                            (" []", "an array"), ("NaN", "a number")):
            for mark in (b"", b"\xef\xbb\xbf"):
                for endpoint in ("ask", "control"):
                    reply = self.raw(endpoint, mark + text.encode())
                    self.assertEqual(reply["code"], "bad_message")
                    self.assertEqual(reply["text"],
                                     "a JSON object {...} was expected, not " + found)

    def test_text_in_utf_16_is_called_so(self):
        for coding in ("utf-16", "utf-16-le", "utf-16-be"):
            for text in (json.dumps(trial(0)), json.dumps([trial(0)])):
                reply = self.raw("ask", text.encode(coding))
                self.assertEqual(reply["code"], "bad_message")
                self.assertIn("UTF-16", reply["text"])
                self.assertIn("UTF-8 was expected", reply["text"])

    def test_no_msgpack_map_is_taken_for_json(self):
        s = self.daemon.socket(zmq.REQ, "ask")
        for i, size in enumerate((6, 15, 16, 70000 % 16384)):
            message = trial(i, subject="packed")
            message.update({f"x{k}": 0 for k in range(max(0, size - len(message)))})
            s.send(msgpack.packb(message)[:16384])
            self.assertEqual(msgpack.unpackb(s.recv())["kind"], "prediction" if size < 2000 else "error")


def keygen(path):
    subprocess.run([MURID, "keygen", path], check=True, capture_output=True)
    with open(path) as f:
        return {k: v.encode() for k, v in (line.split() for line in f if not line.startswith("#"))}


class Keys(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.keys = {n: keygen(self.path(n)) for n in ("server", "one", "any", "head", "ear", "stranger")}

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def clients(self, *lines):
        self.write("clients", "".join(f"{self.keys[n]['public'].decode()} {roles}\n" for n, roles in lines))

    def as_client(self, name):
        return {"curve_serverkey": self.keys["server"]["public"],
                "curve_publickey": self.keys[name]["public"],
                "curve_secretkey": self.keys[name]["secret"]}

    def daemon(self, with_list=True, **options):
        security = {"server_key": self.path("server")}
        if with_list:
            security["client_keys"] = self.path("clients")
        return Daemon({"security": security}, **options)

    def ask(self, daemon, name, message, endpoint="ask", wait_ms=5000):
        asker = daemon.asker(endpoint, **self.as_client(name))
        asker.send(msgpack.packb(message))
        reply = asker.receive() if asker.socket.poll(wait_ms) else None
        asker.close()
        return reply

    def test_a_key_may_do_what_its_line_says_and_no_more(self):
        self.clients(("one", "rig=box-1 rig"[:9]), ("any", ""), ("head", "control"), ("ear", "listen"))
        status = {"kind": "command", "command": "status"}
        with self.daemon() as daemon:
            reply = self.ask(daemon, "one", trial(0, rig="box-1"))
            self.assertEqual(reply["kind"], "prediction")
            self.assertEqual(self.ask(daemon, "any", trial(0, rig="box-2", subject="m2"))["kind"],
                             "prediction")
            self.assertEqual(self.ask(daemon, "head", status, "control")["kind"], "status")
            for name, message, endpoint in (("one", status, "control"), ("any", status, "control"),
                                            ("ear", status, "control"), ("head", trial(1), "ask"),
                                            ("ear", trial(1), "ask")):
                self.assertIsNone(self.ask(daemon, name, message, endpoint, 400), (name, endpoint))
            for name, hears in (("ear", True), ("any", True), ("one", False), ("head", False)):
                s = daemon.socket(zmq.SUB, "pub", **self.as_client(name))
                s.subscribe("")
                self.assertEqual(bool(s.poll(3000 if hears else 1200)), hears, name)
                s.close()

    def test_a_rigs_key_speaks_for_no_other_rig(self):
        self.clients(("one", "rig=box-1"), ("head", "control"))
        with self.daemon() as daemon:
            asker = daemon.asker("ask", **self.as_client("one"))
            for keys in ({}, {"kind": "hello"}, {"kind": "session_end"}):
                reply = asker.ask(**dict(trial(0, rig="box-2"), **keys))
                self.assertEqual((reply["kind"], reply["code"], reply["key"]),
                                 ("error", "not_allowed", "rig"))
                self.assertIn("box-2", reply["text"])
                self.assertEqual(reply["seq"], 1)
            self.assertEqual(asker.ask(**trial(0, rig="box-1"))["kind"], "prediction")
            publisher = daemon.socket(zmq.PUB, "trials", **self.as_client("one"))
            time.sleep(0.5)
            for rig, number in (("box-2", 0), ("box-1", 1)):
                publisher.send(msgpack.packb(trial(number, rig=rig)))
            deadline = time.monotonic() + 10
            while len(daemon.trials()) < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertEqual([t[2] for t in daemon.trials()], [0, 1])
            self.assertEqual(daemon.query("SELECT DISTINCT rig FROM trial"), [("box-1",)])

    def test_a_rejected_key_leaves_a_line_in_the_log_and_a_number_in_the_status(self):
        self.clients(("any", ""), ("head", "control"))
        with self.daemon() as daemon:
            self.assertIsNone(self.ask(daemon, "stranger", trial(0), wait_ms=300))
            self.assertIsNone(self.ask(daemon, "any", trial(0), "control", wait_ms=300))
            time.sleep(1.2)
            status = self.ask(daemon, "head", {"kind": "command", "command": "status"}, "control")
            self.assertGreaterEqual(status["rejected_keys"], 2)
            log = daemon.log()
            self.assertRegex(log, "a connection from 127.0.0.1 was refused: its key is not")
            self.assertTrue(self.keys["stranger"]["public"].decode() in log or
                            self.keys["any"]["public"].decode() in log)

    def refused(self, daemon):
        done = subprocess.run([MURID, "run", "-c", daemon.config_path], capture_output=True, text=True,
                              timeout=20)
        self.assertEqual(done.returncode, 2)
        return done.stderr

    def test_a_control_socket_with_curve_needs_a_key_that_is_for_it(self):
        daemon = self.daemon(with_list=False)
        self.addCleanup(daemon.close)
        self.assertIn("sockets.control", self.refused(daemon))
        self.clients(("any", ""))
        daemon = self.daemon()
        self.addCleanup(daemon.close)
        self.assertIn("KEY control", self.refused(daemon))

    def test_a_wrong_line_is_named(self):
        daemon = self.daemon()
        self.addCleanup(daemon.close)
        for roles in ("operator", "rig=", "rig=a/b", "rig=a rig=b"):
            self.clients(("any", "listen"), ("head", roles))
            self.assertIn("clients:2: ", self.refused(daemon))

    def test_a_server_key_that_others_can_read_is_warned_of(self):
        self.clients(("head", "control"))
        daemon = self.daemon()
        self.addCleanup(daemon.close)
        for mode, warned in ((0o600, False), (0o640, True), (0o604, True)):
            os.chmod(self.path("server"), mode)
            done = subprocess.run([MURID, "check", "-c", daemon.config_path], capture_output=True,
                                  text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual("is readable by others" in done.stderr, warned)

    def keygen_refused(self, path):
        done = subprocess.run([MURID, "keygen", path], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("File exists", done.stderr)

    def test_keygen_follows_no_link_writes_over_nothing_and_leaves_no_half(self):
        self.write("precious", "mine\n")
        os.symlink(self.path("precious"), self.path("new.pub"))
        self.keygen_refused(self.path("new"))
        self.assertFalse(os.path.exists(self.path("new")))
        os.symlink(self.path("nowhere"), self.path("other.pub"))
        self.keygen_refused(self.path("other"))
        self.assertFalse(os.path.lexists(self.path("nowhere")) or os.path.lexists(self.path("other")))
        self.write("third.pub", "mine\n")
        self.keygen_refused(self.path("third"))
        self.assertFalse(os.path.exists(self.path("third")))
        for name in ("precious", "third.pub"):
            with open(self.path(name)) as f:
                self.assertEqual(f.read(), "mine\n")


class Names(unittest.TestCase):
    """Endpoints and files on the command line and in the configuration."""

    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def run_murid(self, *words):
        return subprocess.run([MURID, *words], capture_output=True, text=True, timeout=20)

    def check(self, **sections):
        with open(self.path("c.yaml"), "w") as f:
            json.dump(dict({"data": {"directory": self.path("data")}}, **sections), f)
        return self.run_murid("check", "-c", self.path("c.yaml"))

    def test_an_endpoint_without_its_scheme_is_shown_with_it(self):
        ports = free_ports(4)
        good = {k: f"tcp://127.0.0.1:{p}" for k, p in zip(("ask", "pub", "trials", "control"), ports)}
        for key in (*good, "trials_connect"):
            for wrong, right in (("127.0.0.1:6320", "tcp://127.0.0.1:6320"), ("/tmp/x", "ipc:///tmp/x")):
                value = [wrong] if key == "trials_connect" else wrong
                done = self.check(sockets=dict(good, **{key: value}))
                self.assertEqual(done.returncode, 2)
                self.assertIn(f"sockets.{key}: {wrong}: an endpoint begins with tcp:// or ipc://, as in {right}",
                              done.stderr)
                self.assertNotIn("insecure", done.stderr)
        table = self.path("t.csv")
        with open(table, "w") as f:
            f.write("subject,session,trial,stimulus,choice\nm,s,0,0.5,1\n")
        for words in (("play", table, "--to", "127.0.0.1:6320"), ("watch", "--connect", "127.0.0.1:6320"),
                      ("mouse", "--bind", "127.0.0.1:6320"), ("mouse", "--connect", "127.0.0.1:6320")):
            done = self.run_murid(*words)
            self.assertEqual(done.returncode, 2, (words, done.stderr))
            self.assertIn("an endpoint begins with tcp:// or ipc://, as in tcp://127.0.0.1:6320",
                          done.stderr, words)

    def test_what_is_no_regular_file_is_refused_at_once(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        table = self.path("t.csv")
        with open(table, "w") as f:
            f.write("subject,session,trial,stimulus,choice\nm,s,0,0.5,1\n")
        for path in (fifo, "/dev/zero", self.directory):
            for words in (("check", "-c", path), ("run", "-c", path), ("check", "--protocol", path),
                          ("eval", "--model", path, table), ("model", path),
                          ("play", table, "--key", path, "--server-key", path)):
                done = self.run_murid(*words)
                self.assertEqual(done.returncode, 2, (words, done.stderr))
                self.assertRegex(done.stderr, "a (regular )?file was expected", words)
            for sections in ({"security": {"server_key": path}}, {"model": {"file": path}},
                             {"protocol": {"file": path}}):
                done = self.check(**sections)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertRegex(done.stderr, "a (regular )?file was expected"
                                              "|not a regular file; a (model|protocol) was expected")


if __name__ == "__main__":
    unittest.main()

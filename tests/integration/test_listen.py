"""The daemon listens to rigs in their own words: Open Ephys' Event Broadcaster, a Bonsai workflow's OSC and JSON, a program of
msgpack, and lines of a serial port. The peers speak over real sockets; Open Ephys' messages are as its plugin prints them."""
import json
import os
import pty
import random
import struct
import subprocess
import time
import tty
import unittest

import msgpack
import zmq

import skips
from daemon import MURID, Daemon, free_ports

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
SHIM = os.path.join(os.environ["MURID_BINARY_DIR"], "tests", "libserial_shim.so")
LIMIT_S = 60
MARKS = ["marks.trial=0", "marks.end=0=0", "stimulus.0.5=1", "stimulus.-0.5=2", "marks.right=3", "marks.left=4",
         "marks.reward=5", "marks.error=6"]


def osc(address, *arguments):
    def text(s):
        data = s.encode() + b"\0"
        return data + b"\0" * (-len(data) % 4)
    tags, data = ",", b""
    for a in arguments:
        if isinstance(a, bool):
            tags += "T" if a else "F"
        elif isinstance(a, int):
            tags, data = tags + "i", data + struct.pack(">i", a)
        elif isinstance(a, float):
            tags, data = tags + "f", data + struct.pack(">f", a)
        else:
            tags, data = tags + "s", data + text(a)
    return text(address) + text(tags) + data


class Listen(unittest.TestCase):
    def setUp(self):
        print(f"SEED={SEED}")
        draw = random.Random(SEED)
        self.trials = [dict(stimulus=draw.choice((-0.5, 0.5)), choice=draw.choice((0, 1, 1, 0, None)), rt_s=draw.randrange(1, 9) / 8)
                       for _ in range(40)]
        for t in self.trials:
            t["reward"] = None if t["choice"] is None else int(t["choice"] == (t["stimulus"] > 0))
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)

    def publisher(self):
        socket = self.context.socket(zmq.XPUB)
        port = free_ports(1)[0]
        socket.bind(f"tcp://127.0.0.1:{port}")
        return socket, f"tcp://127.0.0.1:{port}"

    def daemon(self, **rig):
        daemon = Daemon()
        daemon.settings["rigs"] = [{"name": "box-2", **rig}]
        daemon.write_config()
        return daemon

    def wait(self, daemon, what, test):
        deadline = time.monotonic() + LIMIT_S
        while not test():
            self.assertLess(time.monotonic(), deadline, what + "\n" + daemon.log()[-3000:])
            time.sleep(0.02)

    def check(self, daemon, subject, with_rt=True):
        self.wait(daemon, "all trials", lambda: daemon.query("SELECT count(*) FROM trial")[0][0] >= len(self.trials))
        rows = daemon.query("SELECT stimulus, choice, reward, rt_s FROM trial ORDER BY trial")
        for row, t in zip(rows, self.trials, strict=True):
            self.assertEqual(row[:2], (t["stimulus"], t["choice"]))
            if t["choice"] is not None:
                self.assertEqual(row[2], t["reward"])
                if with_rt:
                    self.assertAlmostEqual(row[3], t["rt_s"], places=4)
        self.assertEqual(daemon.query("SELECT DISTINCT source, rig, status FROM event WHERE kind = 'trial'"),
                         [("files", "box-2", "taken")])
        self.assertEqual(daemon.query("SELECT name FROM subject"), [(subject,)])

    def test_a_publisher_that_is_not_there_is_told_once_and_heard_when_it_comes_and_comes_back(self):
        endpoint = f"tcp://127.0.0.1:{free_ports(1)[0]}"
        with self.daemon(subscribe=endpoint, format="messages", subject="m9") as daemon:
            def told(code, n):
                count = f"SELECT count(*) FROM alert WHERE code = '{code}'"
                self.wait(daemon, f"{n} of {code}", lambda: daemon.query(count)[0][0] == n)

            for turn in range(2):
                told("publisher_gone", turn + 1)
                socket = self.context.socket(zmq.XPUB)
                socket.bind(endpoint)
                self.assertEqual(socket.recv(), b"\x01")
                told("publisher_back", turn + 1)
                socket.send(json.dumps({"trial": turn, "stimulus": 0.5, "choice": 1, "reward": 1}).encode())
                self.wait(daemon, "the trial", lambda: daemon.query("SELECT count(*) FROM trial")[0][0] == turn + 1)
                socket.close(0)
            self.assertIn(f"rig box-2: {endpoint} does not answer: does the program run, and publish there?", daemon.log())

    def test_ttl_lines_of_open_ephys_are_trials(self):
        for form in ("json", "bytes"):
            socket, endpoint = self.publisher()
            with self.daemon(subscribe=endpoint, format="open-ephys", subject="m9",
                             map=MARKS + ["open_ephys.rate=30000"]) as daemon:
                self.assertEqual(socket.recv(), b"\x01")  # it has subscribed

                def send(line, high, sample):
                    if form == "json":
                        said = json.dumps({"event_type": "ttl", "stream": "ProbeA", "source_node": 100, "sample_rate": 30000.0,
                                           "channel_name": "TTL", "sample_number": sample, "line": line, "state": high}, indent=2)
                        socket.send_multipart([struct.pack("=H", 0), said.encode()])
                    else:
                        socket.send_multipart([struct.pack("=H", 0), struct.pack("<BBHHHqdBBQ", 1, 3, 100, 1, 0, sample, 0.0, line,
                                                                                 high, 1 << line)])

                at = 0
                for t in self.trials:
                    at += 30000
                    send(0, True, at)
                    send(1 if t["stimulus"] > 0 else 2, True, at + 300)
                    socket.send_multipart([struct.pack("=H", 1), b"a spike"])
                    if t["choice"] is not None:
                        send(3 if t["choice"] else 4, True, at + 300 + int(30000 * t["rt_s"]))
                        send(5 if t["reward"] else 6, True, at + 29000)
                    send(0, False, at + 29500)
                self.check(daemon, "m9")
            socket.close(0)

    def test_osc_of_a_bonsai_workflow_is_trials_and_what_is_wrong_is_said(self):
        socket, endpoint = self.publisher()
        with self.daemon(subscribe=endpoint, format="messages", subject="m9",
                         map=["message.topic=Trials", "columns.stimulus=/stim", "columns.choice=/response",
                              "coding.choice=R/L/none", "columns.reward=/response.2", "columns.rt_s=/rt",
                              "message.end=/end"]) as daemon:
            self.assertEqual(socket.recv(), b"\x01Trials")
            socket.send_multipart([b"Trials", b"/stim\0\0\0,x\0\0"])
            for t in self.trials:
                socket.send_multipart([b"Video", os.urandom(50)])
                socket.send_multipart([b"Trials", osc("/stim", t["stimulus"])])
                if t["choice"] is not None:
                    socket.send_multipart([b"Trials", osc("/response", "RL"[1 - t["choice"]], bool(t["reward"]))])
                    socket.send_multipart([b"Trials", osc("/rt", t["rt_s"])])
                socket.send_multipart([b"Trials", osc("/end")])
            self.check(daemon, "m9")
            said = daemon.query("SELECT text FROM alert WHERE code = 'bad_line'")
            self.assertEqual(len(said), 1)
            self.assertIn("an unknown type of argument", said[0][0])
            self.assertIn(endpoint, said[0][0])

    def test_msgpack_and_json_of_a_program_name_animal_and_session(self):
        for pack in (msgpack.packb, lambda m: json.dumps(m).encode()):
            socket, endpoint = self.publisher()
            with self.daemon(subscribe=endpoint, format="messages",
                             map=["rows.kind=trial", "columns.subject=mouse.id", "columns.session=mouse.day",
                                  "columns.stimulus=data.contrast", "coding.stimulus=percent", "columns.choice=data.choice",
                                  "coding.choice=ibl", "columns.reward=data.correct", "columns.rt_s=data.rt",
                                  "coding.rt_s=ms"]) as daemon:
                self.assertEqual(socket.recv(), b"\x01")
                for t in self.trials:
                    socket.send(pack({"kind": "frame", "n": 3}))
                    socket.send(pack({"kind": "trial", "mouse": {"id": "m 7", "day": "d1"},
                                      "data": {"contrast": 100 * t["stimulus"], "rt": 1000 * t["rt_s"],
                                               "choice": {1: -1, 0: 1, None: 0}[t["choice"]], "correct": bool(t["reward"])}}))
                self.check(daemon, "m_7")
                self.assertEqual(daemon.query("SELECT name FROM session"), [("d1",)])
            socket.close(0)

    def test_lines_of_a_serial_port_are_trials(self):
        if os.environ.get("MURID_SANITIZED"):
            self.skipTest("the shim of libserialport and a sanitizer do not go together")
        master, slave = pty.openpty()
        tty.setraw(slave)
        daemon = self.daemon(port=os.ttyname(slave), format="lines", subject="m9",
                             map=["lines.pattern=^T s=([^ ]+) c=([RL-]) r=([01]) t=([0-9]+)$",
                                  "lines.columns=stimulus,choice,reward,rt_s", "coding.rt_s=ms", "coding.choice=R/L/-"])
        before = os.environ.get("LD_PRELOAD")
        os.environ["LD_PRELOAD"] = SHIM
        try:
            with daemon:
                self.wait(daemon, "an open port", lambda: os.path.exists(f"/proc/{daemon.process.pid}/fd") and any(
                    os.path.realpath(f"/proc/{daemon.process.pid}/fd/{f}") == os.ttyname(slave)
                    for f in os.listdir(f"/proc/{daemon.process.pid}/fd")))
                os.write(master, b"ready\r\n")
                for t in self.trials:
                    c = "-" if t["choice"] is None else "LR"[t["choice"]]
                    os.write(master, f"lick\r\nT s={t['stimulus']} c={c} r={t['reward'] or 0} t={1000 * t['rt_s']:.0f}\r\n".encode())
                self.check(daemon, "m9")
        finally:
            del os.environ["LD_PRELOAD"]
            if before is not None:
                os.environ["LD_PRELOAD"] = before
            os.close(master)
            os.close(slave)

    def test_check_names_a_mapping_that_its_format_does_not_take(self):
        daemon = self.daemon(subscribe="tcp://127.0.0.1:1", format="open-ephys", subject="m9", map=["marks.right=1"])
        try:
            done = subprocess.run([MURID, "check", "-c", daemon.config_path], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn("rigs.map: box-2: the mapping names no stimulus or no choice", done.stderr)
        finally:
            daemon.close()


if __name__ == "__main__":
    skips.main()

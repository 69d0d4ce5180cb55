"""murid watch: against a publisher made here, without a terminal and on one."""
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest
import fcntl

import msgpack
import zmq

MURID = os.environ["MURID_BIN"]


class Publisher:
    def __init__(self):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.XPUB)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{self.port}"

    def wait(self):
        if not self.socket.poll(10000):
            raise AssertionError("nobody subscribed")
        assert self.socket.recv() == b"\x01murid/1/"

    def send(self, kind, subject="m01", **keys):
        body = {"v": 1, "kind": kind, "rig": "r1", "subject": subject, "session": "s1", **keys}
        self.socket.send_multipart([f"murid/1/r1/{subject}/{kind}".encode(), msgpack.packb(body)])

    def trial(self, number, stimulus, choice, subject="m01", p=(0.25, 0.75)):
        self.send("prediction", subject, for_trial=number, stimuli=[-0.5, 0.5], p_right=list(p),
                  lo=[0.1, 0.6], hi=[0.4, 0.9], policy="stimulus,bias", w=[1.5, 0.1],
                  w_sd=[0.2, 0.1], model="built-in",
                  score={"n": max(number, 1), "nats": 0.5, "baseline_nats": 0.6})
        self.send("trial", subject, trial=number, stimulus=stimulus, choice=choice,
                  reward=float((stimulus > 0) == bool(choice)))

    def status(self):
        body = {"v": 1, "kind": "status", "state": "ready", "version": "0", "model": "built-in",
                "uptime_s": 1.0, "journal_lag_ms": 0.0, "journal_worst_ms": 0.0, "ring_fill": 0.0,
                **{k: 0 for k in ("subjects", "sessions", "trials", "duplicates", "gaps", "late",
                                  "bad_messages", "frame_errors", "events", "durable_events")}}
        self.socket.send_multipart([b"murid/1/-/-/status", msgpack.packb(body)])

    def ahead(self, subject="m01", based_on=0):
        """Status, forecast and advice."""
        self.send("training", subject, status="in_training", reached="in_training",
                  next="trained_1a", untrainable=0, unbiasable=0, running=1,
                  criteria=[{"name": "trials", "value": 180.0, "limit": 200.0, "above": 1, "met": 0},
                            {"name": "easy", "value": 0.4, "limit": 0.8, "above": 1, "met": 0}])
        self.send("forecast", subject, trial=based_on, based_on=based_on,
                  criterion="0.8 correct of 100 trials, contrast >= 0.5",
                  current={"unit": "trials", "median": 640.0, "lo50": 410.0, "hi50": 900.0,
                           "lo90": 280.0, "p_reached": 0.93},
                  next_status="trained_1a", p_within={"1": 0.1, "3": 0.42, "5": 0.6})
        self.send("suggestion", subject, trial=based_on, based_on=based_on, horizon=200,
                  actions=[{"action": "contrast", "params": {"contrast": 0.25, "part": 0.5},
                            "gain": 0.012, "gain_lo": -0.004, "gain_hi": 0.03, "p_better": 0.81}],
                  why="contrast 0.25, part 0.5: proportion correct 0.812 rather than 0.800, "
                      "rewarded 0.71 (0.72)")

    def close(self):
        self.context.destroy(linger=0)


class Plain(unittest.TestCase):
    def setUp(self):
        self.publisher = Publisher()

    def tearDown(self):
        self.publisher.close()

    def watch(self, *words):
        p = subprocess.Popen([MURID, "watch", "--connect", self.publisher.endpoint, *words],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.publisher.wait()
        return p

    def test_prints_one_line_a_trial_and_ends_when_it_has_seen_enough(self):
        p = self.watch("--for", "2")
        self.publisher.trial(0, 0.5, 1)
        self.publisher.trial(1, -0.5, 1)
        out, err = p.communicate(timeout=20)
        self.assertEqual((p.returncode, err), (0, ""))
        self.assertEqual(out.splitlines(), [
            "m01 session s1 trial 0: stimulus +0.5, p(right) 0.750, chose right, correct  "
            "nats: twin 0.5000, random walk 0.6000, chance 0.6931",
            "m01 session s1 trial 1: stimulus -0.5, p(right) 0.250, chose right, wrong  "
            "nats: twin 0.5000, random walk 0.6000, chance 0.6931",
            "m01: 2 trials received; over the 1 scored so far, nats/trial: twin 0.5000, "
            "random walk 0.6000, chance 0.6931"])

    def test_ends_when_nothing_comes_any_more(self):
        p = self.watch("--until-idle", "0.3")
        self.publisher.trial(0, 0.5, 1)
        out, _ = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 0)
        self.assertEqual(len(out.splitlines()), 2)

    def test_follows_the_animal_that_was_asked_for(self):
        p = self.watch("--subject", "m02", "--for", "1")
        self.publisher.trial(0, 0.5, 1, "m01")
        self.publisher.trial(0, 0.5, 0, "m02")
        out, _ = p.communicate(timeout=20)
        self.assertTrue(out.startswith("m02 session s1 trial 0: "))

    def test_prints_alerts(self):
        p = self.watch("--until-idle", "0.3")
        self.publisher.send("alert", code="gap", text="trials 3 to 4 are missing")
        out, _ = p.communicate(timeout=20)
        self.assertIn("alert gap: trials 3 to 4 are missing\n", out)

    def test_prints_status_forecast_and_advice_of_the_animal_followed(self):
        p = self.watch("--for", "2")
        self.publisher.trial(0, 0.5, 1)
        self.publisher.ahead("m02")
        self.publisher.ahead("m01")
        self.publisher.trial(1, -0.5, 0)
        out, err = p.communicate(timeout=20)
        self.assertEqual((p.returncode, err), (0, ""))
        self.assertEqual(out.splitlines()[1:4], [
            "m01 status: in_training; lacks easy 0.4 of > 0.8",
            "m01 forecast: 0.8 correct in 640 trials (50% 410 to 900, 90% 280 to later); "
            "trial 0",
            "m01 advice: contrast 0.25, part 0.5: +0.012 (-0.004 to 0.030) in 200 trials, "
            "better with 0.81; trial 0"])

    def test_values_out_of_range_are_counted_and_not_shown(self):
        p = self.watch("--for", "1")
        self.publisher.send("forecast", trial=0, based_on=0, criterion="x",
                            current={"unit": "trials", "median": -1.0})
        self.publisher.send("suggestion", trial=0, based_on=0,
                            actions=[{"action": "side", "gain": 0.1, "p_better": 7.0}])
        self.publisher.send("training", status="in_training")
        self.publisher.trial(0, 0.5, 1)
        out, err = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 0)
        self.assertEqual(err, "murid: 3 published messages could not be read\n")
        self.assertEqual(len(out.splitlines()), 2)

    def test_survives_what_is_not_a_message(self):
        p = self.watch("--for", "1")
        send = self.publisher.socket.send_multipart
        topic = b"murid/1/r1/m01/trial"
        for frames in ([topic], [topic, b""], [topic, b"\xdd\x04\x00\x00\x00"],
                       [topic, b"\xc1" * 100], [topic, b"{}", b"more"],
                       [topic + b"x" * 5000, b"{}"], [topic, os.urandom(16384)]):
            send(frames)
        self.publisher.trial(0, 0.5, 1)
        out, err = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 0)
        self.assertIn("trial 0: stimulus +0.5", out)
        self.assertEqual(err, "murid: 7 published messages could not be read\n")

    def test_an_interrupt_ends_it_well(self):
        p = self.watch()
        self.publisher.trial(0, 0.5, 1)
        p.stdout.readline()
        p.send_signal(signal.SIGINT)
        out, _ = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 0)
        self.assertIn("m01: 1 trials received", out)

    def test_it_says_once_that_the_daemon_is_silent_and_once_that_it_is_back(self):
        p = self.watch("--for", "1")
        time.sleep(6.5)
        self.publisher.status()
        time.sleep(0.2)
        self.publisher.trial(0, 0.5, 1)
        _, err = p.communicate(timeout=20)
        self.assertEqual((p.returncode, err), (0,
                         f"murid: no heartbeat yet, 5 s: does the daemon run, and publish at "
                         f"{self.publisher.endpoint}?\nmurid: the daemon is back\n"))

    def test_it_goes_over_to_whoever_plays(self):
        p = self.watch("--for", "3")
        self.publisher.trial(700, 0.5, 1, "old")
        for trial in range(3):
            self.publisher.trial(trial, 0.5, 1, "m2")
        out, _ = p.communicate(timeout=20)
        self.assertEqual([line.split(":")[0] for line in out.splitlines()[:3]],
                         ["old session s1 trial 700", "m2 session s1 trial 1", "m2 session s1 trial 2"])

    def test_wrong_words_end_with_2(self):
        for words in (["--connect", "nonsense"], ["--subject", "a/b"], ["--for", "0"], ["x"]):
            done = subprocess.run([MURID, "watch", *words], capture_output=True, text=True,
                                  timeout=20)
            self.assertEqual(done.returncode, 2, words)
            self.assertRegex(done.stderr, r"^murid: .+\n$")


def session_on(slave):
    """In the child: a session of its own, with that terminal, as a shell gives it."""
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


class Terminal(unittest.TestCase):
    def open(self, columns=100, rows=30):
        """A terminal with `watch` on it: the process, the master, the slave, the publisher."""
        publisher = Publisher()
        self.addCleanup(publisher.close)
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        p = subprocess.Popen([MURID, "watch", "--connect", publisher.endpoint], stdin=slave,
                             stdout=slave, stderr=slave, env={**os.environ, "NO_COLOR": "1"},
                             preexec_fn=lambda: session_on(slave))
        self.addCleanup(lambda: p.poll() is None and p.kill())
        publisher.wait()
        return p, master, slave, publisher

    def rows(self, master, text):
        """The rows of the first whole page with that text."""
        end = time.monotonic() + 20
        got = b""
        while time.monotonic() < end:
            if select.select([master], [], [], 0.1)[0]:
                got += os.read(master, 65536)
            for page in got.decode(errors="replace").split("\x1b[H")[1:]:
                if text in page and "\x1b[J" in page:
                    page = page.split("\x1b[J")[0].replace("\x1b[K", "")
                    return [row.strip() for row in page.split("\r\n")]
        raise AssertionError((text, got))

    def test_it_shows_whoever_plays_and_keys_show_the_others(self):
        p, master, slave, publisher = self.open()
        publisher.trial(700, 0.5, 1, "old")  # its last one, as a daemon tells late subscribers
        self.assertIn("old on r1", self.rows(master, "1 trials received")[0])
        publisher.trial(3, 0.5, 1, "m2")
        publisher.trial(4, -0.5, 1, "m2")
        rows = self.rows(master, "m2 on r1")
        self.assertIn("2 trials received", rows[0])
        self.assertEqual(rows[-1].split("1.9")[-1].strip(),
                         "2 of 2, following; n next, p previous, f follows, q quits")
        os.write(master, b"n")
        rows = self.rows(master, "old on r1")
        self.assertTrue(rows[-1].endswith("1 of 2; n next, p previous, f follows, q quits"), rows[-1])
        publisher.trial(5, 0.5, 1, "m2")
        os.write(master, b"p")
        self.assertIn("3 trials received", self.rows(master, "m2 on r1")[0])
        os.write(master, b"p")
        self.rows(master, "old on r1")
        os.write(master, b"f")
        self.rows(master, "2 of 2, following")
        os.write(master, b"q")
        self.read_until(master, b"\x1b[?25h\x1b[?1049l")
        self.assertEqual(p.wait(timeout=20), 0)
        self.assertEqual(termios.tcgetattr(slave), self.before)

    def test_a_signal_gives_the_terminal_back(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            p, master, slave, _ = self.open()
            self.read_until(master, b"waiting for an animal")
            self.assertEqual(termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO), 0)
            p.send_signal(number)
            self.read_until(master, b"\x1b[?25h\x1b[?1049l")
            self.assertEqual(p.wait(timeout=20), 0, number)
            self.assertEqual(termios.tcgetattr(slave), self.before, number)

    def test_it_says_when_the_daemon_falls_silent_and_when_it_is_back(self):
        p, master, slave, publisher = self.open(80, 24)
        self.rows(master, "no heartbeat yet, 5 s: does the daemon run, and publish at tcp://127.0.0.1:")
        publisher.status()
        self.assertNotIn("no heartbeat", "".join(self.rows(master, "q quits")))
        self.assertTrue(self.rows(master, "no heartbeat for 5 s: ")[-1].startswith("no heartbeat"))
        os.write(master, b"q")
        self.read_until(master, b"\x1b[?1049l")
        self.assertEqual(p.wait(timeout=20), 0)

    def test_without_keys_it_runs_on(self):
        publisher = Publisher()
        self.addCleanup(publisher.close)
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        p = subprocess.Popen([MURID, "watch", "--connect", publisher.endpoint], stdout=slave,
                             stdin=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        publisher.wait()
        publisher.trial(0, 0.5, 1)
        self.assertNotIn("quits", "".join(self.rows(master, "1 trials received")))
        p.send_signal(signal.SIGINT)
        self.read_until(master, b"\x1b[?1049l")
        self.assertEqual(p.wait(timeout=20), 0)

    def read_until(self, fd, text, deadline_s=20):
        got = b""
        end = time.monotonic() + deadline_s
        while text not in got:
            self.assertLess(time.monotonic(), end, got)
            if select.select([fd], [], [], 0.1)[0]:
                got += os.read(fd, 65536)
        return got

    def test_draws_pages_that_fit_the_window_and_gives_the_screen_back(self):
        publisher = Publisher()
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        p = subprocess.Popen([MURID, "watch", "--connect", publisher.endpoint], stdin=slave,
                             stdout=slave, stderr=slave, env={**os.environ, "NO_COLOR": "1"})
        publisher.wait()
        first = self.read_until(master, b"waiting for an animal")
        self.assertIn(b"\x1b[?1049h", first)
        publisher.trial(0, 0.5, 1)
        page = self.read_until(master, b"1 trials received").decode(errors="replace")
        self.assertIn("\u2588", page + self.read_until(master, b"\x1b[J").decode(errors="replace"))
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
        self.read_until(master, b"murid watch needs 60 x 18 cells")
        p.send_signal(signal.SIGINT)
        last = self.read_until(master, b"random walk 0.6000, chance 0.6931")
        self.assertIn(b"\x1b[?25h\x1b[?1049l", last)
        self.assertEqual(p.wait(timeout=20), 0)
        self.assertIsNone(re.search(rb"\x1b\[0;\d+m", first + page.encode() + last))
        os.close(master)
        os.close(slave)
        publisher.close()

    def test_an_ordinary_terminal_has_room_for_status_forecast_advice_and_alert(self):
        publisher = Publisher()
        self.addCleanup(publisher.close)
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        p = subprocess.Popen([MURID, "watch", "--connect", publisher.endpoint], stdin=slave,
                             stdout=slave, stderr=slave, env={**os.environ, "NO_COLOR": "1"})
        publisher.wait()
        publisher.trial(0, 0.5, 1)
        publisher.ahead(based_on=0)
        publisher.send("alert", code="protocol_violation", text="p_left is not 0.5")
        publisher.trial(7, 0.5, 1)
        page = self.read_until(master, b"2 trials received")
        page = (page[page.rindex(b"\x1b[H"):] + self.read_until(master, b"\x1b[J")).decode()
        rows = [r.replace("\x1b[K", "").strip() for r in page.split("\x1b[J")[0].split("\r\n")]
        self.assertEqual(len(rows), 24)
        self.assertEqual(rows[-5:-1], [
            "status   in_training; lacks easy 0.4 of > 0.8; next in 3 sessions 0.42",
            "forecast 0.8 correct in 640 trials (50% 410 to 900); trial 0, 7 ago",
            "advice   contrast 0.25, part 0.5: +0.012 (-0.004 to 0.030); trial 0, 7 ago",
            "alert 1, protocol_violation: p_left is not 0.5"])
        p.send_signal(signal.SIGINT)
        self.read_until(master, b"random walk 0.6000")
        self.assertEqual(p.wait(timeout=20), 0)
        os.close(master)
        os.close(slave)


if __name__ == "__main__":
    unittest.main()

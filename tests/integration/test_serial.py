"""Rigs on a serial line, end to end: the real image of the ATmega328P under simavr, and its host
build on a plain pty, play the example's table into the real daemon."""
import os
import re
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import skips
from daemon import Daemon

BUILD = os.environ["MURID_BINARY_DIR"]
SHIM = os.path.join(BUILD, "tests", "libserial_shim.so")
SIMAVR = os.path.join(BUILD, "tests", "simavr_pty")
IMAGE = os.path.join(BUILD, "firmware", "murid_uno.elf")
DEVICE = os.path.join(BUILD, "firmware-bridge", "firmware", "murid_device")
TRIALS = 1000
LIMIT_S = 300

# proto/include/proto/serial.def: type, seq; boot, trial, t_us, contrast, choice, reward, side,
# rt_ms, flags, reward_nl; crc
TRIAL_FRAME = struct.Struct("<BH" "HIIhBBBHBH" "H")


def mix(n):
    x = (n + 0x9E3779B9) & 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


def example(n):
    """Trial n as firmware-bridge/firmware/example.h states it: (trial, stimulus, choice, reward,
    side, rt_s, repeat, reward_nl)."""
    h = mix(n)
    stimulus = (h % 9 - 4) * 2500 / 10000
    side = int(stimulus > 0) if stimulus != 0 else h >> 4 & 1
    choice = None if h >> 5 & 31 == 0 else side if h >> 10 & 3 != 0 else 1 - side
    reward = int(choice == side)
    rt_s = None if choice is None else (200 + (h >> 12 & 1023)) / 1000
    return n, stimulus, choice, reward, side, rt_s, int(h >> 22 & 7 == 0), 3000 * reward


def heard(row):
    """The same of a row of the journal, what has no column of its own from the raw frame."""
    trial, stimulus, choice, reward, side, rt_s, raw = row
    frame = TRIAL_FRAME.unpack(raw)
    return trial, stimulus, choice, reward, side, rt_s, frame[10], frame[11]


class Rig(unittest.TestCase):
    def daemon(self, port, baud):
        daemon = Daemon(wrapper=["env", "LD_PRELOAD=" + SHIM,
                                 "ASAN_OPTIONS=verify_asan_link_order=0"])
        daemon.settings["rigs"] = [{"name": "box1", "port": port, "baud": baud, "subject": "m1"}]
        daemon.write_config()
        return daemon

    def wait_for(self, daemon, sql, n, device):
        """Waits until the query counts n."""
        deadline = time.monotonic() + LIMIT_S
        while daemon.query(sql)[0][0] < n:
            self.assertLess(time.monotonic(), deadline, daemon.log()[-3000:])
            self.assertIn(device.poll(), (None, 0), "the device ended")
            self.assertIsNone(daemon.process.poll(), daemon.log()[-3000:])
            time.sleep(0.02)

    def check_journal(self, daemon):
        rows = daemon.query("SELECT trial, stimulus, choice, reward, side, rt_s, raw FROM event "
                            "WHERE kind = 'trial' ORDER BY id")
        self.assertEqual([heard(r) for r in rows], [example(n) for n in range(TRIALS)])
        self.assertEqual(daemon.query("SELECT DISTINCT source, rig, status FROM event "
                                      "WHERE kind = 'trial'"), [("serial", "box1", "taken")])
        self.assertEqual(daemon.query("SELECT count(*) FROM event WHERE kind = 'session_end'"),
                         [(1,)])
        self.assertEqual(len(daemon.query("SELECT name FROM session")), 1)
        self.assertEqual(daemon.query("SELECT DISTINCT subject FROM trial"), [("m1",)])
        unscored = "SELECT count(*) FROM trial WHERE (p_right IS NULL) <> (choice IS NULL)"
        self.assertEqual(daemon.query(unscored), [(0,)])
        predicted = daemon.query("SELECT for_trial FROM prediction JOIN event "
                                 "ON event.id = prediction.event WHERE kind = 'trial' ORDER BY event")
        self.assertEqual([n for n, in predicted], list(range(1, TRIALS + 1)))

    def alerts(self, daemon):
        return {code for code, in daemon.query("SELECT DISTINCT code FROM alert")}


@unittest.skipUnless(os.path.exists(SIMAVR) and os.path.exists(IMAGE),
                     "simavr or avr-gcc absent")
class RealImage(Rig):
    def play(self, *words):
        link = os.path.join(self.directory.name, "uno")
        device = subprocess.Popen([SIMAVR, IMAGE, "--link", link, "--seconds", str(LIMIT_S), *words],
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(device.wait)
        self.addCleanup(device.kill)
        while not os.path.exists(link):
            self.assertIsNone(device.poll())
            time.sleep(0.01)
        return link, device

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="murid-serial-")
        self.addCleanup(self.directory.cleanup)

    def finish(self, device):
        device.send_signal(signal.SIGTERM)
        summary = device.communicate(timeout=20)[0].splitlines()[-1]
        print(summary)
        return {k: int(v) for k, v in re.findall(r"(cuts|noise) (\d+)", summary)}

    def test_a_clean_line_brings_every_trial_once(self):
        link, device = self.play()
        with self.daemon(link, 1000000) as daemon:
            self.wait_for(daemon, "SELECT count(*) FROM event WHERE kind = 'session_end'", 1, device)
            self.check_journal(daemon)
            self.assertEqual(self.alerts(daemon), set())
        self.finish(device)

    def test_noise_pulled_plugs_and_a_killed_daemon_lose_and_double_nothing(self):
        seed = os.environ.get("SEED", str(time.time_ns() % 2**32))
        print("SEED=" + seed)
        link, device = self.play("--noise", "0.0005", "--cut-every", "12000", "--seed", seed)
        with self.daemon(link, 1000000) as daemon:
            self.wait_for(daemon, "SELECT count(*) FROM trial", 350, device)
            daemon.kill()
            time.sleep(0.3)
            daemon.start()
            self.wait_for(daemon, "SELECT count(*) FROM event WHERE kind = 'session_end'", 1, device)
            self.check_journal(daemon)
            self.assertEqual(self.alerts(daemon), {"device_gone", "device_back", "bad_frame"})
            for text in daemon.alerts("device_gone") + daemon.alerts("bad_frame"):
                self.assertIn("rig box1: ", text)
        saw = self.finish(device)
        self.assertGreater(saw["cuts"], 1)
        self.assertGreater(saw["noise"], 0)


class HostBuild(Rig):
    def test_the_example_on_a_pty_brings_every_trial_once(self):
        device = subprocess.Popen([DEVICE, "--trials", str(TRIALS), "--boot", "7"],
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(device.stdout.close)
        self.addCleanup(device.wait)
        self.addCleanup(device.kill)
        port = device.stdout.readline().split()[1]
        with self.daemon(port, 115200) as daemon:
            self.assertEqual(device.wait(LIMIT_S), 0)  # it ends when all is acknowledged
            self.check_journal(daemon)
            self.assertEqual(daemon.query("SELECT name FROM session"), [("boot-7",)])


if __name__ == "__main__":
    skips.main()

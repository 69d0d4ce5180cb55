"""./bootstrap run without a terminal: the whole demo, as somebody sees it who has just cloned."""
import os
import re
import socket
import subprocess
import unittest

ROOT = os.environ["MURID_SOURCE_DIR"]


def in_use(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Demo(unittest.TestCase):
    def test_plays_the_virtual_mouse_to_the_end_and_says_what_to_do_next(self):
        if in_use(5770) or in_use(5771):
            print("skipped: the demo's ports 5770 and 5771 are in use")
            return
        done = subprocess.run([os.path.join(ROOT, "bootstrap"), "run"], capture_output=True,
                              text=True, timeout=500)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(re.findall(r"^vm01 session \d trial \d+: ", done.stdout, re.M)), 600)
        twin, walk = re.search(r"over the 600 scored so far, nats a trial: twin ([\d.]+), "
                               r"random walk ([\d.]+), chance 0.6931", done.stdout).groups()
        self.assertLess(float(twin), float(walk))
        self.assertLess(float(walk), 0.6931)
        journal = re.search(r"heard and predicted is in (\S+)\.", done.stdout).group(1)
        self.assertTrue(os.path.exists(os.path.join(ROOT, journal)))
        for command in ("review", "replay", "eval"):
            self.assertRegex(done.stdout, rf"murid {command} ")
        self.assertFalse(in_use(5770), "the daemon still runs")


if __name__ == "__main__":
    unittest.main()

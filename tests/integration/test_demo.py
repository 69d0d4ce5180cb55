"""./bootstrap run without a terminal: the whole demo, as somebody sees it who has just cloned; beside
another demo, and beside a daemon at the usual ports, which hears nothing of it."""
import os
import re
import socket
import subprocess
import unittest

from daemon import Daemon

ROOT = os.environ["MURID_SOURCE_DIR"]
USUAL = {"ask": "tcp://127.0.0.1:5770", "pub": "tcp://127.0.0.1:5771"}


def is_free(endpoint):
    host, port = endpoint.removeprefix("tcp://").split(":")
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, int(port)))
        except OSError:
            return False
        return True


def start():
    return subprocess.Popen([os.path.join(ROOT, "bootstrap"), "run"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


class Demo(unittest.TestCase):
    def check(self, code, said, errors):
        """Of one demo. Returns where it listened, and its journal."""
        self.assertEqual(code, 0, errors)
        self.assertEqual(len(re.findall(r"^vm01 session \d trial \d+: ", said, re.M)), 600)
        twin, walk = re.search(r"over the 600 scored so far, nats/trial: twin ([\d.]+), "
                               r"random walk ([\d.]+), chance 0.6931", said).groups()
        self.assertLess(float(twin), float(walk))
        self.assertLess(float(walk), 0.6931)
        journal = re.search(r"trials and predictions are in (\S+)\.", said).group(1)
        self.assertTrue(os.path.exists(os.path.join(ROOT, journal)))
        for command in ("review", "replay", "eval"):
            self.assertRegex(said, rf"murid {command} ")
        at = re.search(r"answers rigs at (\S+), and publishes at (\S+)\n", errors).groups()
        for endpoint in at:
            self.assertTrue(is_free(endpoint), "the daemon still runs")
        return (*at, journal)

    def test_plays_the_virtual_mouse_to_the_end_and_says_what_to_do_next(self):
        """Two at once, beside a lab's daemon at the usual ports; or whoever has these ports."""
        lab = Daemon({"sockets": {k: e for k, e in USUAL.items() if is_free(e)}})
        lab.endpoint.update(lab.settings["sockets"])
        with lab:
            demos = [start(), start()]
            heard = [p.communicate(timeout=500) for p in demos]
            found = [self.check(p.returncode, *texts) for p, texts in zip(demos, heard)]
            self.assertEqual(len(set(found[0] + found[1])), 6, found)
            self.assertTrue(set(USUAL.values()).isdisjoint(found[0] + found[1]))
            self.assertEqual(lab.command("status")["trials"], 0)
            self.assertEqual(lab.command("subjects")["total"], 0)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/python3
"""Alerts of a real daemon: rigs do not swallow each other's, and what is withheld is told."""
import os
import time
import unittest

import msgpack

from daemon import Daemon, trial


def count(texts):
    """How many alerts these stand for."""
    return sum(int(t.split()[0]) if " more " in t else 1 for t in texts)


class Alerts(unittest.TestCase):
    def test_four_rigs_that_lose_trials_in_the_same_second_are_four_alerts(self):
        with Daemon() as daemon:
            listener = daemon.ready_listener("murid/1/")
            asker = daemon.asker()
            for i in range(4):
                for n in (0, 3):
                    asker.ask(**trial(n, rig=f"rig{i}", subject=f"m{i}", seq=None))
            daemon.settle()
            rigs = daemon.query("SELECT rig FROM alert WHERE code = 'gap' ORDER BY rig")
            self.assertEqual([r for r, in rigs], ["rig0", "rig1", "rig2", "rig3"])
            published = set()
            while len(published) < 4:
                topic, body = listener.recv_multipart()
                if topic.endswith(b"/alert"):
                    published.add(msgpack.unpackb(body)["rig"])

    def test_three_ports_that_are_missing_are_three_alerts(self):
        rigs = [{"name": f"box-{i}", "port": f"/dev/nowhere{i}", "subject": f"m{i}"} for i in range(3)]
        daemon = Daemon()
        daemon.settings["rigs"] = rigs
        daemon.write_config()
        with daemon:
            until = time.monotonic() + 5
            while len(daemon.alerts("device_gone")) < 3 and time.monotonic() < until:
                time.sleep(0.05)
            gone = daemon.query("SELECT DISTINCT rig FROM alert WHERE code = 'device_gone' ORDER BY rig")
            self.assertEqual([r for r, in gone], ["box-0", "box-1", "box-2"])

    def test_what_is_withheld_is_counted_and_told_when_its_bout_is_over(self):
        with Daemon() as daemon:
            asker = daemon.asker()
            for n in range(0, 30, 2):
                asker.ask(**trial(n, seq=None))
            until = time.monotonic() + 10
            while len(daemon.alerts("gap")) < 2 and time.monotonic() < until:
                time.sleep(0.1)
            texts = daemon.alerts("gap")
            self.assertEqual(len(texts), 2, texts)
            self.assertRegex(texts[1], "^13 more like it, the last: ")

    def test_a_flood_of_names_is_told_at_a_bounded_rate_and_counted_to_the_last(self):
        with Daemon({"limits": {"subjects": 16}}) as daemon:
            asker = daemon.asker()
            for n in range(20):
                asker.ask(**trial(0, subject=f"m{n}", seq=None))
            t0 = time.monotonic()
            for n in range(3000):
                reply = asker.ask(**trial(0, rig=f"r{n % 1500}", subject=f"x{n % 1500}", seq=None))
                self.assertEqual(reply["code"], "limit")
            took = time.monotonic() - t0
            self.assertEqual(daemon.stop(), 0)
            texts = daemon.alerts("limit")
            self.assertEqual(count(texts), 3004)
            self.assertLess(len(texts), 100 * (took + 3) + 20)


if __name__ == "__main__":
    unittest.main()

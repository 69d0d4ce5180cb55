"""Resident memory with one rig: at most 32 MiB, and its floor is flat once SQLite's page cache has its
size. The floor, because a loaded machine lets messages queue in libzmq for a while."""
import os
import random
import unittest

import msgpack

import skips
from daemon import SANITIZED, Daemon, random_trial

TRIALS = int(os.environ.get("TRIALS", 200000))
AHEAD = 200  # trials on their way
MOST_KIB = 32 * 1024
SAMPLES = 100
GROWTH_KIB = 1024


class Memory(unittest.TestCase):
    def test_stays_flat(self):
        draw = random.Random(1)
        with Daemon() as daemon:
            asker = daemon.asker()
            kib = []
            for n in range(TRIALS + AHEAD):
                if n < TRIALS:
                    message = random_trial(draw, n % 1000, session=f"s{n // 1000}")
                    asker.send(msgpack.packb(message))
                if n >= AHEAD:
                    reply = asker.receive()
                    if n % (TRIALS // SAMPLES) == 0:
                        kib.append(daemon.rss_kib())
            kib.append(daemon.rss_kib())
            self.assertEqual(reply["for_trial"], (TRIALS - 1) % 1000 + 1)
            daemon.settle()
            self.assertEqual(daemon.query("SELECT count(*) FROM trial"), [(TRIALS,)])
        fifth = len(kib) // 5
        floors = [min(kib[i * fifth : (i + 1) * fifth]) for i in range(5)]
        print(f"resident KiB over {TRIALS} trials: at most {max(kib)}, floor of each fifth {floors}")
        if SANITIZED:
            self.skipTest("a sanitizer's memory is its own")
        self.assertLess(max(kib), MOST_KIB)
        self.assertLess(floors[4] - floors[2], GROWTH_KIB)


if __name__ == "__main__":
    skips.main()

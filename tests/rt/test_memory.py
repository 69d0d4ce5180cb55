"""Resident memory with one rig: at most 32 MiB, and flat in the second half of the trials, when
SQLite's page cache has its size."""
import os
import random
import unittest

import msgpack

from daemon import SANITIZED, Daemon, random_trial

TRIALS = int(os.environ.get("TRIALS", 100000))
AHEAD = 200  # trials on their way
MOST_KIB = 32 * 1024
GROWTH_KIB = 512


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
                    if n % (TRIALS // 10) == 0:
                        kib.append(daemon.rss_kib())
            kib.append(daemon.rss_kib())
            self.assertEqual(reply["for_trial"], (TRIALS - 1) % 1000 + 1)
            daemon.settle()
            self.assertEqual(daemon.query("SELECT count(*) FROM trial"), [(TRIALS,)])
        print(f"resident KiB over {TRIALS} trials:", kib)
        if SANITIZED:
            print("skipped: a sanitizer's memory is its own")
            return
        self.assertLess(max(kib), MOST_KIB)
        self.assertLess(max(kib) - kib[len(kib) // 2], GROWTH_KIB)


if __name__ == "__main__":
    unittest.main()

"""The score in the open: what predictions, the status and the journal say of it is what follows from
the predictions that were given before each choice."""
import math
import random
import sqlite3
import unittest

from daemon import Daemon, random_trial

RATES = 2  # of each bin of choices


def expected(rows):
    """rows: p_right, choice, nats, baseline_nats, covered, bin_error, bin_claimed of choices."""
    n = len(rows)
    bins = [[0, 0.0, 0.0] for _ in range(10)]
    for p, choice, *_ in rows:
        b = bins[min(int(10 * p), 9)]
        b[0] += 1
        b[1] += p
        b[2] += choice
    closed = [r[4:] for r in rows if r[4] is not None]
    score = {"n": n, "nats": sum(r[2] for r in rows) / n,
             "baseline_nats": sum(r[3] for r in rows) / n,
             "brier": sum((r[0] - r[1]) ** 2 for r in rows) / n,
             "ece": sum(abs(b[2] - b[1]) for b in bins) / n, "coverage_bins": RATES * len(closed)}
    if closed:
        score["coverage"] = sum(c for c, _, _ in closed) / (RATES * len(closed))
        score["interval_ratio"] = math.sqrt(max(sum(e for _, e, _ in closed), 0)
                                            / sum(c for _, _, c in closed))
    reliability = {"n": [b[0] for b in bins],
                   "p_right": [b[1] / b[0] if b[0] else 0 for b in bins],
                   "chose_right": [b[2] / b[0] if b[0] else 0 for b in bins]}
    return score, reliability


class Score(unittest.TestCase):
    def same(self, found, wanted):
        self.assertEqual(set(found), set(wanted))
        for key, value in wanted.items():
            for a, b in zip(*([x] if not isinstance(x, list) else x for x in (found[key], value))):
                self.assertAlmostEqual(a, b, places=9, msg=key)

    def rows(self, daemon, where="1", *values):
        return daemon.query("SELECT p_right, choice, nats, baseline_nats, covered, bin_error,"
                            " bin_claimed FROM event JOIN subject ON subject.id = event.subject"
                            " JOIN session ON session.id = event.session WHERE choice IS NOT NULL"
                            f" AND p_right IS NOT NULL AND {where} ORDER BY event.id", *values)

    def test_is_what_follows_from_the_rows(self):
        seed = random.randrange(2**32)
        print("seed", seed)
        draw = random.Random(seed)
        with Daemon() as daemon:
            asker = daemon.asker()
            last = {}
            for session in ("s1", "s2"):
                for t in range(220):
                    for subject in ("m1", "m2"):
                        reply = asker.ask(**random_trial(draw, t, subject=subject, session=session,
                                                         rig=f"rig-{subject}"))
                        self.assertEqual(reply["kind"], "prediction", reply)
                        last[subject] = reply
            status = daemon.settle()
            for subject, reply in last.items():
                score, reliability = expected(self.rows(daemon, "subject.name = ?", subject))
                self.assertGreater(score["coverage_bins"], 10)
                self.same(reply["score"], score)
                self.same(reply["reliability"], reliability)
                of_session, _ = expected(self.rows(
                    daemon, "subject.name = ? AND session.name = 's2'", subject))
                self.same(reply["session_score"], of_session)
            score, reliability = expected(self.rows(daemon))
            self.same(status["score"], score)
            self.same(status["reliability"], reliability)
            self.check_predictions(daemon, last)
            self.check_view(daemon)

    def check_predictions(self, daemon, last):
        db = sqlite3.connect(daemon.journal)
        db.row_factory = sqlite3.Row
        for subject, reply in last.items():
            row = db.execute("SELECT prediction.* FROM prediction JOIN subject"
                             " ON subject.id = prediction.subject WHERE name = ?"
                             " ORDER BY event DESC LIMIT 1", (subject,)).fetchone()
            for prefix, said in (("", reply["score"]), ("session_", reply["session_score"])):
                for key in ("n", "nats", "baseline_nats", "brier", "ece", "coverage",
                            "interval_ratio"):
                    self.assertEqual(row[prefix + key], said[key], prefix + key)
        db.close()

    def check_view(self, daemon):
        for subject in ("m1", "m2"):
            for session in ("s1", "s2"):
                _, wanted = expected(self.rows(
                    daemon, "subject.name = ? AND session.name = ?", subject, session))
                found = daemon.query("SELECT bin, n, p_right, chose_right FROM reliability WHERE"
                                     " subject = ? AND session = ?", subject, session)
                self.assertEqual(sum(n for _, n, _, _ in found), sum(wanted["n"]))
                for at, n, p_right, chose_right in found:
                    self.assertEqual(n, wanted["n"][at])
                    self.assertAlmostEqual(p_right, wanted["p_right"][at], places=9)
                    self.assertAlmostEqual(chose_right, wanted["chose_right"][at], places=9)


if __name__ == "__main__":
    unittest.main()

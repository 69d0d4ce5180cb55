"""murid review: what it says of a journal that a real daemon wrote, against what is computed here from
what was sent, from the daemon's replies and from the journal's rows."""
import contextlib
import io
import json
import math
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest

from daemon import MURID, Daemon, random_trial

STIMULI = [-1.0, -0.5, -0.25, -0.125, 0.0, 0.125, 0.25, 0.5, 1.0]
TRIALS = 200
LATE = 60      # comes after its successor
MISSING = 120  # never comes
TOO_LATE = 20  # comes when its gap was given up


def review(*words):
    return subprocess.run([MURID, "review", *words], capture_output=True, text=True, timeout=120)


def review_json(*words):
    done = review(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def nats(p_right, choice):
    return -math.log(p_right if choice == 1 else 1 - p_right)


def expected_scores(rows):
    """rows of the view trial with a choice and a prediction: p_right, choice, nats, baseline_nats."""
    n = len(rows)
    bins = [[0, 0.0, 0.0] for _ in range(10)]
    for p, choice, _, _ in rows:
        b = bins[min(int(10 * p), 9)]
        b[0] += 1
        b[1] += p
        b[2] += choice
    return {"scored": n, "nats": sum(r[2] for r in rows) / n,
            "baseline_nats": sum(r[3] for r in rows) / n,
            "gain": sum(r[3] - r[2] for r in rows) / n,
            "brier": sum((p - c) ** 2 for p, c, _, _ in rows) / n,
            "ece": sum(abs(b[2] - b[1]) for b in bins) / n}


class Review(unittest.TestCase):
    """One journal for all tests: two animals; one of them with a late trial, a gap, a trial that comes
    too late, a duplicate, a conflict and a message that is none."""

    @classmethod
    def setUpClass(cls):
        cls.seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 30)))
        print(f"SEED={cls.seed}")
        cls.draw = random.Random(cls.seed)
        cls.daemon = Daemon(config={"model": {"policy": "stimulus,bias"}}).start()
        cls.asker = cls.daemon.asker()
        cls.sent = {}
        cls.predicted = {}  # p(right) of each trial as it stood before the trial was sent
        cls.play("m1", "s1")
        cls.play("m1", "s2", n=50, plain=True)
        cls.play("m2", "s1", n=80, plain=True)
        cls.daemon.settle()
        cls.found = review_json(cls.daemon.data)

    @classmethod
    def tearDownClass(cls):
        cls.asker.close()
        cls.daemon.stop()
        cls.daemon.close()

    @classmethod
    def play(cls, subject, session, n=TRIALS, plain=False):
        names = {"rig": "rig1", "subject": subject, "session": session}
        reply = cls.asker.ask(kind="session_start", stimuli=STIMULI, **names)
        held = {}
        for number in range(n):
            trial = random_trial(cls.draw, number, seq=None, **names)
            if trial.get("reward") is None and number % 2:
                trial.pop("side", None)
            if not plain and number in (LATE, MISSING, TOO_LATE):
                held[number] = trial
                continue
            cls.sent[subject, session, number] = trial
            cls.predicted[subject, session, number] = dict(zip(reply["stimuli"], reply["p_right"]))
            reply = cls.asker.ask(**trial)
            assert reply["kind"] == "prediction", reply
            late = {LATE + 3: LATE, TOO_LATE + 70: TOO_LATE}.get(number)
            if late in held:
                cls.sent[subject, session, late] = held.pop(late)
                answer = cls.asker.ask(**cls.sent[subject, session, late])
                reply = answer if answer["kind"] == "prediction" else reply
            if not plain and number == 100:
                assert cls.asker.ask(**trial)["kind"] == "prediction"
                other = dict(trial, stimulus=-0.5 if trial["stimulus"] != -0.5 else 0.5)
                assert cls.asker.ask(**other)["code"] == "conflict"
                assert cls.asker.raw(b"\xdd\x04\x00\x00\x00")["code"] == "bad_message"
        cls.asker.ask(kind="session_end", **names)

    def rows(self, sql, *values):
        return self.daemon.query(sql, *values)

    def session(self, subject, name):
        return next(s for s in self.found["sessions"]
                    if (s["subject"], s["session"]) == (subject, name))

    def test_the_sessions_are_those_that_were_played(self):
        self.assertEqual([(s["subject"], s["session"], s["rig"]) for s in self.found["sessions"]],
                         [("m1", "s1", "rig1"), ("m1", "s2", "rig1"), ("m2", "s1", "rig1")])
        for s in self.found["sessions"]:
            self.assertLess(abs(s["start_wall_ns"] / 1e9 - time.time()), 600)
            local = time.strptime(s["start"], "%Y-%m-%dT%H:%M:%S%z")
            self.assertEqual(time.mktime(local[:8] + (-1,)), s["start_wall_ns"] // 10**9)

    def test_trials_are_counted_as_they_were_sent(self):
        for (subject, name) in (("m1", "s1"), ("m1", "s2"), ("m2", "s1")):
            found = self.session(subject, name)
            sent = [t for k, t in self.sent.items() if k[:2] == (subject, name)]
            self.assertEqual(found["trials"], len(sent))
            self.assertEqual(found["no_gos"], sum(t["choice"] is None for t in sent))
        first = self.session("m1", "s1")
        self.assertEqual((first["trials"], first["healed"], first["late"], first["missing"]),
                         (TRIALS - 1, 1, 1, 1))
        self.assertEqual(self.found["total"]["trials"], len(self.sent))
        self.assertEqual((self.found["refused"], self.found["conflicts"]), (1, 1))

    def test_accuracy_is_that_of_what_was_sent(self):
        for s in self.found["sessions"]:
            judged = []
            for (subject, name, _), t in self.sent.items():
                if (subject, name) != (s["subject"], s["session"]) or t["choice"] is None:
                    continue
                if "reward" in t:
                    judged.append(t["reward"])
                elif "side" in t:
                    judged.append(int(t["choice"] == t["side"]))
                elif t["stimulus"] != 0:
                    judged.append(int((t["stimulus"] > 0) == (t["choice"] == 1)))
            self.assertAlmostEqual(s["accuracy"], sum(judged) / len(judged), places=9)

    def test_scores_are_of_the_predictions_that_were_given_before_the_choice(self):
        total = 0.0
        n = 0
        for (subject, name, number), t in self.sent.items():
            if t["choice"] is None or (name, number) in (("s1", LATE), ("s1", TOO_LATE)) and subject == "m1":
                continue
            p = self.predicted[subject, name, number][t["stimulus"]]
            total += nats(p, t["choice"])
            n += 1
        healed, = self.rows("SELECT p_right, choice, nats FROM trial WHERE status = 'healed'")
        if healed[1] is not None:
            self.assertAlmostEqual(nats(healed[0], healed[1]), healed[2], places=12)
            total += healed[2]
            n += 1
        self.assertEqual(self.found["total"]["scored"], n)
        self.assertAlmostEqual(self.found["total"]["nats"], total / n, places=9)

    def test_scores_agree_with_the_rows(self):
        sql = ("SELECT p_right, choice, nats, baseline_nats FROM trial WHERE choice IS NOT NULL"
               " AND p_right IS NOT NULL AND subject GLOB ? AND session GLOB ?")
        found = [((s["subject"], s["session"]), s) for s in self.found["sessions"]]
        found += [((name, "*"), s) for name, s in self.found["subjects"].items()]
        found += [(("*", "*"), self.found["total"])]
        for where, s in found:
            for key, value in expected_scores(self.rows(sql, *where)).items():
                self.assertAlmostEqual(s[key], value, places=9, msg=(where, key))
            closed = self.rows("SELECT covered FROM event JOIN subject ON subject.id = event.subject"
                               " JOIN session ON session.id = event.session WHERE covered IS NOT NULL"
                               " AND subject.name GLOB ? AND session.name GLOB ?", *where)
            self.assertEqual(s["coverage_bins"], 2 * len(closed))
            if closed:
                self.assertAlmostEqual(s["coverage"], sum(c for c, in closed) / (2 * len(closed)))

    def test_the_interval_is_around_the_gain(self):
        total = self.found["total"]
        self.assertNotEqual(total["gain"], 0)  # the twin has fewer features than the random walk
        self.assertLessEqual(total["gain_lo"], total["gain"])
        self.assertGreaterEqual(total["gain_hi"], total["gain"])
        self.assertIsNone(self.found["subjects"]["m2"]["gain_lo"])  # one session has no spread

    def test_latencies_are_those_of_the_predictions_after_trials(self):
        us = sorted(u for u, in self.rows(
            "SELECT decode_us + assimilate_us + predict_us FROM prediction JOIN event"
            " ON event.id = prediction.event WHERE event.kind = 'trial'"))
        total = self.found["total"]
        self.assertLess(abs(math.log(total["us_p50"] / us[len(us) // 2])), 0.1)
        self.assertLessEqual(us[int(0.98 * len(us)) - 1] / 1.05, total["us_p99"])
        self.assertLessEqual(total["us_p99"], us[-1] * 1.05)

    def test_alerts_are_those_of_the_journal(self):
        codes = dict(self.rows("SELECT code, count(*) FROM alert GROUP BY code"))
        self.assertEqual(self.found["total"]["alerts"], codes)
        self.assertIn("gap", codes)
        about = dict(self.rows("SELECT code, count(*) FROM alert WHERE subject = 'm1' GROUP BY code"))
        self.assertEqual(self.found["subjects"]["m1"]["alerts"], about)
        latest = self.rows("SELECT code, text FROM alert ORDER BY id DESC LIMIT 5")
        self.assertEqual([(a["code"], a["text"]) for a in self.found["latest_alerts"]], latest[::-1])

    def test_one_animal_can_be_asked_for(self):
        found = review_json(self.daemon.journal, "--subject", "m2")
        self.assertEqual(list(found["subjects"]), ["m2"])
        self.assertEqual(found["subjects"]["m2"], self.found["subjects"]["m2"])
        done = review(self.daemon.journal, "--subject", "m9")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no subject m9", done.stderr)

    def test_the_text_says_the_same(self):
        done = review(self.daemon.data)
        self.assertEqual(done.returncode, 0, done.stderr)
        line = next(l for l in done.stdout.splitlines() if l.startswith("all "))
        total = self.found["total"]
        self.assertEqual(line.split()[1:9],
                         [str(total["sessions"]), str(total["trials"]), str(total["no_gos"]),
                          str(total["missing"]), f"{total['accuracy']:.3f}", f"{total['nats']:.4f}",
                          f"{total['baseline_nats']:.4f}", f"{total['gain']:+.4f}"])

    def test_the_page_stands_alone(self):
        directory = tempfile.mkdtemp(prefix="murid-test-")
        self.addCleanup(shutil.rmtree, directory)
        path = os.path.join(directory, "page.html")
        done = review(self.daemon.data, "--html", path, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        animals = json.loads(done.stdout)["subjects"].values()
        with open(path, encoding="utf-8") as f:
            page = f.read()
        self.assertEqual(os.listdir(directory), ["page.html"])
        # Five of each animal, one more where there is a forecast by now.
        self.assertEqual(page.count("<svg"), sum(5 + (a["forecast_held"] is not None)
                                                 for a in animals))
        self.assertEqual(page.count("<svg"), page.count("</svg>"))
        for word in ("<script", "http:", "https:", "url(", "nan", "inf "):
            self.assertNotIn(word, page)
        done = review(self.daemon.data, "--html", os.path.join(directory, "no", "page.html"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("no/page.html: cannot be written", done.stderr)

    def example(self, language):
        """The code of docs/journal.md, with the path of this journal."""
        source = os.environ["MURID_SOURCE_DIR"]
        with open(os.path.join(source, "docs", "journal.md"), encoding="utf-8") as f:
            blocks = f.read().split(f"```{language}\n")[1:]
        return [b.split("```")[0].replace("murid-data/journal.sqlite", self.daemon.journal)
                for b in blocks]

    def test_the_examples_of_the_documentation_work(self):
        query, by_animal = self.example("sql")
        counts = {row[:2]: row[2] for row in self.rows(query)}
        self.assertEqual(counts, {(s["subject"], s["session"]): s["trials"]
                                  for s in self.found["sessions"]})
        for subject, mean, coverage in self.rows(by_animal):
            said = self.found["subjects"][subject]
            self.assertAlmostEqual(mean, said["nats"], places=9)
            self.assertEqual(coverage is None, said["coverage"] is None)
        names = {}
        code, = self.example("python")
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, names)
        self.assertEqual(len(names["trials"]), len(self.sent))
        self.assertEqual(list(names["stimuli"]), STIMULI)
        self.assertEqual(len(names["weights"][-1]), 2)
        names["db"].close()
        table = next(b for b in self.example("sh") if "trials.csv" in b)
        query = table.split('"')[1]
        rows = self.rows(query)
        self.assertEqual(rows, sorted(rows, key=lambda r: r[:3]))
        self.assertEqual(len(rows), len(self.sent))

    def test_a_journal_cut_off_by_a_crash_is_read_and_left_as_it_was(self):
        directory = tempfile.mkdtemp(prefix="murid-test-")
        self.addCleanup(shutil.rmtree, directory)
        for end in ("", "-wal"):
            shutil.copy(self.daemon.journal + end, os.path.join(directory, "journal.sqlite" + end))
        before = self.contents(directory)
        self.assertGreater(len(before["journal.sqlite-wal"]), 0)
        self.assertEqual(review_json(directory)["sessions"], self.found["sessions"])
        after = self.contents(directory)
        for name, content in before.items():
            self.assertEqual(after[name], content, name)

    @staticmethod
    def contents(directory):
        found = {}
        for name in os.listdir(directory):
            with open(os.path.join(directory, name), "rb") as f:
                found[name] = f.read()
        return found

    def test_what_is_not_a_journal_is_refused_with_its_name(self):
        directory = tempfile.mkdtemp(prefix="murid-test-")
        self.addCleanup(shutil.rmtree, directory)
        path = os.path.join(directory, "journal.sqlite")
        self.check_refused(directory, "there is no journal of murid")
        self.check_refused(os.path.join(directory, "none"), "expected a journal")
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE event (id)")
        db.execute("PRAGMA user_version = 4")
        db.commit()
        self.check_refused(directory, "not a journal of murid: 1 of its 12 tables exist")
        db.execute("PRAGMA user_version = 7")
        db.close()
        self.check_refused(path, "has schema 7, this murid uses 4")
        draw = random.Random(self.seed)
        with open(self.daemon.journal, "rb") as f:
            whole = f.read()
        for _ in range(40):  # bytes at random places: an error or an answer, never a crash
            damaged = bytearray(whole)
            for _ in range(50):
                struct.pack_into("B", damaged, draw.randrange(100, len(damaged)), draw.randrange(256))
            with open(path, "wb") as f:
                f.write(damaged)
            done = review(path, "--json", "--html", os.path.join(directory, "page.html"))
            self.assertIn(done.returncode, (0, 1, 2), done.stderr)
            if done.returncode:
                self.assertTrue(done.stderr.startswith(f"murid: {path}"), done.stderr)

    def test_what_is_damaged_cannot_steer_a_terminal(self):
        directory = tempfile.mkdtemp(prefix="murid-test-")
        self.addCleanup(shutil.rmtree, directory)
        steering = b"\x1b]0;owned\x07 \x9b2J \xc2\x9b2J \xff\xfe\r\n".hex()
        as_text = f"CAST(x'{steering}' AS TEXT)"
        for change, commands in (
                (f"UPDATE event SET status = {as_text} WHERE id = 5", ("replay", "review")),
                (f"UPDATE run SET model = {as_text}", ("replay",)),
                (f"UPDATE run SET config = {as_text}", ("replay", "review")),
                (f"UPDATE subject SET name = {as_text} WHERE id = 0", ("replay", "review")),
                (f"UPDATE alert SET text = {as_text}", ("replay", "review")),
                (f"UPDATE alert SET code = {as_text}", ("review",)),
                (f"UPDATE event SET source = {as_text}, rig = {as_text}", ("replay", "review"))):
            path = os.path.join(directory, f"{len(os.listdir(directory))}.sqlite")
            db = sqlite3.connect(path)
            with sqlite3.connect(self.daemon.journal) as whole:
                whole.backup(db)
            whole.close()
            db.execute(change)
            db.commit()
            db.close()
            for command in commands:
                done = subprocess.run([MURID, command, path], capture_output=True, timeout=300)
                said = done.stdout + done.stderr
                self.assertIn(done.returncode, (0, 1, 2), (change, said))
                text = said.decode()  # all of it is UTF-8
                strange = [c for c in text if ord(c) < 0x20 and c != "\n" or 0x7f <= ord(c) < 0xa0]
                self.assertEqual(strange, [], (change, command, text))
        path = os.path.join(directory, "a\x1b[2Jb")
        done = subprocess.run([MURID, "review", path], capture_output=True, timeout=300)
        self.assertEqual(done.stderr.count(b"\x1b"), 0, done.stderr)

    def check_refused(self, path, text):
        done = review(path)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()

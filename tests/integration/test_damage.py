"""A journal that is not what was written is not gone on from: the daemon says which row is damaged and
what to do, or passes a damaged state over and hears the events again; it never crashes, never says
that something is on disk which is not, and never adds a row to what it refuses."""
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import time
import unittest

import msgpack

import chains
from daemon import MURID, Daemon, random_trial, subject_state_offset, trial

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
TABLES = ("run", "model", "subject", "session", "event", "prediction", "alert", "checkpoint",
          "forecast", "suggestion", "adaptation", "head")
CHAINED = tuple(chains.COLUMNS)
READY_S = 60


def flip(blob):
    """Another value of the same type and length."""
    if blob is None:
        return b"none"
    if isinstance(blob, int):
        return blob + 1
    if isinstance(blob, float):
        return blob + 1.0
    if isinstance(blob, str):
        return ("b" if blob[:1] == "a" else "a") + blob[1:]
    at = len(blob) // 2
    return blob[:at] + bytes([blob[at] ^ 0x55]) + blob[at + 1:] if blob else b"x"


def make_model(path):
    done = subprocess.run([MURID, "model", "--new", "--rule", "reinforce", "-o", path],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Damage(unittest.TestCase):
    """Journals with a row in each table, copied and hurt."""

    @classmethod
    def setUpClass(cls):
        print(f"SEED={SEED}")
        cls.draw = draw = random.Random(SEED)
        cls.whole = Daemon({"adaptation": {"rules": True, "every_trials": 50, "window_trials": 400}})
        cls.addClassCleanup(cls.whole.close)
        cls.model = os.path.join(cls.whole.directory, "model.safetensors")
        make_model(cls.model)
        cls.whole.settings["model"] = {"file": cls.model}
        cls.whole.write_config()
        cls.n = 330
        with_names = dict(subject="m1", session="s1")
        cls.whole.start()
        asker = cls.whole.asker()
        for n in range(cls.n):
            asker.ask(**random_trial(draw, n, **with_names))
        cls.wait_adaptation()
        asker.ask(**trial(cls.n + 9, **with_names))  # a gap: an alert
        asker.ask(**trial(0, subject="m2", session="s2"))
        cls.whole.settle()
        assert cls.whole.stop() == 0, cls.whole.log()

    @classmethod
    def wait_adaptation(cls):
        deadline = time.monotonic() + 60
        while not cls.whole.query("SELECT 1 FROM adaptation"):
            assert time.monotonic() < deadline, "no adaptation came"
            time.sleep(0.1)

    def copy(self, of=None):
        """A daemon over a copy of the journal."""
        daemon = Daemon({k: v for k, v in self.whole.settings.items()
                         if k not in ("data", "sockets")})
        self.addCleanup(daemon.close)
        shutil.copytree((of or self.whole).data, daemon.data)
        return daemon

    def change(self, daemon, sql, *values, seal=None):
        db = sqlite3.connect(daemon.journal)
        done = db.execute(sql, values).rowcount
        if seal:
            chains.seal(db, seal)
        db.commit()
        db.close()
        self.assertGreater(done, 0, sql)

    def counts(self, daemon):
        return {t: daemon.query(f"SELECT count(*) FROM {t}")[0][0] for t in TABLES}

    def refused(self, daemon, *texts, code=1):
        """It does not start, says so in one line, and leaves the journal's rows as they are."""
        daemon.launch()
        try:
            got = daemon.process.wait(READY_S)
        except subprocess.TimeoutExpired:
            daemon.stop()
            self.fail("started\n" + daemon.log())
        daemon.process = None
        said = daemon.log(daemon.mark)
        self.assertEqual(got, code, said)
        last = said.splitlines()[-1]
        self.assertRegex(last, r"^murid: ")
        self.assertNotIn("Sanitizer", said)
        for text in texts:
            self.assertIn(text, last)

    def check(self, daemon, code):
        done = subprocess.run([MURID, "check", daemon.data], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_a_journal_as_it_was_written_is_found_so(self):
        said = self.check(self.whole, 0)
        for table in CHAINED:
            n, = self.whole.query(f"SELECT count(*) FROM {table}")[0]
            self.assertGreater(n, 0, table)
            self.assertIn(f"{table}: {n} rows, intact\n", said)
        with self.copy() as daemon:
            daemon.asker().ask(**trial(200, subject="m1", session="s1"))
            daemon.settle()
            self.assertIn("event: ", self.check(daemon, 0))  # while it runs

    def test_every_row_has_the_checksum_that_the_documentation_says(self):
        db = sqlite3.connect(self.whole.journal)
        for table in CHAINED:
            seed = bytes(16)
            for values, chain in chains.rows(db, table):
                seed = chains.checksum(values, seed)
                self.assertEqual(chain, seed, (table, values[0]))
            last = db.execute("SELECT last, chain FROM head WHERE name = ?", (table,)).fetchone()
            self.assertEqual(last, chains.head(db, table), table)
        for *row, checksum in db.execute("SELECT * FROM checkpoint"):
            self.assertEqual(checksum, chains.checksum(row))
        for *row, checksum in db.execute("SELECT id, state, state_checksum FROM session"):
            self.assertEqual(checksum, chains.checksum(row))
        db.close()

    def test_a_damaged_row_of_any_table_is_named_or_passed_over(self):
        for table in CHAINED:
            key = chains.KEY.get(table, "id")
            row = self.draw.choice(self.whole.query(f"SELECT {key} FROM {table}"))[0]
            names = [c[1] for c in self.whole.query(f"PRAGMA table_info({table})")]
            column = self.draw.choice([c for c in names if c not in
                                       (key, "state", "state_checksum")])
            with self.subTest(table=table, column=column, row=row):
                daemon = self.copy()
                old, = daemon.query(f"SELECT {column} FROM {table} WHERE {key} = ?", row)[0]
                self.change(daemon, f"UPDATE {table} SET {column} = ? WHERE {key} = ?", flip(old),
                            row)
                before = self.counts(daemon)
                for _ in range(2):
                    self.refused(daemon, daemon.journal, f"table {table}, row {row} ",
                                 "set another data.directory")
                self.assertEqual(self.counts(daemon), before)
                self.assertIn(f"the first is row {row}", self.check(daemon, 1))

    def test_a_row_taken_out_or_put_in_is_found(self):
        for table in CHAINED:
            key = chains.KEY.get(table, "id")
            keys = [k for k, in self.whole.query(f"SELECT {key} FROM {table} ORDER BY 1")]
            with self.subTest(table=table, what="the last is gone"):
                daemon = self.copy()
                self.change(daemon, f"DELETE FROM {table} WHERE {key} = ?", keys[-1])
                self.refused(daemon, f"table {table}, row {keys[-1]} is gone")
                self.check(daemon, 1)
            if len(keys) > 2:
                with self.subTest(table=table, what="one in the middle is gone"):
                    daemon = self.copy()
                    at = self.draw.randrange(len(keys) - 1)
                    self.change(daemon, f"DELETE FROM {table} WHERE {key} = ?", keys[at])
                    self.refused(daemon, f"table {table}, row {keys[at + 1]} ")
            with self.subTest(table=table, what="one more"):
                daemon = self.copy()
                db = sqlite3.connect(daemon.journal)
                db.execute(f"CREATE TEMP TABLE more AS SELECT * FROM {table}"
                           f" WHERE {key} = {keys[-1]}")
                db.execute(f"UPDATE more SET {key} = {key} + 1")
                if table in ("subject", "session"):
                    db.execute("UPDATE more SET name = 'more'")
                db.execute(f"INSERT INTO {table} SELECT * FROM more")
                db.commit()
                db.close()
                self.refused(daemon, f"table {table}, row {keys[-1] + 1} ")
        daemon = self.copy()
        self.change(daemon, "DELETE FROM head WHERE name = 'event'")
        self.refused(daemon, "table event", "head")

    def test_a_model_that_is_not_the_file_of_its_hash_is_named(self):
        daemon = self.copy()
        (blob, ), = daemon.query("SELECT file FROM model")
        self.change(daemon, "UPDATE model SET file = ?", blob[:-3] + b"\0\0\0")
        before = self.counts(daemon)
        self.refused(daemon, "table model, row ", code=2)
        self.assertEqual(self.counts(daemon), before)
        self.assertIn("is not the file of that hash", self.check(daemon, 1))

    def test_a_sealed_row_that_murid_never_writes_is_no_crash(self):
        """Checksums that are right do not make contents right: each is looked at before it is used."""
        for table, changes in {
                "adaptation": ("parameters = x'00'", "what = 'invented'", "subject = 7",
                               "based_on = event + 1"),
                "event": ("raw = x'00'", "raw = x''", "source = 'nowhere'", "subject = 9"),
                "subject": ("name = 'a b'", "name = 'mx'"),
                "session": ("name = 'a b'", "rig = ''", "subject = 1"),
                "run": ("config = '-'", "model = 'none'", "first_event = 70")}.items():
            for what in changes:
                with self.subTest(table=table, what=what):
                    daemon = self.copy()
                    rows = daemon.query(f"SELECT min(id) FROM {table}")[0][0]
                    if table == "session" and what == "subject = 1":
                        self.change(daemon, "DELETE FROM checkpoint")
                    self.change(daemon, f"UPDATE {table} SET {what} WHERE id = ?", rows, seal=table)
                    before = self.counts(daemon)
                    daemon.launch()
                    try:
                        daemon.wait_ready()
                    except AssertionError:
                        self.assertIn(daemon.process.wait(READY_S), (1, 2), daemon.log())
                        daemon.process = None
                        self.assertRegex(daemon.log().splitlines()[-1], "^murid: .*journal.sqlite")
                        self.assertEqual(self.counts(daemon), before)
                        continue
                    self.assertEqual(daemon.asker().ask(**trial(5, subject="new"))["kind"],
                                     "prediction")
                    self.assertEqual(daemon.stop(), 0)

    def test_a_resume_that_fails_keeps_nothing_and_adds_no_run(self):
        daemon = self.copy()
        self.change(daemon, "DELETE FROM checkpoint")
        self.change(daemon, "UPDATE session SET state = NULL, state_checksum = NULL")
        self.change(daemon, "UPDATE adaptation SET parameters = x'00', what = 'taken'"
                    " WHERE id = (SELECT max(id) FROM adaptation)", seal="adaptation")
        before = self.counts(daemon)
        for _ in range(3):
            self.refused(daemon, "table adaptation, row ", "damaged", code=2)
        self.assertEqual(self.counts(daemon), before)

    def test_a_start_that_fails_later_adds_no_run_either(self):
        daemon = self.copy()
        before = self.counts(daemon)
        with Daemon() as other:
            daemon.settings["sockets"]["ask"] = other.endpoint["ask"]
            daemon.write_config()
            self.refused(daemon, "sockets.ask")
        self.assertEqual(self.counts(daemon), before)

    def test_a_journal_cut_off_is_refused(self):
        size = os.path.getsize(self.whole.journal)
        for to in (size // 2, size - 4096, size - 100, 8192):
            daemon = self.copy()
            os.truncate(daemon.journal, to)
            self.refused(daemon, daemon.journal)
            self.assertIn("murid: ", self.check_any(daemon))

    def check_any(self, daemon):
        done = subprocess.run([MURID, "check", daemon.data], capture_output=True, text=True)
        self.assertIn(done.returncode, (1, 2), done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_a_zeroed_page_is_never_passed_over_in_silence(self):
        pages = os.path.getsize(self.whole.journal) // 4096
        told = [n - 1 for n, in self.whole.query("SELECT pageno FROM dbstat WHERE name = 'forecast'"
                                                 " AND pagetype = 'overflow'")]
        drawn = self.draw.sample(range(1, pages), min(12, pages - 1))
        for page in sorted({*drawn, *told[:1]}):
            daemon = self.copy()
            with open(daemon.journal, "r+b") as f:
                f.seek(4096 * page)
                if f.read(4096) == bytes(4096):
                    continue
                f.seek(4096 * page)
                f.write(bytes(4096))
            with self.subTest(page=page):
                before = self.counts_or_none(daemon)
                daemon.launch()
                try:  # contents of a state do not matter, its events do
                    daemon.wait_ready()
                    self.assertIn("damaged and skipped", daemon.log())
                    self.assertEqual(daemon.stop(), 0)
                except AssertionError:
                    self.assertIn(daemon.process.wait(READY_S), (1, 2), daemon.log())
                    daemon.process = None
                    self.assertRegex(daemon.log().splitlines()[-1], "^murid: .*journal.sqlite")
                    self.assertIn("murid: ", self.check_any(daemon))
                    self.assertEqual(self.counts_or_none(daemon), before)

    def counts_or_none(self, daemon):
        try:
            return self.counts(daemon)
        except sqlite3.DatabaseError:
            return None

    def test_a_journal_cut_off_after_a_kill_is_refused_too(self):
        daemon = self.copy()
        daemon.start()
        asker = daemon.asker()
        for n in range(30):
            asker.ask(**trial(n, subject="m3"))
        daemon.settle()
        daemon.kill()
        self.assertGreater(os.path.getsize(daemon.journal + "-wal"), 0)
        other = self.copy(daemon)
        other.start()
        self.assertEqual(other.stop(), 0)
        os.truncate(daemon.journal, os.path.getsize(daemon.journal) // 2)
        self.refused(daemon, daemon.journal)

    def test_a_start_reads_a_bounded_part_and_all_that_it_hears_again(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        asker = daemon.asker()
        for first in range(0, 20300, 100):
            for n in range(first, first + 100):
                asker.send(msgpack.packb(trial(n, subject="m1")))
            for _ in range(100):
                self.assertEqual(asker.receive()["kind"], "prediction")
        self.assertEqual(daemon.stop(), 0)
        self.change(daemon, "UPDATE event SET raw = x'01' WHERE id = 5")
        self.assertIn("the first is row 5", self.check(daemon, 1))
        daemon.start()
        self.assertEqual(daemon.stop(), 0)
        self.change(daemon, "UPDATE checkpoint SET state = x'01'")
        self.refused(daemon, "table event, row 5 ")

    # ---- states ----

    def score(self, daemon, **keys):
        reply = daemon.asker().ask(kind="hello", rig="rig1", subject="m1", session="s1", **keys)
        return reply["durable_seq"]

    def assert_goes_on(self, daemon, passed_over):
        """It starts, warns of what it passes over, and stands where the whole one does."""
        with self.copy() as whole, daemon:
            warned = "damaged and skipped" in daemon.log(daemon.mark)
            self.assertEqual(warned, passed_over, daemon.log(daemon.mark))
            replies = [d.asker().ask(**trial(self.n + 10, session="s1", subject="m1"))
                       for d in (whole, daemon)]
            for reply in replies:
                for key in ("t_wall_ns", "t_mono_ns", "stage_us", "durable_seq"):
                    reply.pop(key, None)
            self.assertEqual(replies[0], replies[1])
            self.assertEqual(replies[0]["kind"], "prediction")
            for d in (whole, daemon):
                again = d.asker().ask(**trial(self.n + 10, session="s1", subject="m1"))
                self.assertEqual(again["kind"], "prediction")
                self.assertEqual(d.status()["duplicates"], 1)

    def test_a_damaged_state_of_an_animal_is_passed_over(self):
        (state, ), = self.whole.query("SELECT state FROM checkpoint WHERE subject = 0")
        at = self.draw.randrange(16, len(state) - 8)
        for wrong in (state[:at] + b"\xff" * 8 + state[at + 8:], flip(state), state[:100], b""):
            daemon = self.copy()
            self.change(daemon, "UPDATE checkpoint SET state = ? WHERE subject = 0", wrong)
            self.assertIn("checkpoint: 2 rows, 1 damaged; the first is row 0",
                          self.check(daemon, 1))
            self.assert_goes_on(daemon, True)

    def test_a_checkpoint_of_another_moment_is_passed_over(self):
        for column, value in (("event", 7), ("run", 9)):
            daemon = self.copy()
            self.change(daemon, f"UPDATE checkpoint SET {column} = ? WHERE subject = 0", value)
            self.assert_goes_on(daemon, True)

    def test_a_damaged_state_of_a_session_is_passed_over(self):
        (state, ), = self.whole.query("SELECT state FROM session WHERE id = 0")
        for wrong in (flip(state), b"\0" * len(state), state[:8], b""):
            daemon = self.copy()
            self.change(daemon, "UPDATE session SET state = ? WHERE id = 0", wrong)
            self.assertIn("states of sessions: 2 rows, 1 damaged", self.check(daemon, 1))
            self.assert_goes_on(daemon, True)

    def test_a_twin_whose_numbers_are_none_is_run_again_from_the_events(self):
        """The checksum is right: the state was wrong when it was written."""
        (row, ) = self.whole.query("SELECT subject, event, run, layout, state FROM checkpoint"
                                   " WHERE subject = 0")
        state = row[4]
        at = subject_state_offset(state)
        nan = struct.pack("<d", float("nan"))
        wrong = state[:at + 400] + nan * ((len(state) - at - 400) // 8)
        wrong += state[len(wrong):]
        daemon = self.copy()
        self.change(daemon, "UPDATE checkpoint SET state = ?, checksum = ? WHERE subject = 0",
                    wrong, chains.checksum((*row[:4], wrong)))
        self.assert_goes_on(daemon, True)

    def test_a_whole_one_warns_of_nothing(self):
        self.assert_goes_on(self.copy(), False)

    def test_the_check_names_sessions_and_what_to_do(self):
        daemon = self.copy()
        self.change(daemon, "UPDATE event SET raw = ? WHERE id = 70", b"x")
        self.change(daemon, "UPDATE event SET choice = 0.25 WHERE id = 90")
        said = self.check(daemon, 1)
        self.assertRegex(said, r"event: \d+ rows, 2 damaged; the first is row 70, which was changed")
        self.assertIn("\n  session rig1/m1/s1\n", said)
        last = said.splitlines()[-1]
        self.assertRegex(last, "^murid: .*table event, row 70 .*set another data.directory")
        for words in (["check", "/nowhere"], ["check", daemon.data, "-c", daemon.config_path]):
            done = subprocess.run([MURID, *words], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, done.stderr)


if __name__ == "__main__":
    unittest.main()

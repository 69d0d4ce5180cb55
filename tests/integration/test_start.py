"""What keeps the daemon from starting, or from writing, is said in one line that names the place; a
running daemon goes on and loses nothing."""
import os
import random
import resource
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

import chains
import skips
from daemon import MURID, Daemon, Rig, random_trial, subject_state_offset, trial

NOBODY = 65534


class Refusal(unittest.TestCase):
    def refuse(self, daemon, code, *texts):
        """The daemon does not start; its one line holds every text."""
        daemon.launch()
        self.assertEqual(daemon.process.wait(60), code, daemon.log(daemon.mark))
        daemon.process = None
        said = daemon.log(daemon.mark)
        self.assertRegex(said, r"^murid: [^\n]+\n$")
        for text in texts:
            self.assertIn(text, said)


class Start(Refusal):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)

    def run_briefly(self, messages=()):
        self.daemon.start()
        asker = self.daemon.asker()
        for message in messages:
            asker.ask(**message)
        self.assertEqual(self.daemon.stop(), 0)

    def test_a_port_in_use_is_named(self):
        for key in ("ask", "pub", "trials", "control"):
            with socket.socket() as s:
                s.bind(("127.0.0.1", self.daemon.port[key]))
                s.listen()
                self.refuse(self.daemon, 1, f"sockets.{key}: {self.daemon.endpoint[key]}",
                            "in use")
        with self.daemon:
            self.assertEqual(self.daemon.status()["state"], "ready")

    def test_a_configuration_with_an_unknown_key_is_refused_with_its_line(self):
        with open(self.daemon.config_path, "w") as f:
            f.write("journal:\n  commit_ms: 5\n  comit_ms: 5\n")
        self.refuse(self.daemon, 2, self.daemon.config_path + ":3: journal.comit_ms: unknown key",
                    "commit_ms")
        self.daemon.config_path += ".not"
        self.refuse(self.daemon, 2, self.daemon.config_path)

    def test_a_data_directory_in_use_is_named(self):
        with self.daemon:
            other = Daemon(directory=tempfile.mkdtemp())
            self.addCleanup(shutil.rmtree, other.directory)
            self.addCleanup(other.close)
            other.settings["data"]["directory"] = self.daemon.data
            other.write_config()
            self.refuse(other, 1, self.daemon.data, "another murid")
            asker = self.daemon.asker()
            self.assertEqual(asker.ask(**trial(0))["for_trial"], 1)

    def test_a_journal_of_a_newer_schema_is_left_alone(self):
        self.run_briefly()
        db = sqlite3.connect(self.daemon.journal)
        db.execute("PRAGMA user_version = 99")
        db.commit()
        db.close()
        self.refuse(self.daemon, 2, self.daemon.journal, "99", "newer")
        self.assertEqual(self.daemon.query("PRAGMA user_version"), [(99,)])

    def test_what_is_no_journal_is_named(self):
        os.mkdir(self.daemon.data)
        with open(self.daemon.journal, "wb") as f:
            f.write(b"these are no tables " * 1000)
        self.refuse(self.daemon, 1, self.daemon.journal)
        self.assertEqual(os.path.getsize(self.daemon.journal), 20000)

    def test_a_damaged_journal_is_no_crash(self):
        draw = random.Random(7)
        self.run_briefly(random_trial(draw, n) for n in range(300))
        with open(self.daemon.journal, "rb") as f:
            whole = f.read()
        for _ in range(12):
            hurt = bytearray(whole)
            for _ in range(draw.choice((1, 10, 200))):
                at = draw.randrange(100, len(hurt))
                hurt[at:at + draw.randrange(64)] = draw.randbytes(draw.randrange(64))
            with open(self.daemon.journal, "wb") as f:
                f.write(hurt[:len(whole)])
            for rest in ("-wal", "-shm"):
                if os.path.exists(self.daemon.journal + rest):
                    os.remove(self.daemon.journal + rest)
            self.daemon.launch()
            try:
                self.daemon.wait_ready()
                self.assertIn(self.daemon.stop(), (0, 1))
            except AssertionError:
                self.assertIn(self.daemon.process.wait(60), (1, 2),
                              self.daemon.log(self.daemon.mark))
                self.assertRegex(self.daemon.log(self.daemon.mark), r"murid: [^\n]+\n$")
                self.daemon.process = None

    def test_a_checkpoint_that_points_nowhere_is_passed_over(self):
        self.run_briefly(trial(n) for n in range(10))
        (state, ), = self.daemon.query("SELECT state FROM checkpoint")
        db = sqlite3.connect(self.daemon.journal)
        # Behind the size of what is its own: its session, then its number of stimuli.
        at = subject_state_offset(state)
        wrongs = (state[:at] + b"\xff" * 7 + b"\x7f" + state[at + 8:],
                  state[:at + 16] + b"\xff" * 8 + state[at + 24:],
                  state[:100], b"\xff" * 8 + state[8:], state[:5], b"")
        for i, wrong in enumerate(wrongs):
            (row, ) = db.execute("SELECT subject, event, run, layout FROM checkpoint").fetchall()
            db.execute("UPDATE checkpoint SET state = ?, checksum = ?",
                       (wrong, chains.checksum((*row, wrong))))
            db.commit()
            self.daemon.start()  # run again from the events
            self.assertEqual(self.daemon.asker().ask(**trial(10 + i))["score"]["n"], 11 + i)
            self.assertEqual(self.daemon.stop(), 0)
        db.close()

    def test_without_checkpoints_it_starts_from_the_events_and_still_knows_every_trial(self):
        self.daemon.settings["journal"] = {"ring_kib": 256}
        self.daemon.write_config()
        messages = [trial(n, session=f"s{s}") for s in range(1500) for n in range(2)]
        self.run_briefly(messages)
        db = sqlite3.connect(self.daemon.journal)
        db.execute("DELETE FROM checkpoint")
        db.execute("UPDATE session SET state = NULL")
        db.commit()
        db.close()
        with self.daemon:
            self.daemon.settle()
            for _ in range(2):
                self.daemon.kill()
                self.daemon.start()
            asker = self.daemon.asker()
            for message in messages[::7]:
                self.assertEqual(asker.ask(**message)["score"]["n"], len(messages))
            self.assertEqual(self.daemon.status()["duplicates"], len(messages[::7]))

    def test_a_directory_that_cannot_be_made_or_written_is_named(self):
        with open(self.daemon.data, "w"):
            pass
        self.refuse(self.daemon, 1, self.daemon.data)
        os.remove(self.daemon.data)
        if os.geteuid() == 0 and shutil.which("setpriv"):
            os.chmod(self.daemon.directory, 0o755)
            os.chmod(self.daemon.log_path, 0o666)
            os.mkdir(self.daemon.data, 0o755)
            self.daemon.wrapper = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                                   "--clear-groups"]
            if subprocess.run([*self.daemon.wrapper, MURID, "--version"],
                              capture_output=True).returncode != 0:
                self.skipTest("another user cannot run " + MURID)
        elif os.geteuid() != 0:
            os.mkdir(self.daemon.data, 0o555)
        else:
            self.skipTest("root can write anywhere, and there is no setpriv")
        self.refuse(self.daemon, 1, self.daemon.data, "cannot be written")

    def test_another_address_without_keys_is_refused(self):
        self.daemon.settings["sockets"]["ask"] = f"tcp://0.0.0.0:{self.daemon.port['ask']}"
        self.daemon.write_config()
        self.refuse(self.daemon, 2, "sockets.ask: tcp://0.0.0.0", "security.server_key")
        self.daemon.settings["security"] = {"insecure": True}
        self.daemon.write_config()
        with self.daemon:
            self.assertEqual(self.daemon.status()["state"], "ready")

    def test_wrong_usage_ends_with_2(self):
        for words in (["run", "-x"], ["run", "-c"], ["run", "more"], ["runn"], []):
            done = subprocess.run([MURID, *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, words)
            self.assertRegex(done.stderr, r"murid: |usage: ")

    def test_check_says_what_run_would(self):
        def check():
            return subprocess.run([MURID, "check", "-c", self.daemon.config_path],
                                  capture_output=True, text=True, timeout=60)
        done = check()
        self.assertEqual((done.returncode, done.stderr.count(": ok\n")), (0, 5), done.stderr)
        self.assertIn(self.daemon.endpoint["ask"], done.stdout)
        with self.daemon:
            pid = self.daemon.process.pid
            done = check()
            self.assertEqual(done.returncode, 1)
            self.assertIn("sockets.ask", done.stderr)
            self.assertIn(f"a daemon is running there (pid {pid})", done.stderr)
            self.assert_refused_alike()

    def refusals(self):
        """Of check and of run: exit code, and what is said of the data directory."""
        for command in ("check", "run"):
            done = subprocess.run([MURID, command, "-c", self.daemon.config_path],
                                  capture_output=True, text=True, timeout=60)
            lines = [line for line in done.stderr.splitlines() if self.daemon.directory in line
                     and "ready" not in line]
            yield done.returncode, lines[0].split(": ", 1)[1] if lines else done.stderr

    def assert_refused_alike(self):
        check, run = self.refusals()
        self.assertNotEqual(check[0], 0, check)
        self.assertEqual(check, run)
        return check[1]

    def test_check_refuses_the_journal_that_run_refuses(self):
        self.daemon.start()
        asker = self.daemon.asker()
        for n in range(3):
            asker.ask(**trial(n))
        asker.ask(**trial(0, subject="m2"))
        self.assertEqual(self.daemon.stop(), 0)
        done = subprocess.run([MURID, "check", "-c", self.daemon.config_path], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        with sqlite3.connect(self.daemon.journal) as db:
            db.execute("PRAGMA user_version = 3")
        self.assertIn("schema 3", self.assert_refused_alike())
        with sqlite3.connect(self.daemon.journal) as db:
            db.execute("PRAGMA user_version = 4")
        self.daemon.settings["limits"] = {"subjects": 1}
        self.daemon.write_config()
        self.assertIn("limits.subjects", self.assert_refused_alike())
        del self.daemon.settings["limits"]
        self.daemon.write_config()
        with sqlite3.connect(self.daemon.journal) as db:
            db.execute("UPDATE event SET stimulus = 0.25 WHERE id = 2")
        self.assertIn("table event, row 2", self.assert_refused_alike())
        with open(self.daemon.journal, "wb") as f:
            f.write(b"this is no journal" * 1000)
        self.assertEqual([code != 0 for code, _ in self.refusals()], [True, True])

    def test_check_refuses_a_model_that_is_the_journal_as_run_does(self):
        self.daemon.start()
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.settings["model"] = {"file": self.daemon.journal}
        self.daemon.write_config()
        self.assert_refused_alike()

    def test_check_refuses_a_place_where_no_directory_can_be(self):
        blocked = os.path.join(self.daemon.directory, "file")
        open(blocked, "w").close()
        self.daemon.settings["data"] = {"directory": os.path.join(blocked, "a", "b")}
        self.daemon.write_config()
        for code, _ in self.refusals():
            self.assertEqual(code, 1)


class FullDisk(unittest.TestCase):
    """A limit on the size of files stands for a disk that is full."""

    def limit(self, daemon, size):
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def fill(self, daemon):
        sizes = [os.path.getsize(daemon.journal + s) for s in ("", "-wal")
                 if os.path.exists(daemon.journal + s)]
        self.limit(daemon, min(sizes))

    def rigs(self, daemon, n, rate):
        draw = random.Random(3)
        sessions = [[[random_trial(draw, t, rig=f"r{i}", subject=f"m{i}") for t in range(n)]]
                    for i in range(2)]
        return [Rig(daemon, s, rate, wait_ms=2000) for s in sessions]

    def assert_all_there(self, daemon, rigs):
        for rig in rigs:
            rig.join(60)
            self.assertIsNone(rig.failure)
            self.assertFalse(rig.is_alive())
            self.assertEqual(rig.refused, [])
            sent = [(m["subject"], m["session"], m["trial"], m["stimulus"], m.get("choice"))
                    for m in rig.sessions[0]]
            self.assertEqual(daemon.trials(subject=sent[0][0]), sent)

    def test_nothing_is_lost_and_it_recovers_by_itself(self):
        with Daemon() as daemon:
            rigs = self.rigs(daemon, 900, 300)
            for rig in rigs:
                rig.start()
            listener = daemon.listener("murid/1/-/-/alert")
            time.sleep(0.3)
            for _ in range(2):
                self.fill(daemon)
                status = daemon.wait("the daemon to notice", lambda s: s["state"] == "behind")
                durable = status["durable_events"]
                self.assertGreater(daemon.wait("it to hear on", lambda s: s["events"] > durable + 50)
                                   ["events"], durable)
                self.limit(daemon, resource.RLIM_INFINITY)
                daemon.wait("it to recover", lambda s: s["durable_events"] > durable + 50
                            and s["state"] == "ready")
            self.assertIn(b'disk_full', listener.recv_multipart()[-1])
            self.assertIn("cannot be written: its disk is full", daemon.log())
            self.assertNotIn("cannot rollback", daemon.log())
            self.assertIn("writable again; nothing was lost", daemon.log())
            self.assert_all_there(daemon, rigs)
            self.assertTrue(daemon.alerts("disk_full"))
            self.assertIn("its disk is full", daemon.alerts("disk_full")[0])
            self.assertEqual(daemon.alerts("journal_failing"), [])

    def test_when_its_memory_is_full_too_rigs_are_told_to_keep_their_trials(self):
        with Daemon({"journal": {"ring_kib": 256}}) as daemon:
            rigs = self.rigs(daemon, 1500, None)
            asker = daemon.asker()
            self.assertEqual(asker.ask(**trial(0, subject="probe"))["kind"], "prediction")
            daemon.settle()
            self.fill(daemon)
            for rig in rigs:
                rig.start()
            number = 1
            deadline = time.monotonic() + 20
            while True:
                reply = asker.ask(**trial(number, subject="probe"))
                if reply["kind"] == "error":
                    break
                number += 1
                self.assertLess(time.monotonic(), deadline)
            self.assertEqual(reply["code"], "disk_full", reply)
            self.assertIn("resend it", reply["text"])
            self.assertIn("its disk is full", reply["text"])
            daemon.wait("it to say so", lambda s: s["state"] == "behind")
            self.limit(daemon, resource.RLIM_INFINITY)
            daemon.wait("it to recover", lambda s: s["state"] == "ready")
            self.assertEqual(asker.ask(**trial(number, subject="probe"))["for_trial"], number + 1)
            self.assert_all_there(daemon, rigs)
            daemon.settle()
            self.assertEqual([t for _, _, t, _, _ in daemon.trials(subject="probe")],
                             list(range(number + 1)))

    def test_stopped_on_a_full_disk_it_says_what_is_missing(self):
        with Daemon() as daemon:
            asker = daemon.asker()
            asker.ask(**trial(0))
            daemon.settle()
            self.fill(daemon)
            for n in range(1, 50):
                self.assertEqual(asker.ask(**trial(n))["kind"], "prediction")
            self.assertEqual(daemon.stop(), 1)
            self.assertRegex(daemon.log(), r"murid: .*cannot be written; events 2 to 50 are lost")
            daemon.start()
            reply = daemon.asker().ask(kind="hello", rig="rig1", subject="m1", session="s1")
            self.assertEqual(reply["durable_seq"], 1)


    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("mount"), "only root can mount")
    def test_a_disk_that_is_full_is_called_so_and_what_came_meanwhile_is_kept(self):
        with Daemon() as daemon:
            self.assertEqual(daemon.stop(), 0)
            shutil.rmtree(daemon.data)
            os.mkdir(daemon.data)
            if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", daemon.data],
                              capture_output=True).returncode != 0:
                self.skipTest("no tmpfs can be mounted here")
            self.addCleanup(subprocess.run, ["umount", "-l", daemon.data])
            daemon.start()
            filler = os.path.join(daemon.data, "filler")
            with self.assertRaises(OSError), open(filler, "wb", buffering=0) as f:
                while True:
                    self.assertGreater(f.write(bytes(4096)), 0)
            asker = daemon.asker()
            for n in range(300):
                self.assertEqual(asker.ask(**trial(n))["kind"], "prediction")
            daemon.wait("it to notice", lambda s: s["state"] == "behind")
            self.assertIn("cannot be written: its disk is full", daemon.log())
            self.assertNotIn("cannot rollback", daemon.log())
            os.remove(filler)
            daemon.wait("it to recover", lambda s: s["state"] == "ready")
            daemon.settle()
            self.assertEqual(len(daemon.trials()), 300)
            self.assertIn("its disk is full", daemon.alerts("disk_full")[0])
            self.assertEqual(daemon.alerts("journal_failing"), [])
            self.assertEqual(daemon.stop(), 0)

    def test_another_program_that_holds_the_journal_is_called_so(self):
        with Daemon({"journal": {"ring_kib": 256}}) as daemon:
            asker = daemon.asker()
            asker.ask(**trial(0))
            daemon.settle()
            listener = daemon.ready_listener("murid/1/-/-/alert")
            other = sqlite3.connect(daemon.journal, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            n = 1
            deadline = time.monotonic() + 30
            while (reply := asker.ask(**trial(n)))["kind"] == "prediction":
                n += 1
                self.assertLess(time.monotonic(), deadline)
            self.assertIn("another program holds it", reply["text"])
            while b"journal_failing" not in (said := listener.recv_multipart()[-1]):
                self.assertNotIn(b"disk_full", said)
            self.assertIn("cannot be written: another program holds it", daemon.log())
            self.assertNotIn("cannot rollback", daemon.log())
            other.execute("ROLLBACK")
            other.close()
            daemon.wait("it to recover", lambda s: s["state"] == "ready")
            daemon.settle()
            self.assertEqual(len(daemon.trials()), n)
            self.assertIn("another program holds it", daemon.alerts("journal_failing")[0])
            self.assertEqual(daemon.alerts("disk_full"), [])

    def test_a_program_that_holds_the_journal_for_a_moment_is_waited_for(self):
        with Daemon() as daemon:
            asker = daemon.asker()
            other = sqlite3.connect(daemon.journal, isolation_level=None)
            for n in range(20):
                other.execute("BEGIN IMMEDIATE")
                asker.ask(**trial(n))
                time.sleep(0.02)
                other.execute("COMMIT")
            daemon.settle()
            self.assertEqual(len(daemon.trials()), 20)
            self.assertNotIn("cannot be written", daemon.log())


if __name__ == "__main__":
    skips.main()

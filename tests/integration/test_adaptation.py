"""Animals' own parameters in the daemon: found while trials are answered, journaled, replayed bit for bit
by finding them anew, kept over kill -9, undone, and off where the configuration says so."""
import os
import random
import sqlite3
import subprocess
import tempfile
import time
import unittest

from daemon import MURID, Daemon, random_trial

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
DEMO = os.path.join(os.environ["MURID_SOURCE_DIR"], "configs", "demo", "virtual_mouse.csv")
OWN = {"rules": True, "nets": True, "every_trials": 50, "window_trials": 400}
STATE = "SELECT subject.name, state FROM checkpoint JOIN subject ON subject.id = subject ORDER BY 1"


def run(*arguments):
    done = subprocess.run([MURID, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


class Animal:
    """Asks for one animal, trial after trial, now and then in a new session."""

    def __init__(self, daemon, name, seed):
        self.daemon, self.name = daemon, name
        self.draw = random.Random(seed)
        self.session = self.number = 0
        self.asker = daemon.asker()

    def connect(self):
        self.asker.close()
        self.asker = self.daemon.asker()

    def ask(self, number):
        t = random_trial(self.draw, number, subject=self.name, rig=f"rig-{self.name}",
                         session=f"s{self.session}")
        reply = self.asker.ask(**t)
        assert reply["kind"] == "prediction", reply
        return reply

    def go_on(self, n):
        for _ in range(n):
            if self.draw.random() < 0.005:
                self.session, self.number = self.session + 1, 0
            reply = self.ask(self.number)
            self.number += 1
        return reply

    def skip(self, n):
        """Trials that come late, in another order."""
        numbers = list(range(self.number, self.number + n))
        self.draw.shuffle(numbers)
        for number in [self.number + n, *numbers]:
            self.ask(number)
        self.number += n + 1


class Adaptation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"SEED={SEED}", flush=True)
        cls.directory = tempfile.TemporaryDirectory()
        paths = [os.path.join(cls.directory.name, f"{i}.safetensors") for i in range(3)]
        run("fit", DEMO, "-o", paths[0], "--rule", "rnn", "--epochs", "2", "--hidden", "8",
            "--policy", "stimulus,bias", "--seed", "1")
        run("model", "--new", "--rule", "reinforce", "--rate", "0.05", "--policy", "stimulus,bias",
            "-o", paths[1])
        run("model", "--new", "--policy", "stimulus,bias", "-o", paths[2])
        cls.walk = paths[2]
        cls.bank = os.path.join(cls.directory.name, "bank.safetensors")
        run("model", "--join", *paths, "--share", "0.01", "-o", cls.bank)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def daemon(self, **own):
        return Daemon({"model": {"file": self.bank}, "adaptation": {**OWN, **own}})

    def changes(self, daemon, what=None):
        rows = daemon.query("SELECT what, subject, based_on, event, length(parameters)"
                            " FROM adaptation ORDER BY id")
        return [r for r in rows if what is None or r[0] == what]

    def go_on_until(self, daemon, animals, n, what=None):
        """Trials until n more changes are on disk."""
        wanted = len(self.changes(daemon, what)) + n
        deadline = time.monotonic() + 120
        while len(self.changes(daemon, what)) < wanted:
            self.assertLess(time.monotonic(), deadline, daemon.log()[-2000:])
            for animal in animals:
                animal.go_on(20)
        daemon.settle()

    def in_force(self, daemon):
        return [a["adaptation"] for a in daemon.command("subjects")["animals"]]

    def last_taken(self, daemon):
        return [i for i, in daemon.query("SELECT max(id) FROM adaptation WHERE what = 'taken'"
                                         " GROUP BY subject ORDER BY subject")]

    def wait_for_thread(self, daemon):
        """Until nothing more is taken up for a while."""
        before, same = None, 0
        while same < 10:
            now = self.changes(daemon)
            same = same + 1 if now == before else 0
            before = now
            time.sleep(0.05)

    def replay(self, daemon):
        return subprocess.run([MURID, "replay", daemon.journal], capture_output=True, text=True,
                              timeout=300)

    def assert_replays(self, daemon):
        done = self.replay(daemon)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("identical bit for bit", done.stdout)

    def test_parameters_are_found_and_replay_bit_for_bit(self):
        with self.daemon() as daemon:
            animals = [Animal(daemon, f"m{i}", SEED + i) for i in range(3)]
            self.go_on_until(daemon, animals, 15, "taken")
            for animal in animals:
                animal.skip(5)
            self.go_on_until(daemon, animals, 6)
            rows = self.changes(daemon)
            self.assertEqual({r[1] for r in rows}, {0, 1, 2})
            for what, _, based_on, event, size in rows:
                self.assertLessEqual(based_on, event)
                self.assertEqual(size is not None, what == "taken")
            self.wait_for_thread(daemon)
            self.assertEqual(self.in_force(daemon), self.last_taken(daemon))
            self.assertIn("own parameters taken", daemon.log())
            self.assertEqual(daemon.stop(), 0)
            self.assert_replays(daemon)

    def test_a_byte_that_was_changed_is_found_by_a_replay(self):
        with self.daemon() as daemon:
            self.go_on_until(daemon, [Animal(daemon, "m1", SEED)], 3, "taken")
            self.assertEqual(daemon.stop(), 0)
            first = daemon.query("SELECT min(id) FROM adaptation WHERE what = 'taken'")[0][0]
            damage = {
                "parameters": "UPDATE adaptation SET parameters = zeroblob(length(parameters))"
                              " WHERE id = ?",
                "judged": "UPDATE adaptation SET nats_after = nats_after * 1.0001 WHERE id = ?",
                "row": "UPDATE adaptation SET what = 'invented' WHERE id = ?",
                "short": "UPDATE adaptation SET parameters = x'00' WHERE id = ?",
                "order": "UPDATE adaptation SET based_on = event + 1 WHERE id = ?",
                "subject": "UPDATE adaptation SET subject = 7 WHERE id = ?",
                "gone": "DELETE FROM adaptation WHERE id = ?",
            }
            with open(daemon.journal, "rb") as f:
                whole = f.read()
            for name, sql in damage.items():
                db = sqlite3.connect(daemon.journal)
                db.execute(sql, (first,))
                db.commit()
                db.close()
                done = self.replay(daemon)
                self.assertIn(done.returncode, (1, 2), (name, done.stdout, done.stderr))
                self.assertTrue(done.stderr.startswith("murid: "), done.stderr)
                with open(daemon.journal, "wb") as f:
                    f.write(whole)
            self.assert_replays(daemon)

    def test_killed_it_goes_on_with_the_same_parameters(self):
        self.kill_and_go_on(nets=True)

    def test_killed_it_goes_on_with_nets_that_are_held(self):
        self.kill_and_go_on(nets=False)

    def kill_and_go_on(self, **own):
        with self.daemon(**own) as daemon:
            animals = [Animal(daemon, f"m{i}", SEED + i) for i in range(2)]
            for _ in range(4):
                self.go_on_until(daemon, animals, 3)
                said = {a["subject"]: a["adaptation"] for a in
                        daemon.command("subjects")["animals"]}
                while daemon.query("SELECT coalesce(max(id), 0) FROM adaptation")[0][0] < max(
                        said.values()):  # it may be newer than the last event
                    time.sleep(0.01)
                daemon.settle()
                daemon.kill()
                daemon.start()
                known = {a["subject"]: a["adaptation"] for a in
                         daemon.command("subjects")["animals"]}
                for name, number in said.items():
                    self.assertGreaterEqual(known[name], number)
                for animal in animals:
                    animal.connect()
            self.assertEqual(daemon.stop(), 0)
            self.assert_replays(daemon)
            states = daemon.query(STATE)
            daemon.start()
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.query(STATE), states)
            # Without its checkpoints it comes to the same states from the first event.
            db = sqlite3.connect(daemon.journal)
            db.execute("DELETE FROM checkpoint")
            db.commit()
            db.close()
            daemon.start()
            self.assertEqual(daemon.command("checkpoint")["kind"], "done")
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.query(STATE), states)

    def test_a_change_is_undone_by_command(self):
        with self.daemon(every_trials=200) as daemon:
            animal = Animal(daemon, "m1", SEED)
            self.assertEqual(daemon.command("adapt_undo", subject="m1")["code"], "not_found")
            self.assertEqual(daemon.command("adapt_undo")["code"], "bad_message")
            animal.go_on(10)
            self.assertEqual(daemon.command("adapt_undo", subject="m1")["code"], "not_found")
            self.go_on_until(daemon, [animal], 1, "taken")
            self.wait_for_thread(daemon)
            taken = [0, *[i for i, in daemon.query("SELECT id FROM adaptation"
                                                   " WHERE what = 'taken' ORDER BY id")]]
            self.assertEqual(self.in_force(daemon), taken[-1:])
            self.assertEqual(daemon.command("adapt_undo", subject="m1")["kind"], "done")
            self.assertEqual(self.in_force(daemon), taken[-2:-1])
            animal.go_on(30)
            daemon.settle()
            self.assertEqual(len(self.changes(daemon, "undone")), 1)
            daemon.kill()
            daemon.start()
            animal.connect()
            self.go_on_until(daemon, [animal], 2, "taken")
            self.wait_for_thread(daemon)
            for kind in ("done", "done", "error"):
                self.assertEqual(daemon.command("adapt_undo", subject="m1")["kind"], kind)
            animal.go_on(5)
            self.assertEqual(daemon.stop(), 0)
            self.assert_replays(daemon)

    def test_a_model_too_large_is_run_as_it_is(self):
        one = os.path.join(self.directory.name, "large.safetensors")
        many = os.path.join(self.directory.name, "many.safetensors")
        run("fit", DEMO, "-o", one, "--rule", "rnn", "--epochs", "1", "--hidden", "128",
            "--policy", "stimulus,bias")
        run("model", "--join", *[one] * 4, "-o", many)
        with Daemon({"model": {"file": many}, "adaptation": OWN}) as daemon:
            self.assertIn("adaptation: off: ", daemon.log())
            Animal(daemon, "m1", SEED).go_on(120)
            self.assertIsNone(daemon.command("subjects")["animals"][0].get("adaptation"))
            daemon.stop()
            self.assertEqual(self.changes(daemon), [])
            self.assert_replays(daemon)

    def test_it_is_switched_off_and_on_between_runs_and_models(self):
        with self.daemon() as daemon:
            animal = Animal(daemon, "m1", SEED)
            for own in ({}, {"rules": False}, {"nets": False}, {}, {"window_trials": 300}):
                daemon.stop()
                daemon.settings["adaptation"] = {**OWN, **own}
                daemon.write_config()
                daemon.start()
                animal.connect()
                said = daemon.command("subjects")["animals"]
                n = len(self.changes(daemon))
                if own.get("rules", True):
                    self.go_on_until(daemon, [animal], 2, "taken")
                    self.assertGreater(daemon.command("subjects")["animals"][0]["adaptation"], 0)
                else:
                    animal.go_on(300)
                    self.assertIsNone(said[0].get("adaptation"))
                    self.assertEqual(len(self.changes(daemon)), n)
            for path in (self.walk, self.bank):
                self.assertEqual(daemon.command("load_model", file=path)["kind"], "done")
                self.assertEqual(daemon.command("subjects")["animals"][0]["adaptation"], 0)
                self.go_on_until(daemon, [animal], 1, "taken")
            daemon.kill()
            daemon.start()
            animal.connect()
            animal.go_on(20)
            self.assertEqual(daemon.stop(), 0)
            self.assert_replays(daemon)


if __name__ == "__main__":
    unittest.main()

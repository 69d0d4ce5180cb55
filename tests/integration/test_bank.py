"""A bank of three, a recurrent net among them, in the daemon: a table is played, the journal replays bit
for bit, and after kill -9 it goes on where it stood; another model may be loaded while it runs."""
import json
import os
import subprocess
import tempfile
import unittest

from daemon import MURID, Daemon, subject_state

DEMO = os.path.join(os.environ["MURID_SOURCE_DIR"], "configs", "demo", "virtual_mouse.csv")
PREDICTIONS = ("SELECT for_trial, stimuli, prediction.p_right, lo, hi, w, w_sd FROM prediction"
               " JOIN event ON event.id = event WHERE status = 'taken' ORDER BY event")
OUTCOMES = "SELECT subject, session, trial, p_right, nats, baseline_nats FROM trial ORDER BY event"


def run(*arguments):
    done = subprocess.run([MURID, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


class Bank(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        paths = [os.path.join(cls.directory.name, f"{i}.safetensors") for i in range(3)]
        run("fit", DEMO, "-o", paths[0], "--rule", "rnn", "--epochs", "3", "--hidden", "8",
            "--policy", "stimulus,bias", "--seed", "1")
        run("model", "--new", "--rule", "reinforce", "--rate", "0.05", "--policy", "stimulus,bias",
            "-o", paths[1])
        run("model", "--new", "--policy", "stimulus,bias", "-o", paths[2])
        cls.paths = paths
        cls.bank = os.path.join(cls.directory.name, "bank.safetensors")
        cls.hash = run("model", "--join", *paths, "--share", "0.01", "-o", cls.bank).split()[0]

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def daemon(self):
        return Daemon({"model": {"file": self.bank}})

    def play(self, daemon, *words):
        run("play", DEMO, "--asap", "--to", daemon.endpoint["ask"], *words)

    def assert_replays(self, daemon):
        self.assertIn("identical bit for bit", run("replay", daemon.journal))

    def test_it_is_played_and_replays_bit_for_bit(self):
        with self.daemon() as daemon:
            self.play(daemon)
            daemon.settle()
            nats = [n for n, in daemon.query("SELECT nats FROM trial WHERE nats IS NOT NULL")]
            score = json.loads(run("eval", DEMO, "--model", self.bank, "--json"))["pooled"]
            self.assertEqual(len(nats), score["n"])
            self.assertAlmostEqual(sum(nats) / len(nats), score["nats"], places=9)
            subject, rig, session, trial = daemon.query(
                "SELECT subject, rig, session, trial FROM trial ORDER BY event DESC LIMIT 1")[0]
            asker = daemon.asker()
            p = asker.ask(v=1, kind="trial", rig=rig, subject=subject, session=session,
                          trial=trial + 1, stimulus=0.5, choice=1, reward=1)
            self.assertEqual((p["kind"], p["model"]), ("prediction", self.hash))
            self.assertEqual(set(p["bank"]), {"rnn", "reinforce", "none"})
            self.assertAlmostEqual(sum(p["bank"].values()), 1.0, places=12)
            self.assertTrue(all(lo <= q <= hi for lo, q, hi in zip(p["lo"], p["p_right"], p["hi"])))
            self.assertEqual((len(p["w"]), len(p["w_sd"])), (2, 2))
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.query("SELECT count(*) FROM alert")[0][0], 0)
            self.assert_replays(daemon)

    def test_killed_it_goes_on_where_it_stood(self):
        with self.daemon() as whole, self.daemon() as killed:
            self.play(whole)
            for limit in (150, 300, 450):
                self.play(killed, "--limit", str(limit))
                killed.settle()
                killed.kill()
                killed.start()
            self.play(killed)
            self.assertEqual((whole.stop(), killed.stop()), (0, 0))
            self.assertEqual(killed.query(OUTCOMES), whole.query(OUTCOMES))
            for daemon in (whole, killed):
                self.assert_replays(daemon)
            self.assertEqual(killed.query(PREDICTIONS), whole.query(PREDICTIONS))
            states = [[subject_state(state)[0] for state, in
                       daemon.query("SELECT state FROM checkpoint ORDER BY subject")]
                      for daemon in (whole, killed)]
            self.assertEqual(states[0], states[1])
            # Three members, and nothing for those that there are not.
            self.assertTrue(states[0] and all(len(s) < 32 * 1024 for s in states[0]))

    def test_other_models_are_loaded_while_it_runs(self):
        models = (self.bank, self.paths[2], self.bank, self.paths[0], self.bank)
        with self.daemon() as daemon:
            for i, path in enumerate(models):
                if i > 0:
                    self.assertEqual(daemon.command("load_model", file=path)["kind"], "done")
                self.play(daemon, "--limit", str(120 * (i + 1)))
            daemon.kill()
            daemon.start()
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.query("SELECT count(*) FROM trial")[0][0], 600)
            self.assertGreaterEqual(daemon.query("SELECT count(*) FROM run")[0][0], len(models))
            self.assert_replays(daemon)


if __name__ == "__main__":
    unittest.main()

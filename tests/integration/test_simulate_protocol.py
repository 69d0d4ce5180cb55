"""murid simulate --protocol: every trial of the table is what the protocol's rules ask for, worked out
here once more; the report agrees with the table; defects show; two protocols are compared."""
import collections
import csv
import io
import json
import math
import os
import signal
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree

import msgpack

from daemon import Daemon

MURID = os.environ["MURID_BIN"]
ROOT = os.environ["MURID_SOURCE_DIR"]
PROTOCOLS = os.path.join(ROOT, "configs", "protocols")
SHIPPED = os.path.join(ROOT, "configs", "models", "mice.safetensors")
LEARNER = ["--rule", "reinforce", "--rate", "0.05", "--noise", "0.003", "--session-noise", "0.05",
           "--start", "0", "--start-sd", "0.3", "--policy", "stimulus,bias"]
SETS = [{1, .5}, {1, .5, .25}, {1, .5, .25, .125}, {1, .5, .25, .125, .0625},
        {1, .5, .25, .125, .0625, 0}, {1, .25, .125, .0625, 0}]


def protocol(name):
    return os.path.join(PROTOCOLS, name + ".yaml")


def murid(*words):
    return subprocess.run([MURID, "simulate", *words], capture_output=True, text=True, timeout=300)


def table(*words):
    done = murid("-o", "-", *words)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    for r in rows:
        for key in ("trial", "choice", "side", "repeat"):
            r[key] = int(r[key])
        for key in ("stimulus", "reward", "p_left"):
            r[key] = float(r[key])
        r["session"] = int(r["session"])
    return rows


def by_session(rows):
    groups = collections.OrderedDict()
    for r in rows:
        groups.setdefault((r["subject"], r["session"]), []).append(r)
    return groups


class Beginnings(unittest.TestCase):
    def test_animals_may_all_begin_alike(self):
        for words in (("--protocol", protocol("fixed_set")), ()):
            for sd in ("0", "1e-200"):
                done = murid("-o", "-", *words, "--mice", "3", "--trials", "3", "--start", "0", "--start-sd", sd,
                             "--noise", "0", "--session-noise", "0", "--policy", "stimulus,bias")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(len(done.stdout.splitlines()), 10)

    def test_the_help_names_the_usual_noise_and_start(self):
        done = " ".join(subprocess.run([MURID, "simulate", "--help"], capture_output=True, text=True,
                                       timeout=60).stdout.split())
        for option, usual in (("--noise SD", (9e-5, 8.5e-3, 1e-6)),
                              ("--session-noise SD", (.04, 1.1, 1e-3)),
                              ("--start-sd SD", (4, 4, .0625))):
            words = ", ".join(f"{name} {math.sqrt(v):.2g}"
                              for name, v in zip(("stimulus", "bias", "prev_choice"), usual))
            self.assertRegex(done, rf"{option} [^-]*\(default by feature: {words}")


class Rig:
    """trainingChoiceWorld's phase and debias rules, from what is known of iblrig alone."""

    def __init__(self):
        self.phase = 0
        self.n_debias = 0
        self.expected_right = self.var_right = self.right = 0.0

    def session(self, rows, carried):
        phase, in_phase = carried, 0
        windows = collections.defaultdict(list)
        lefts = []
        before = None
        for r in rows:
            in_phase += 1  # counted to the phase before it is looked at
            if phase == 0 and all(sum(windows[c][-50:]) / 50 > .8 for c in (1, .5, -1, -.5)):
                phase, in_phase = 1, 0
            elif phase == 1 and all(sum(windows[c][-50:]) / 50 > .8 for c in (.25, -.25)):
                phase, in_phase = 2, 0
            elif phase in (2, 3, 4) and in_phase >= 200:
                phase, in_phase = phase + 1, 0
            assert int(r["stage"]) == phase, (r, phase)
            assert abs(r["stimulus"]) in SETS[phase], r
            debias = (phase < 5 and before is not None and before["choice"] != before["side"] and
                      abs(before["stimulus"]) >= .5)
            assert r["repeat"] == debias, r
            if debias:
                assert abs(r["stimulus"]) == abs(before["stimulus"])
                m = sum(lefts[-10:]) / len(lefts[-10:])
                p = .5 * math.erfc((.5 - m) / .5 / math.sqrt(2))
                self.n_debias += 1
                self.expected_right += p
                self.var_right += p * (1 - p)
                self.right += r["side"]
            if r["stimulus"] != 0:
                assert r["side"] == (r["stimulus"] > 0)
                windows[r["stimulus"]].append(r["choice"] == r["side"])
            assert r["reward"] == (r["choice"] == r["side"])
            lefts.append(r["choice"] == 0)
            before = r
        return phase


class IblTraining(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = table("--protocol", protocol("ibl_training"), "--mice", "20", "--sessions", "12",
                         *LEARNER)

    def test_every_trial_follows_the_rules(self):
        rig = Rig()
        carried = collections.defaultdict(int)
        for (subject, _), rows in by_session(self.rows).items():
            self.assertEqual([r["trial"] for r in rows], list(range(len(rows))))
            self.assertTrue(300 <= len(rows) <= 900)
            carried[subject] = rig.session(rows, carried[subject])
        self.assertGreater(rig.n_debias, 1000)
        self.assertLess(abs(rig.right - rig.expected_right), 5 * math.sqrt(rig.var_right))
        self.assertIn(5, carried.values())

    def test_contrasts_have_their_frequencies(self):
        for phase in range(6):
            mine = [r for r in self.rows if r["stage"] == str(phase) and not r["repeat"]]
            signed = [s * c for c in SETS[phase] if c > 0 for s in (-1, 1)] + \
                     ([0] if 0 in SETS[phase] else [])
            n, p = len(mine), 1 / len(signed)
            self.assertGreater(n, 500)
            for c in signed:
                got = sum(r["stimulus"] == c for r in mine)
                self.assertLess(abs(got - n * p), 5 * math.sqrt(n * p * (1 - p)), (phase, c))
        zero = [r["side"] for r in self.rows if r["stimulus"] == 0]
        self.assertLess(abs(sum(zero) - len(zero) / 2), 2.5 * math.sqrt(len(zero)))

    def test_the_report_agrees_with_the_table(self):
        done = murid("--protocol", protocol("ibl_training"), "--mice", "20", "--sessions", "12",
                     "--json", *LEARNER)
        report = json.loads(done.stdout)["protocols"][0]
        self.assertEqual(report["trials"], len(self.rows))
        groups = by_session(self.rows)
        for session in report["sessions"]:
            accuracy, bias, share = [], [], []
            for (_, number), rows in groups.items():
                if number == session["session"]:
                    shown = [r for r in rows if r["stimulus"] != 0]
                    part = [[r["choice"] == r["side"] for r in shown if r["side"] == s]
                            for s in (0, 1)]
                    accuracy.append(sum(map(sum, part)) / len(shown))
                    bias.append((sum(part[1]) / len(part[1]) - sum(part[0]) / len(part[0])) / 2)
                    share.append(sum(r["stage"] == "0" for r in rows) / len(rows))
            self.assertAlmostEqual(session["accuracy"]["mean"], sum(accuracy) / 20, 9)
            self.assertAlmostEqual(session["bias"]["mean"], sum(bias) / 20, 9)
            self.assertAlmostEqual(session["occupancy"]["0"]["mean"], sum(share) / 20, 9)
            ordered = sorted(accuracy)
            self.assertAlmostEqual(session["accuracy"]["q50"], (ordered[9] + ordered[10]) / 2, 9)
        entered = collections.defaultdict(dict)
        count = collections.Counter()
        for r in self.rows:
            entered[r["stage"]].setdefault(r["subject"], count[r["subject"]])
            count[r["subject"]] += 1
        for stage in report["stages"]:
            self.assertEqual(stage["reached"], len(entered[stage["name"]]))
            values = list(entered[stage["name"]].values())
            self.assertAlmostEqual(stage["trials"]["mean"], sum(values) / len(values), 6)


class OtherProtocols(unittest.TestCase):
    def test_blocks_of_the_biased_task(self):
        rows = table("--protocol", protocol("ibl_biased"), "--mice", "20", "--sessions", "4")
        lengths = []
        for session in by_session(rows).values():
            blocks = []
            for r in session:
                if not blocks or blocks[-1][0] != r["p_left"]:
                    blocks.append([r["p_left"], 0])
                blocks[-1][1] += 1
            self.assertEqual(blocks[0], [.5, 90])
            self.assertTrue({p for p, _ in blocks[1:]} <= {.2, .8})
            lengths += [n for _, n in blocks[1:-1]]
        self.assertTrue(min(lengths) >= 20 and max(lengths) <= 99)
        mean = sum(lengths) / len(lengths)
        print("blocks", len(lengths), "mean length", round(mean, 2))
        # 50.87 by the distribution; ends of sessions cut longer blocks a little more often.
        self.assertLess(abs(mean - 50.87), 5 * 23 / math.sqrt(len(lengths)) + 2.5)
        for p in (.2, .8):
            side = [r["side"] for r in rows if r["p_left"] == p]
            self.assertLess(abs(sum(side) - (1 - p) * len(side)), 5 * .4 * math.sqrt(len(side)))
        zero = [r for r in rows if r["stimulus"] == 0]
        self.assertLess(abs(len(zero) / len(rows) - .2), 5 * .4 / math.sqrt(len(rows)))

    def test_every_shipped_protocol_can_be_simulated(self):
        names = sorted(os.listdir(PROTOCOLS))
        self.assertGreater(len(names), 2)
        for name in names:
            done = murid("--protocol", os.path.join(PROTOCOLS, name), "--mice", "3", "--sessions",
                         "2", *LEARNER)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(name[:-5] + ": 3 mice, 2 sessions of each", done.stdout)

    def test_correction_trials_and_a_step_between_sessions(self):
        rows = table("--protocol", protocol("staged_2afc"), "--mice", "10", "--sessions", "15",
                     *LEARNER)
        for session in by_session(rows).values():
            stages = {r["stage"] for r in session}
            self.assertFalse({"middle", "full"} <= stages)
            for a, b in zip(session, session[1:]):
                if a["stage"] == "easy" and b["stage"] == "easy":
                    self.assertEqual(b["repeat"], int(a["choice"] != a["side"]))
                    if b["repeat"]:
                        self.assertEqual(a["stimulus"], b["stimulus"])
        self.assertIn("full", {r["stage"] for r in rows})


class Defects(unittest.TestCase):
    words = ("--mice", "10", "--sessions", "10", *LEARNER)

    def simulate(self, defect):
        return table("--protocol", protocol("ibl_training"), "--defect", defect, *self.words)

    def test_zero_left(self):
        self.assertEqual({r["side"] for r in self.simulate("zero_left") if r["stimulus"] == 0}, {0})

    def test_debias_off(self):
        self.assertEqual({r["repeat"] for r in self.simulate("debias_off")}, {0})

    def test_keeps_half(self):
        half = {r["stimulus"] for r in self.simulate("keeps_half")
                if r["stage"] == "5" and abs(r["stimulus"]) == .5}
        self.assertEqual(half, {-.5})

    def test_wrong_contrasts(self):
        self.assertEqual({abs(r["stimulus"]) for r in self.simulate("wrong_contrasts")
                          if r["stage"] == "5"}, {1, .25, .125, .03125, 0})

    def test_never_advances(self):
        done = murid("--protocol", protocol("ibl_training"), "--defect", "never_advances", "--json",
                     *self.words)
        reached = {s["name"]: s["reached"] for s in
                   json.loads(done.stdout)["protocols"][0]["stages"]}
        self.assertGreater(reached["1"], 0)
        self.assertEqual(reached["2"], 0)
        self.assertIn("no mouse leaves stage 1", done.stderr)


class Commands(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def test_threads_and_other_animals_change_nothing(self):
        words = ("--protocol", protocol("ibl_training"), "--model", SHIPPED, "--mice", "150",
                 "--sessions", "4", "--trials", "200")
        outputs = set()
        for n in ("1", "2", "3"):
            done = murid(*words, "--threads", n, "-o", self.path("t.csv"), "--csv",
                         self.path("s.csv"), "--plot", self.path("p.svg"), "--force")
            self.assertEqual(done.returncode, 0, done.stderr)
            outputs.add((done.stdout, self.read("t.csv"), self.read("s.csv"), self.read("p.svg")))
        self.assertEqual(len(outputs), 1)
        few = table("--protocol", protocol("ibl_training"), "--model", SHIPPED, "--mice", "20",
                    "--sessions", "4", "--trials", "200")
        rows = list(csv.DictReader(io.StringIO(self.read("t.csv"))))
        self.assertEqual(len(rows), 150 * 4 * 200)
        mine = {}
        for r in rows:
            mine.setdefault(r["subject"], []).append((r["stimulus"], r["choice"]))
        for subject in {r["subject"] for r in few}:
            self.assertEqual([(f"{r['stimulus']:g}", str(r["choice"])) for r in few
                              if r["subject"] == subject],
                             [(f"{float(s):g}", c) for s, c in mine[subject]])

    def test_a_table_can_be_evaluated_and_played(self):
        done = murid("--protocol", protocol("ibl_training"), "--mice", "2", "--sessions", "2", "-o",
                     self.path("t.csv"), *LEARNER)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([MURID, "eval", self.path("t.csv")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_played_table_tells_the_daemon_its_stages(self):
        rows = table("--protocol", protocol("ibl_training"), "--mice", "1", "--sessions", "3",
                     *LEARNER)
        murid("--protocol", protocol("ibl_training"), "--mice", "1", "--sessions", "3", "-o",
              self.path("t.csv"), *LEARNER)
        with Daemon() as daemon:
            done = subprocess.run([MURID, "play", self.path("t.csv"), "--asap", "--to",
                                   daemon.endpoint["ask"]], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(daemon.stop(), 0)
            heard = [msgpack.unpackb(raw) for (raw,) in daemon.query(
                "SELECT raw FROM event WHERE kind = 'trial' ORDER BY id")]
        self.assertEqual([m["stage"] for m in heard], [r["stage"] for r in rows])
        self.assertEqual([m["repeat"] for m in heard], [r["repeat"] for r in rows])
        self.assertGreater(len({m["stage"] for m in heard}), 1)

    def test_two_protocols_with_the_same_animals(self):
        done = murid("--compare", protocol("ibl_training"), protocol("ibl_training"), "--defect",
                     "debias_off", "--mice", "60", "--sessions", "6", "--json", "--plot",
                     self.path("p.svg"), "--csv", self.path("s.csv"), *LEARNER)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        a, b = report["protocols"]
        self.assertEqual([a["name"], b["name"]], ["ibl_training", "ibl_training with debias_off"])
        self.assertEqual(b["sessions"][0]["repeat_rate"]["mean"], 0)
        gain = report["difference"]["final_accuracy"]
        self.assertAlmostEqual(gain["mean"], b["sessions"][-1]["accuracy"]["mean"] -
                               a["sessions"][-1]["accuracy"]["mean"], 8)
        self.assertTrue(gain["mean_lo"] < gain["mean"] < gain["mean_hi"])
        rows = list(csv.DictReader(io.StringIO(self.read("s.csv"))))
        self.assertEqual(len({r["protocol"] for r in rows}), 3)
        svg = xml.etree.ElementTree.fromstring(self.read("p.svg"))
        self.assertTrue(svg.tag.endswith("svg"))
        self.assertNotIn("nan", self.read("p.svg"))
        same = json.loads(murid("--compare", protocol("ibl_training"), protocol("ibl_training"),
                                "--mice", "10", "--sessions", "2", "--json", *LEARNER).stdout)
        self.assertEqual(same["difference"]["final_accuracy"]["mean"], 0)

    def test_animals_of_a_bank_are_those_of_its_members(self):
        words = ("--protocol", protocol("fixed_set"), "--mice", "300", "--sessions", "10", "--json")
        done = murid(*words, "--model", SHIPPED)
        self.assertEqual(done.returncode, 0, done.stderr)
        sessions = json.loads(done.stdout)["protocols"][0]["sessions"]
        # Naive at first, and not all alike later: some members learn, some do not.
        self.assertLess(abs(sessions[0]["accuracy"]["q50"] - 0.5), 0.06)
        self.assertGreater(sessions[-1]["accuracy"]["mean"], sessions[0]["accuracy"]["mean"] + 0.02)
        spread = [s["accuracy"]["q75"] - s["accuracy"]["q25"] for s in sessions]
        self.assertGreater(spread[-1], spread[0])

    def test_stops_when_interrupted(self):
        p = subprocess.Popen([MURID, "simulate", "--protocol", protocol("ibl_training"), "--mice",
                              "10000", "--sessions", "1000"], stderr=subprocess.PIPE, text=True)
        time.sleep(1)
        p.send_signal(signal.SIGINT)
        said = p.communicate(timeout=30)[1]
        self.assertEqual(p.returncode, 1)
        self.assertRegex(said, r"murid: interrupted after \d+ trials\n")

    def test_wrong_words_are_named_and_end_with_2(self):
        ibl = protocol("ibl_training")
        for words in (["--protocol", ibl, "--stimuli", "1"], ["--protocol", ibl, "--compare", ibl],
                      ["--compare", ibl], ["--compare", ibl, ibl, ibl], ["--protocol", ibl, ibl],
                      ["--compare", ibl, ibl, "-o", "x"], ["--protocol", ibl, "--truth", "x"],
                      ["--defect", "zero_left"], ["--csv", "x"], ["--json"], ["--threads", "2"],
                      ["--protocol", ibl, "--defect", "rust"], ["--protocol", "/nonexistent.yaml"],
                      ["--protocol", ibl, "--json", "-o", "-"], ["--protocol", ibl, "--rate-spread",
                                                                 "0.3"],
                      ["--protocol", ibl, "--mice", "1000000", "--sessions", "10000"],
                      ["--protocol", ibl, "--model", SHIPPED, "--rule", "none"],
                      ["--protocol", ibl, "--criterion", "2"]):
            done = murid(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertRegex(done.stderr, r"^murid: .+\n$")
            self.assertEqual(done.stdout, "")
        for words in (["-o", "/nonexistent/x"], ["-o", "/dev/full"], ["--csv", "/nonexistent/x"],
                      ["--plot", "/nonexistent/x"]):
            done = murid("--protocol", ibl, *words)
            self.assertEqual(done.returncode, 1 if "/dev/full" in words else 2, words)
            self.assertRegex(done.stderr, r"murid: .+\n$")


if __name__ == "__main__":
    unittest.main()

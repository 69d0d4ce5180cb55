"""murid fit of many models: banks, ensembles over seeds and cross-validation. The same bytes on any number
of threads and ranks, interrupted or not; the tables agree with each other and with fits made one by one.
Ranks need a build with MURID_MPI, which has only their tests."""
import csv
import json
import math
import os
import re
import shutil
import signal
import subprocess
import time
import unittest
from xml.etree import ElementTree

import skips
from fits import HEADER, MURID, SLOW, Table, fitting, table, tensors

HAS_MPI = os.environ["MURID_MPI"] == "1"
MPIRUN = ["mpirun", "--oversubscribe", "--allow-run-as-root"]
BANK = ["none", "reinforce", "reinforce_base", "dnn", "rnn", "gru_policy"]
REFERENCES = ["reward_max", "predict_max", "eligibility", "random walk"]
SMALL = ["--epochs", "2", "--hidden", "4"]
LONG = ["--rule", "bank", "--cv", "3", "--hidden", "4", "--epochs", "4" if SLOW else "16"]
TABLES = ("cv.csv", "cv.svg")
JOBS = (3 + 1) * (len(BANK) + len(REFERENCES))  # of LONG: each fold, and all animals
RESUME_LINE = rf"(?m)^murid: interrupted with [0-9]+ of {JOBS} jobs done; the same command with --resume continues$"


class Many(Table):
    def setUp(self):
        super().setUp()
        with open(self.data, "w") as f:
            f.write(table(animals=6, n=130, less=9))

    def made(self, name):
        """Digests of the model and its tables."""
        return [self.digest(name)] + [self.digest(f"{name}.{end}") for end in TABLES]

    def command(self, name, *words, ranks=0):
        launcher = [*MPIRUN, "-n", str(ranks)] if ranks else []
        tables = (["--csv", self.path(name + ".cv.csv"), "--plot", self.path(name + ".cv.svg")] if "--cv" in words and
                  "--csv" not in words else [])
        return [*launcher, MURID, "fit", *fitting([self.data, "-o", self.path(name), *tables, *words])]

    def run_many(self, name, *words, ranks=0, code=0):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_", "PMI", "SLURM_"))}
        done = subprocess.run(self.command(name, *words, ranks=ranks), capture_output=True, text=True,
                              timeout=300, env=env, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def start_until_some_are_done(self, name, *words, ranks=0):
        """A process with some fits behind it and some at work."""
        process = subprocess.Popen(self.command(name, *words, ranks=ranks), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.addCleanup(process.kill)
        kept = self.path(name + ".fit")
        deadline = time.monotonic() + 60
        while True:
            names = os.listdir(kept) if os.path.isdir(kept) else []
            if (sum(n.endswith(".result") for n in names) >= 3 and
                    any(n.endswith(".state") for n in names)):
                return process
            self.assertIsNone(process.poll(), "it ended before it could be stopped")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.002)

    def whole(self):
        """Digests of the long fit, made once."""
        if not hasattr(type(self), "WHOLE"):
            self.run_many("whole", *LONG)
            type(self).WHOLE = self.made("whole")
        return self.WHOLE

    def goes_on(self, name, *words):
        self.run_many(name, *LONG, "--resume", *words)
        self.assertEqual(self.made(name), self.whole())
        self.assertFalse(os.path.exists(self.path(name + ".fit")))


@unittest.skipIf(HAS_MPI, "the build without MPI has these")
class Models(Many):
    def members(self, name):
        shown = subprocess.run([MURID, "model", self.path(name), "--json"], capture_output=True, check=True)
        return json.loads(shown.stdout)["members"]

    def test_a_bank_has_the_standard_members_and_can_be_scored(self):
        done = self.run_many("b", "--rule", "bank", *SMALL)
        self.assertRegex(done.stdout, r"\A6 members, [0-9]+ trials of 6 animals\n[0-9a-f]{16} \S+/b\n\Z")
        self.assertEqual([m["rule"] for m in self.members("b")], BANK)
        scored = subprocess.run([MURID, "eval", self.data, "--json", "--model", self.path("b")],
                                capture_output=True, check=True)
        self.assertLess(json.loads(scored.stdout)["pooled"]["nats"], math.log(2))
        self.assertEqual(sorted(os.listdir(self.directory.name)), ["b", "data.csv"])

    def test_an_ensemble_holds_the_nets_that_single_fits_make(self):
        self.run_many("e", "--seeds", "3", "--seed", "5", "--batch", "2", *SMALL, "--share", "0.02")
        several = tensors(self.path("e"))
        self.assertEqual(len(self.members("e")), 3)
        for k in range(3):
            self.run_many("one", "--seed", str(5 + k), "--batch", "2", *SMALL)
            one = tensors(self.path("one"))
            self.assertIn("gru.weight_hh_l0", one)
            for name, value in one.items():
                self.assertEqual(several[f"{k}.{name}"], value, name)

    def test_a_rule_without_a_net_is_fitted_once_however_many_seeds(self):
        self.run_many("b", "--rule", "bank", "--seeds", "2", *SMALL)
        rules = [m["rule"] for m in self.members("b")]
        self.assertEqual((rules.count("reinforce"), rules.count("rnn")), (1, 2))
        done = self.run_many("a", "--rule", "reinforce", "--seeds", "3", code=2)
        self.assertIn("is the same from every seed", done.stderr)

    def test_too_many_seeds_for_a_bank_are_told_before_the_work(self):
        done = self.run_many("b", "--rule", "bank", "--seeds", "8", "--epochs", "1000000", code=2)
        self.assertEqual(done.stderr, "murid: --seeds: they make a bank of 27 models; at most 24 were "
                                      "expected\n")
        self.assertEqual(os.listdir(self.directory.name), ["data.csv"])

    def test_wishes_that_do_not_go_together_are_told_before_the_work(self):
        forever = ["--epochs", "1000000"]
        for words, code, expected in (
                (["--json"], 2, "--json: has no effect without --cv"),
                (["--csv", self.path("t")], 2, "--csv: has no effect without --cv"),
                (["--cv", "1"], 2, "1\" is not a whole number from 2"),
                (["--cv", "7"], 2, "7 folds of 6 animals; at least as many animals as folds"),
                (["--cv", "3", "--losses", self.path("l.csv")], 2, "--losses: has no effect together with --cv"),
                (["--cv", "3", "--rule", "bank", "--filter", "none"], 2, "a bank is of filters"),
                (["--cv", "5", "--hold-out", "4"], 2, "4 animals held out of 4 that a fold leaves"),
                (["--cv", "3", "--csv", "/nonexistent/t"], 2, "/nonexistent/t: cannot be written"),
                (["--cv", "3", "--resume"], 2, "m.fit: no such directory; that of an interrupted fit")):
            done = self.run_many("m", *words, *forever, code=code)
            self.assertIn(expected, done.stderr)
            self.assertEqual(os.listdir(self.directory.name), ["data.csv"])
        self.run_many("m", "--cv", "5", "--hold-out", "3", *SMALL)


@unittest.skipIf(HAS_MPI, "the build without MPI has these")
class CrossValidation(Many):
    COLUMNS = "level,subject,fold,model,trials,nats,gain,gain_lo,gain_hi,n_worse,worst_subject".split(",")

    def rows(self, name):
        with open(self.path(name + ".cv.csv"), newline="") as f:
            reader = csv.DictReader(f)
            rows = list(reader)
        self.assertEqual(reader.fieldnames, self.COLUMNS)
        return rows

    def columns_of(self, rows):
        return [r["model"] for r in rows if r["level"] == "pooled"]

    def test_the_columns_are_the_bank_its_parts_and_what_they_are_set_against(self):
        self.run_many("b", "--rule", "bank", "--cv", "2", "--seeds", "2", *SMALL)
        nets = [f"{rule}/{seed}" for rule in BANK[3:] for seed in (0, 1)]
        self.assertEqual(self.columns_of(self.rows("b")),
                         ["bank", *BANK[:3], *nets, *REFERENCES, *(f"bank without {r}" for r in BANK),
                          "psychometric", "chance"])
        self.run_many("r", "--rule", "reinforce", "--cv", "2", *SMALL)
        self.assertEqual(self.columns_of(self.rows("r")),
                         ["reinforce", "reinforce_base", *REFERENCES, "psychometric", "chance"])

    def test_csv_json_text_and_picture_tell_the_same(self):
        text = self.run_many("b", "--rule", "bank", "--cv", "3", *SMALL).stdout
        rows = self.rows("b")
        told = self.run_many("b", "--rule", "bank", "--cv", "3", *SMALL, "--json").stdout
        self.assertEqual(told.count("\n"), 1)
        c = json.loads(told)
        self.assertEqual(list(c), ["against", "n", "n_subjects", "resamples", "seed", "models", "subjects"])
        self.assertEqual((c["against"], c["n_subjects"], c["seed"]), ("bank", 6, 0))
        self.assertEqual([m["name"] for m in c["models"]], self.columns_of(rows))
        for model in c["models"]:
            self.assertEqual(list(model), ["name", "nats", "gain", "gain_lo", "gain_hi", "n_worse",
                                           "worst_subject", "worst_gain"])
        for subject in c["subjects"].values():
            self.assertEqual(list(subject), ["n", "fold", "nats"])
        self.assertEqual(sorted(s["fold"] for s in c["subjects"].values()), [1, 1, 2, 2, 3, 3])
        self.assertEqual(c["n"], sum(s["n"] for s in c["subjects"].values()))
        for i, model in enumerate(c["models"]):
            mine = {r["subject"]: r for r in rows if r["model"] == model["name"] and r["level"] == "subject"}
            self.assertEqual(list(mine), list(c["subjects"]))
            for name, subject in c["subjects"].items():
                self.assertEqual(float(mine[name]["nats"]), subject["nats"][i])
                self.assertEqual((int(mine[name]["fold"]), int(mine[name]["trials"])),
                                 (subject["fold"], subject["n"]))
            pooled = next(r for r in rows if r["model"] == model["name"] and r["level"] == "pooled")
            mean = sum(s["n"] * s["nats"][i] for s in c["subjects"].values()) / c["n"]
            self.assertAlmostEqual(float(pooled["nats"]), mean, places=8)
            self.assertEqual(float(pooled["nats"]), model["nats"])
            self.assertRegex(text, rf"(?m)^{re.escape(model['name'])} +{mean:.4f}\b")
            if i > 0:
                self.assertAlmostEqual(model["gain"], model["nats"] - c["models"][0]["nats"], places=8)
                self.assertTrue(model["gain_lo"] <= model["gain"] <= model["gain_hi"], model)
                self.assertEqual([float(pooled[k]) for k in ("gain", "gain_lo", "gain_hi")],
                                 [model[k] for k in ("gain", "gain_lo", "gain_hi")])
        self.assertAlmostEqual(c["models"][-1]["nats"], math.log(2), places=9)
        picture = ElementTree.parse(self.path("b.cv.svg")).getroot()
        self.assertEqual(picture.tag, "{http://www.w3.org/2000/svg}svg")
        words = [t.text for t in picture.iter("{http://www.w3.org/2000/svg}text")]
        for model in c["models"][1:]:
            self.assertIn(model["name"], words)

    def test_an_animal_is_scored_by_models_that_never_saw_it(self):
        self.run_many("r", "--rule", "rnn", "--cv", "3", *SMALL)
        rows = [r for r in self.rows("r") if r["level"] == "subject" and r["model"] == "rnn"]
        fold = {r["subject"]: r["fold"] for r in rows}
        with open(self.data) as f:
            lines = f.read().splitlines(keepends=True)[1:]
        for k in ("1", "3"):
            seen = self.path(f"not-{k}.csv")
            with open(seen, "w") as f:
                f.write(HEADER + "".join(l for l in lines if fold[l.split(",")[0]] != k))
            done = self.run_fit(seen, "-o", self.path("seen"), "--rule", "rnn", *SMALL)
            self.assertEqual(done.returncode, 0, done.stderr)
            scored = subprocess.run([MURID, "eval", self.data, "--json", "--model", self.path("seen")],
                                    capture_output=True, check=True)
            nats = {s: v["nats"] for s, v in json.loads(scored.stdout)["subjects"].items()}
            held = [r for r in rows if r["fold"] == k]
            self.assertEqual(len(held), 2)
            for r in held:
                self.assertAlmostEqual(float(r["nats"]), nats[r["subject"]], places=9)

    def test_without_a_model_only_tables_are_written_and_json_is_what_is_printed(self):
        done = self.run_fit(self.data, "--cv", "2", "--csv", self.path("t.cv.csv"), "--plot",
                            self.path("t.cv.svg"), "--json", *SMALL)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(os.listdir(self.directory.name)),
                         ["data.csv", *(f"t.{end}" for end in TABLES)])
        bare = subprocess.run([MURID, "fit", self.data, "--cv", "2", "--json", *SMALL], capture_output=True,
                              text=True, cwd=self.directory.name)
        self.assertEqual((bare.returncode, bare.stdout), (0, done.stdout), bare.stderr)
        self.assertEqual(len(os.listdir(self.directory.name)), 3)

    def test_open_loop_rules_are_cross_validated_too(self):
        for rule in ("reinforce_base", "dnn"):
            done = self.run_many("o", "--rule", rule, "--filter", "none", "--cv", "2", "--seed", "3", *SMALL)
            self.assertIn(rule, done.stdout)

    def test_the_seed_deals_the_folds_and_the_order_of_rows_does_not(self):
        def dealt(data, seed):
            done = self.run_fit(data, "--cv", "3", "--rule", "none", "--epochs", "1", "--seed", seed,
                                "--csv", self.path("t.cv.csv"), "--force")
            self.assertEqual(done.returncode, 0, done.stderr)
            return {r["subject"]: r["fold"] for r in self.rows("t")}
        turned = self.path("turned.csv")
        with open(self.data) as f, open(turned, "w") as t:
            animals = {}
            for line in f.read().splitlines(keepends=True)[1:]:
                animals.setdefault(line.split(",")[0], []).append(line)
            t.write(HEADER + "".join("".join(rows) for rows in reversed(animals.values())))
        one = dealt(self.data, "1")
        self.assertEqual(one, dealt(turned, "1"))
        self.assertTrue(any(dealt(self.data, str(seed)) != one for seed in (2, 3, 4)))


@unittest.skipIf(HAS_MPI, "the build without MPI has these")
class Resume(Many):
    def test_threads_change_no_byte(self):
        texts = set()
        for threads in ("1", "2", "3"):
            done = self.run_many("t", *LONG, "--threads", threads)
            texts.add(done.stdout)
            self.assertEqual(self.made("t"), self.whole(), threads)
        self.assertEqual(len(texts), 1)

    def test_interrupted_it_goes_on_to_the_same_bytes(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            name = f"{number}"
            process = self.start_until_some_are_done(name, *LONG, "--threads", "2")
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, out), (1, ""), err)
            self.assertEqual(len(re.findall(RESUME_LINE, err)), 1, err)
            self.assertFalse([n for n in os.listdir(self.path(name + ".fit")) if n.endswith(".tmp")])
            self.assertFalse(os.path.exists(self.path(name)))
            self.goes_on(name, "--threads", "3")

    def test_killed_it_goes_on_and_other_fits_are_refused_there(self):
        process = self.start_until_some_are_done("k", *LONG, "--threads", "2")
        process.kill()
        process.communicate()
        kept = sorted(os.listdir(self.path("k.fit")))
        again = self.run_many("k", *LONG, code=2)
        self.assertRegex(again.stderr, r"k\.fit: of an interrupted fit; --resume continues it, removing it "
                                       r"starts over\n\Z")
        other = self.path("other.csv")
        with open(other, "w") as f:
            f.write(table(animals=6, n=130, less=9, seed=2))
        for words in (["--epochs", "17"], ["--seed", "1"], ["--cv", "2"], ["--seeds", "2"], ["--rate", "0.1"],
                      ["--policy", "stimulus,bias"], ["--rule", "rnn"]):
            rest = [w for i, w in enumerate(LONG) if w not in words[:1] and (i == 0 or LONG[i - 1] != words[0])]
            done = self.run_many("k", *rest, *words, "--resume", code=2)
            self.assertRegex(done.stderr, r"(?m)^murid: \S*k\.fit/key: of another fit: \".+\" stands there, "
                                          r"\".+\" was expected\n\Z", words)
        data = self.run_fit(other, "-o", self.path("k"), *LONG, "--resume")
        self.assertEqual(data.returncode, 2)
        self.assertIn("k.fit/key: of another fit: \"data ", data.stderr)
        self.assertEqual(sorted(os.listdir(self.path("k.fit"))), kept)
        self.goes_on("k", "--threads", "1")

    def test_a_damaged_result_is_made_anew_and_a_damaged_state_is_named(self):
        process = self.start_until_some_are_done("d", *LONG, "--threads", "2")
        process.kill()
        process.communicate()
        kept = self.path("d.fit")
        for end, content in ((".result", b"murid"), (".state", b"\0" * 99)):
            name = os.path.join(kept, min(n for n in os.listdir(kept) if n.endswith(end)))
            with open(name, "wb") as f:
                f.write(content)
        stopped = self.run_many("d", *LONG, "--resume", code=2)
        self.assertRegex(stopped.stderr, r"(?m)^murid: warning: \S+\.result: damaged, or of other jobs: done "
                                         r"again$")
        self.assertRegex(stopped.stderr, r"(?m)^murid: \S+\.state: .+$")
        os.remove(name)
        self.goes_on("d")

    def test_two_at_once_do_not_work_in_one_directory(self):
        process = self.start_until_some_are_done("two", *LONG, "--threads", "1")
        second = self.run_many("two", *LONG, "--resume", code=1)
        self.assertIn("two.fit: another murid is using it", second.stderr)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.goes_on("two")

    def test_an_interrupted_search_of_a_classic_rule_can_be_gone_on_with(self):
        with open(self.data, "w") as f:
            f.write(table(animals=6, n=400 if SLOW else 4000, less=9))
        words = ["--rule", "reinforce_base", "--filter", "none", "--cv", "3", "--epochs", "1"]
        self.run_many("whole", *words)
        process = subprocess.Popen(self.command("c", *words, "--threads", "1"), stderr=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        while not os.path.exists(self.path("c.fit/key")):
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertNotIn("nothing was written", err)
        if os.path.exists(self.path("c.fit")): # not if nothing was done yet
            self.assertRegex(err, r"(?m)^murid: interrupted with [0-9]+ of 32 jobs done; the same command with "
                                  r"--resume continues$")
            words.append("--resume")
        self.run_many("c", *words)
        self.assertEqual(self.made("c"), self.made("whole"))


@unittest.skipIf(HAS_MPI, "the build without MPI has these")
class Losses(Many):
    """A single fit of several batches: its file of losses is the same too."""

    WORDS = ["--batch", "1", "--hidden", "8", "--epochs", "30" if SLOW else "150"]

    def start(self, name):
        process = subprocess.Popen(self.command(name, *self.WORDS, "--losses", self.path(name + ".csv")),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        while not (os.path.exists(self.path(name + ".csv")) and
                   os.path.getsize(self.path(name + ".csv")) > 100):
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        return process

    def test_they_are_those_of_an_uninterrupted_fit(self):
        self.run_many("whole", *self.WORDS, "--losses", self.path("whole.csv"))
        for number in (signal.SIGTERM, signal.SIGKILL):
            process = self.start("part")
            process.send_signal(number)
            process.communicate(timeout=60)
            self.run_many("part", *self.WORDS, "--losses", self.path("part.csv"), "--resume")
            self.assertEqual(self.losses("part.csv"), self.losses("whole.csv"))
            self.assertEqual(self.digest("part"), self.digest("whole"))
            os.remove(self.path("part.csv"))


@unittest.skipUnless(HAS_MPI and shutil.which("mpirun"), "built without MPI")
class Ranks(Many):
    def ranks_of(self, process):
        """Pids of the murids below mpirun, by rank."""
        pids = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
                with open(f"/proc/{pid}/environ", "rb") as f:
                    rank = re.search(rb"(?:^|\0)OMPI_COMM_WORLD_RANK=([0-9]+)\0", f.read())
            except OSError:
                continue
            if parent == process.pid and rank:
                pids[int(rank[1])] = int(pid)
        return pids

    def test_two_ranks_make_the_bytes_of_one(self):
        for threads in ("1", "2"):
            done = self.run_many("r", *LONG, "--threads", threads, ranks=2)
            self.assertEqual(self.made("r"), self.whole())
            self.assertEqual(done.stdout.count(f"{len(BANK)} members"), 1, done.stdout)
            self.assertEqual(done.stderr.count("warning: only"), 1, done.stderr)

    def test_one_fit_is_made_once(self):
        alone = self.run_many("a", *SMALL).stdout
        self.assertEqual(self.run_many("b", *SMALL, ranks=2).stdout.replace("/b\n", "/a\n"), alone)
        self.assertEqual(self.digest("a"), self.digest("b"))

    def test_a_rank_that_is_told_to_stop_stops_all_and_one_goes_on(self):
        for rank in (0, 1):
            process = self.start_until_some_are_done("s", *LONG, "--threads", "1", ranks=2)
            os.kill(self.ranks_of(process)[rank], signal.SIGTERM)
            out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, out), (1, ""), err)
            self.assertEqual(len(re.findall(RESUME_LINE, err)), 1, err)
            self.goes_on("s")

    def test_a_launcher_that_is_interrupted_and_a_rank_that_is_killed_can_be_gone_on_from(self):
        for who in ("launcher", "rank"):
            process = self.start_until_some_are_done("c", *LONG, "--threads", "1", ranks=2)
            if who == "launcher":
                process.send_signal(signal.SIGINT)
            else:
                os.kill(self.ranks_of(process)[1], signal.SIGKILL)
            process.communicate(timeout=60)
            self.assertNotEqual(process.returncode, 0)
            if os.path.exists(self.path("c.fit")):
                self.goes_on("c")
            else: # all was done before mpirun, which takes a second, handed the signal on
                self.assertEqual(self.made("c"), self.whole())

    def test_what_is_wrong_is_told_once(self):
        for words, expected in ((["--rule", "smell"], "--rule"), (["--cv", "9"], "9 folds of 6 animals")):
            done = self.run_many("m", *words, ranks=2, code=2)
            self.assertEqual(done.stderr.count(expected), 1, done.stderr)
        self.data = "-"
        done = self.run_many("m", ranks=2, code=2)
        self.assertIn("standard input reaches one of 2 ranks; a file that all of them see was expected",
                      done.stderr)


if __name__ == "__main__":
    skips.main()

"""The daemon follows the files that rigs' software writes: each trial once, in order, whatever happens to files, share and
daemon; and what is wrong is said once."""
import datetime
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
import unittest

import msgpack
import numpy as np

import bpod_session
import skips
from daemon import MURID, Daemon
from iblrig_writer import DATA, Session, day

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
KILLS = int(os.environ.get("KILLS", 3))
RECORDED = os.path.join(os.environ["MURID_SOURCE_DIR"], "..", "shared", "data", "rigs", "iblrig_sessions")
LIMIT_S = 60


def sources(root):
    return sorted(at for at, _, names in os.walk(root) if DATA in names)


class Follow(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        print(f"SEED={SEED}")
        self.draw = random.Random(SEED)
        self.home = tempfile.mkdtemp(prefix="murid-follow-")
        self.root = os.path.join(self.home, "iblrig_data")
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)

    def daemon(self, follow=None, **keys):
        daemon = Daemon()
        daemon.settings["rigs"] = [{"name": "box-1", "follow": follow or self.root, "format": "iblrig", **keys}]
        daemon.write_config()
        return daemon

    def wait(self, daemon, what, test, seconds=LIMIT_S):
        deadline = time.monotonic() + seconds
        while not test():
            self.assertLess(time.monotonic(), deadline, what + "\n" + daemon.log()[-3000:])
            time.sleep(0.02)

    def wait_trials(self, daemon, n):
        count = "SELECT count(*) FROM trial"
        self.wait(daemon, f"{n} trials", lambda: daemon.query(count)[0][0] >= n)

    def check(self, daemon, sessions):
        """Each trial of the sessions was taken, once and in order."""
        for s in sessions:
            self.assertEqual(daemon.trials(subject=s.subject, session=s.name), s.expected())
        self.assertEqual(len(daemon.trials()), sum(len(s.lines) for s in sessions))
        self.assertEqual(daemon.query("SELECT DISTINCT source, rig, status FROM event WHERE kind = 'trial'"),
                         [("files", "box-1", "taken")])

    def alerts(self, daemon):
        """Codes, but for what is about the animal or the version of iblrig."""
        others = {"disengaged", "model_out_of_range", "known_defects"}
        return {c for c, in daemon.query("SELECT DISTINCT code FROM alert")} - others


class Writing(Follow):
    def test_a_session_is_read_as_it_grows_with_start_and_end_and_predicted_at_once(self):
        os.makedirs(self.root)
        session = Session.made(self.root, 12, SEED)
        with self.daemon() as daemon:
            heard = daemon.ready_listener("murid/1/box-1/m1/")
            session.begin()
            delays = []
            for n, text in enumerate(session.lines):
                written = time.monotonic()
                session.add(text)
                while True:
                    self.assertTrue(heard.poll(30000), daemon.log()[-2000:])
                    topic, body = heard.recv_multipart()
                    if topic.endswith(b"/prediction") and msgpack.unpackb(body)["for_trial"] == n + 1:
                        break
                delays.append(time.monotonic() - written)
            session.finish()
            ended = "SELECT count(*) FROM event WHERE kind = 'session_end'"
            self.wait(daemon, "the end", lambda: daemon.query(ended)[0][0] == 1)
            self.check(daemon, [session])
            start = msgpack.unpackb(daemon.query("SELECT raw FROM event WHERE kind = 'session_start'")[0][0])
            self.assertEqual((start["rig"], start["subject"], start["session"], start["task"]),
                             ("box-1", "m1", session.name, "_iblrig_tasks_trainingChoiceWorld"))
            self.assertEqual(self.alerts(daemon), set())
            replayed = subprocess.run([MURID, "replay", daemon.journal], capture_output=True, text=True)
            self.assertEqual(replayed.returncode, 0, replayed.stderr)
        print(f"line to prediction: median {sorted(delays)[6]:.3f} s, longest {max(delays):.3f} s")

    def write_all(self, daemon, sessions, kills):
        """Appends to each session in turn at random cuts, some in the middle of a line for a while."""
        open_sessions, moments = list(sessions), []
        total = sum(len(s.left) for s in sessions)
        written = 0
        kill_at = sorted(self.draw.randrange(total) for _ in range(kills))
        for s in sessions:
            s.begin(half=self.draw.randrange(1, 200) if self.draw.random() < 0.5 else None)
        while open_sessions:
            s = self.draw.choice(open_sessions)
            n = self.draw.choice((1, 7, 300, 5000, 40000, 150000))
            if not s.write(n):
                open_sessions.remove(s)
                s.finish()
            elif s.written == n or self.draw.random() < 0.1:
                s.begin()
            written += n
            if self.draw.random() < 0.1:
                time.sleep(self.draw.uniform(0.0, 0.3))
            while kill_at and written > kill_at[0]:
                kill_at.pop(0)
                daemon.kill()
                moments.append(written)
                daemon.start()
                time.sleep(self.draw.uniform(0.0, 0.6))
        return moments

    def recorded(self):
        found = []
        for i, folder in enumerate(sources(RECORDED)):
            subject = folder.split(os.sep)[-4]
            program = os.path.relpath(folder, RECORDED).split(os.sep)[0]
            found.append(Session.recorded(self.root, folder, subject=f"{subject}_{program}", number=i + 1,
                                          folder=os.path.basename(folder), end="\r\n" if i % 3 == 1 else "\n",
                                          started=f"10:00:{i:02d}.5"))
        return found

    @unittest.skipUnless(os.path.exists(RECORDED), "../shared/data absent")
    def test_recorded_sessions_written_at_random_cuts_to_a_killed_daemon_are_taken_once(self):
        sessions = self.recorded()
        os.makedirs(self.root)
        with self.daemon() as daemon:
            self.write_all(daemon, sessions, KILLS)
            self.wait_trials(daemon, sum(len(s.lines) for s in sessions))
            self.check(daemon, sessions)
            self.assertLessEqual(self.alerts(daemon), {"bad_line"})  # of half-written settings

    def test_a_daemon_killed_at_random_takes_each_trial_once_and_in_order(self):
        sessions = [Session.made(self.root, 900, SEED + i, padding=800, subject=f"m{i}", end="\r\n" if i == 1 else "\n")
                    for i in range(3)]
        os.makedirs(self.root)
        with self.daemon() as daemon:
            kills = self.write_all(daemon, sessions, KILLS)
            self.wait_trials(daemon, sum(len(s.lines) for s in sessions))
            self.check(daemon, sessions)
            self.assertEqual(len(kills), KILLS)
            self.assertLessEqual(self.alerts(daemon), {"bad_line"})  # of half-written settings

    def test_a_number_used_again_is_another_run_even_if_the_daemon_is_away(self):
        first, second, third = (Session.made(self.root, n, SEED + n) for n in (9, 7, 5))
        first.begin().write()
        with self.daemon() as daemon:
            self.wait_trials(daemon, 9)
            shutil.rmtree(first.folder)
            time.sleep(self.draw.uniform(0.0, 0.5))
            second.settings["SESSION_START_TIME"] = day() + "T12:00:00.5"
            second.begin().write()
            self.wait_trials(daemon, 16)
            daemon.kill()
            os.remove(third.data)
            third.settings["SESSION_START_TIME"] = day() + "T14:00:00.5"
            third.begin().write()
            daemon.start()
            self.wait_trials(daemon, 21)
            daemon.kill()
            daemon.start()
            third.finish()
            ended = "SELECT count(*) FROM event WHERE kind = 'session_end'"
            self.wait(daemon, "the end", lambda: daemon.query(ended)[0][0] == 1)
            for run, s in (("", first), ("+2", second), ("+3", third)):
                self.assertEqual(daemon.trials(session=s.name + run),
                                 [(a, b + run, *rest) for a, b, *rest in s.expected()])
            self.assertEqual(len(daemon.trials()), 21)
            self.assertEqual(self.alerts(daemon), {"restarted"})

    def test_a_file_cut_off_and_written_again_is_taken_once(self):
        session = Session.made(self.root, 40, SEED)
        session.begin().write(len(session.left) // 2)
        with self.daemon() as daemon:
            self.wait_trials(daemon, 15)
            os.truncate(session.data, len(session.left) // 5)  # as after a power cut of the rig
            time.sleep(0.6)
            session.written = len(session.left) // 5
            session.write()
            self.wait_trials(daemon, 40)
            self.check(daemon, [session])
            self.assertEqual(self.alerts(daemon), set())

    def test_a_malformed_line_is_named_with_its_remedy_and_what_follows_is_read(self):
        session = Session.made(self.root, 6, SEED)
        session.begin()
        with self.daemon() as daemon:
            session.add(*session.lines[:2], session.lines[2][:80], *session.lines[3:5])
            self.wait_trials(daemon, 4)
            self.wait(daemon, "the alert", lambda: daemon.alerts("bad_line"))
            session.add("{\"trial_num\": 5}", session.lines[5])
            self.wait_trials(daemon, 5)
            self.assertEqual([t[2] for t in daemon.trials()], [0, 1, 3, 4, 5])
            self.wait(daemon, "the alert", lambda: len(daemon.alerts("bad_line")) == 2)
            for number, (text, found) in zip((3, 6), zip(daemon.alerts("bad_line"), ("byte 80", "no \"contrast\""))):
                self.assertIn("rig box-1: ", text)
                self.assertIn(f"raw_task_data_00/{DATA}:{number}: ", text)
                self.assertIn(found, text)
                self.assertIn("was expected: the line is left out", text)
                self.assertIn(text, daemon.log())


class Choosing(Follow):
    def test_older_sessions_are_left_and_what_was_written_while_the_daemon_was_away_is_taken(self):
        old = Session.made(self.root, 5, 1, subject="old", date=day(3)).begin()
        yesterday = Session.made(self.root, 5, 2, subject="old", date=day(1)).begin()
        today = Session.made(self.root, 5, 3).begin()
        for s in (old, yesterday, today):
            s.write()
        with self.daemon() as daemon:
            self.wait_trials(daemon, 5)
            daemon.stop()
            later = Session.made(self.root, 6, 4, number=2, started="12:00:00.5").begin()
            later.write()
            daemon.start()
            self.wait_trials(daemon, 11)
            copied = Session.made(self.root, 5, 5, subject="old", number=2, date=day(4)).begin()
            copied.write()
            live = Session.made(self.root, 7, 6, subject="m2").begin()
            live.write()
            self.wait_trials(daemon, 18)
            self.check(daemon, [today, later, live])

    def test_sessions_of_an_animal_are_read_in_the_order_in_which_they_began(self):
        late = Session.made(self.root, 5, 1, number=1, started="15:00:00.5").begin()
        early = Session.made(self.root, 5, 2, number=2, started="09:00:00.5").begin()
        late.write(), early.write()
        with self.daemon() as daemon:
            self.wait_trials(daemon, 10)
            self.assertEqual([t[1] for t in daemon.trials()], [early.name] * 5 + [late.name] * 5)


class Trouble(Follow):
    def told(self, daemon, code, n):
        self.wait(daemon, f"{n} {code}", lambda: len(daemon.alerts(code)) >= n)
        texts = daemon.alerts(code)
        self.assertEqual(len(texts), n, texts)
        self.assertEqual(daemon.query("SELECT DISTINCT rig FROM alert WHERE code = ?", code), [("box-1",)])
        self.assertIn(texts[-1], daemon.log())
        return texts[-1]

    def test_a_path_that_is_not_there_yet_is_said_once_and_read_when_it_is(self):
        with self.daemon() as daemon:
            text = self.told(daemon, "files_gone", 1)
            self.assertIn(f"rig box-1: {self.root}: No such file or directory; ", text[:-1])
            self.assertIn("correct rigs.follow", text)
            time.sleep(3)
            session = Session.made(self.root, 5, SEED).begin()
            session.write()
            self.wait_trials(daemon, 5)
            self.told(daemon, "files_gone", 1)
            self.told(daemon, "files_back", 1)
            self.check(daemon, [session])

    def test_a_share_that_goes_and_comes_back_is_gone_on_with(self):
        session = Session.made(self.root, 30, SEED).begin()
        away = self.root + ".away"
        with self.daemon() as daemon:
            for turn in range(2):
                session.write(len(session.left) // 3)
                self.wait_trials(daemon, 9 * (turn + 1))
                os.rename(self.root, away)
                if turn == 1:
                    os.mkdir(self.root)  # as the folder on which nothing is mounted
                text = self.told(daemon, "files_gone", turn + 1)
                self.assertIn(("No such file or directory", "empty, where sessions were")[turn], text)
                if turn == 1:
                    os.rmdir(self.root)
                    os.rename(away, self.root)
                else:
                    os.rename(away, self.root)
                self.told(daemon, "files_back", turn + 1)
            session.write()
            self.wait_trials(daemon, 30)
            self.check(daemon, [session])

    def test_a_file_in_place_of_the_folder_and_a_link_in_a_circle_are_named(self):
        file = os.path.join(self.home, "notes.txt")
        with open(file, "w") as f:
            f.write("not a session\n")
        circle = os.path.join(self.home, "circle")
        os.symlink(circle, circle)
        for path, found in ((file, "not a folder, and no file of iblrig"),
                            (circle, "Too many levels of symbolic links"),
                            (os.path.join(file, "below"), "Not a directory")):
            with self.daemon(path) as daemon:
                self.assertIn(f"rig box-1: {path}: {found}; ", self.told(daemon, "files_gone", 1))

    def test_a_data_file_that_cannot_be_read_is_named_once_and_read_when_it_can(self):
        session = Session.made(self.root, 5, SEED).begin()
        os.mkdir(session.data)
        with self.daemon() as daemon:
            text = self.told(daemon, "files_gone", 1)
            self.assertIn(f"/{DATA}: not a regular file", text)
            time.sleep(1)
            os.rmdir(session.data)
            session.write()
            self.wait_trials(daemon, 5)
            self.told(daemon, "files_gone", 1)
            self.told(daemon, "files_back", 1)
            self.check(daemon, [session])

    def test_check_finds_a_wrong_path_and_a_wrong_format_before_the_start(self):
        daemon = self.daemon()
        self.addCleanup(daemon.close)

        def check():
            done = subprocess.run([MURID, "check", "-c", daemon.config_path], capture_output=True, text=True)
            return done.returncode, done.stderr

        code, said = check()
        self.assertEqual(code, 1, said)
        self.assertIn(f"murid: rigs: box-1: {self.root}: No such file or directory; ", said)
        os.makedirs(self.root)
        code, said = check()
        self.assertEqual(code, 0, said)
        self.assertIn("followed files: ok", said)
        daemon.settings["rigs"][0]["format"] = "iblrg"
        daemon.write_config()
        code, said = check()
        self.assertEqual(code, 2, said)
        self.assertIn("rigs.format: \"iblrg\" is unknown; known are ", said)
        self.assertIn("did you mean iblrig?", said)
        daemon.settings["rigs"][0].update(format="iblrig", map=["columns.stimulus=coherence"])
        daemon.write_config()
        code, said = check()
        self.assertNotEqual(code, 0, said)
        self.assertIn("no mapping", said)


class Others(Follow):
    def taken(self, daemon):
        return [(t, c, r) for t, c, r in daemon.query("SELECT trial, choice, reward FROM trial ORDER BY event")]

    def test_a_session_of_pycontrol_is_read_row_by_row_and_ends(self):
        os.makedirs(self.root)
        now = day()
        info = [("task_name", "reversal_learning"), ("subject_id", "m7"), ("start_time", f"{now}T03:04:05.000")]
        rows = ["time\ttype\tsubtype\tcontent\n", *(f"0.000\tinfo\t{k}\t{v}\n" for k, v in info)]
        drawn = [(self.draw.choice(["left", "right"]), self.draw.random() < 0.7) for _ in range(15)]
        for n, (choice, outcome) in enumerate(drawn, 1):
            said = {"n_trials": n, "choice": choice, "outcome": outcome, "good_side": "right"}
            rows += [f"{n}.000\tstate\t\tchoice_state\n", f"{n}.250\tvariable\tprint\t{json.dumps(said)}\n"]
        rows.append("20.000\tinfo\tend_time\t" + f"{now}T03:24:05.000\n")
        with self.daemon(format="pycontrol") as daemon, open(os.path.join(self.root, "m7.tsv"), "wb", 0) as f:
            data = "".join(rows).encode()
            cuts = sorted(self.draw.sample(range(1, len(data)), 6))
            for first, last in zip([0, *cuts], [*cuts, len(data)]):
                f.write(data[first:last])
                time.sleep(0.2)
            self.wait_trials(daemon, 15)
            self.wait(daemon, "the session's end", lambda: daemon.query(
                "SELECT count(*) FROM event WHERE kind = 'session_end'")[0][0] == 1)
            self.assertEqual(self.taken(daemon), [(n, int(c == "right"), float(o)) for n, (c, o) in enumerate(drawn, 1)])
            self.assertEqual(self.alerts(daemon), set())

    def test_a_file_of_bpod_is_read_again_as_it_is_saved_and_each_trial_is_taken_once(self):
        os.makedirs(self.root)
        path = os.path.join(self.root, "m8_Light2AFC_" + day().replace("-", "") + "_101112.mat")
        with self.daemon(format="bpod") as daemon:
            for n in (1, 2, 7, 20):
                data = bpod_session.light_2afc(n, seed=5)
                data["Info"]["SessionDate"] = datetime.date.today().strftime("%d-%b-%Y")
                bpod_session.save(path, data)
                self.wait_trials(daemon, n)
            expected = [(r["trial"], None if np.isnan(r["choice"]) else r["choice"], r["reward"])
                        for r in bpod_session.read_mat(path)]
            self.assertEqual(self.taken(daemon), expected)


class Watching(Follow):
    def test_watch_shows_a_followed_rig_like_any_other(self):
        session = Session.made(self.root, 40, SEED).begin()
        session.write()
        with self.daemon() as daemon:
            self.wait_trials(daemon, 40)
            shown = subprocess.run([MURID, "watch", "--connect", daemon.endpoint["pub"], "--until-idle", "3"],
                                   capture_output=True, text=True, timeout=60)
            self.assertIn(f"m1 session {session.name} trial 39: ", shown.stdout)


if __name__ == "__main__":
    skips.main()

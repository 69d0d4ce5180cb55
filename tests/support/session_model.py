"""What a daemon owes to a rig, by a model that keeps everything it ever heard: which trials are in the
journal under which session, and up to which seq. The rules are those of docs/protocol.md."""

CLOCKS = ("v", "seq", "run", "session", "t_mono_ns", "next_stimulus")


class Count:
    """The seqs of one counting."""

    def __init__(self):
        self.heard, self.first = {}, None

    def durable(self):
        n = 1 if self.first is None else self.first
        while n in self.heard:
            n += 1
        return max(n - 1, 0)

    def take(self, seq, content, kind):
        if self.first is None:
            self.first = seq if kind == "session_start" or seq == 0 else 1
        self.first = min(self.first, seq)
        self.heard[seq] = content


class Run:
    def __init__(self, number, previous=None, count=None, first_seq=None):
        self.number, self.previous = number, previous
        self.count, self.first_seq = count or Count(), first_seq
        self.trials, self.highest, self.doubted, self.start = {}, -1, None, None


class Model:
    """One rig with one animal."""

    def __init__(self):
        self.sessions, self.latest = {}, {}

    def begin(self, name, number, *rest, is_stated=False):
        run = Run(number, self.latest.get(name) if not is_stated else None, *rest)
        self.sessions.setdefault(name, {})[number] = run
        if not is_stated:
            self.latest[name] = run
        return run

    def find(self, m, content):
        name, seq, n = m["session"], m.get("seq"), m.get("trial")
        if "run" in m or name not in self.latest:
            number = m.get("run", 1)
            return self.sessions.get(name, {}).get(number) or self.begin(
                name, number, is_stated=number > 1)
        run = self.latest[name]
        while seq is not None and run.previous and seq < (run.first_seq or 0):
            run = run.previous
        if m["kind"] == "trial" and seq is None and n > run.highest + 1:
            earlier = run.previous
            while earlier and earlier.trials.get(n) != content:
                earlier = earlier.previous
            run = earlier or run
        known = run.count.heard.get(seq)
        back = (m["kind"] == "session_start" and known is not None
                and (run.highest >= 0 or max(run.count.heard) > seq))
        if m["kind"] == "trial" and run.trials.get(n, content) != content:
            back = n <= 1 or (n < 8 and run.highest - n >= 64)
        if known == content or not back:
            return run
        goes_on = seq is not None and seq > max(run.count.heard, default=0)
        return self.begin(name, max(self.sessions[name]) + 1,
                          *((run.count, seq) if goes_on else ()))

    def hear(self, m):
        """Takes a message. True if it has to be in the journal."""
        content = tuple(sorted((k, v if k != "stimuli" else tuple(v)) for k, v in m.items()
                               if k not in CLOCKS
                               and (k != "t_wall_ns" or m["kind"] == "session_start")))
        run, seq, n = self.find(m, content), m.get("seq"), m.get("trial")
        known = run.count.heard.get(seq)
        if known == content or (m["kind"] == "session_start" and seq is None
                                and run.start == content):
            return False
        is_trial = m["kind"] == "trial"
        is_conflict = is_trial and run.trials.get(n, content) != content
        is_repeat = is_trial and run.trials.get(n) == content
        if m["kind"] == "session_start":
            run.start = content
        if is_trial and n not in run.trials:
            self.number(run, n)
            run.trials[n] = content
        if seq is not None and (known is None or not (is_conflict or is_repeat)):
            if known is not None:
                run.count.__init__()
            run.count.take(seq, content, m["kind"])
        return not is_repeat or (seq is not None and known is None)

    @staticmethod
    def number(run, n):
        """A number far ahead is doubted, until the next continues from it."""
        if n - run.highest > 256 and run.highest >= 0 and run.doubted != n - 1:
            run.doubted = n
        elif n > run.highest:
            run.highest, run.doubted = n, None

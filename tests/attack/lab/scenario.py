"""A scenario: a function that gets a `Lab`, attacks, and says what it measured and what it found wrong."""
import os, tempfile, time, traceback
from lab import peers
from lab.frontgate import MIB, Frontgate

ALL = {}


def scenario(name, seconds, alone=False, **honest):
    """Registers a scenario.

    `seconds` is how long it may take; `alone` ones load the machine or judge latency, so nothing runs beside them.
    The rest of the keywords are the honest clients beside it.
    """
    def register(function):
        ALL[name] = Scenario(name, function, seconds, alone, honest)
        return function
    return register


class Scenario:
    """One of the list."""

    def __init__(self, name, function, seconds, alone, honest):
        self.name, self.function, self.seconds, self.alone, self.honest = name, function, seconds, alone, honest
        self.why = " ".join((function.__doc__ or "").split())

    def run(self):
        """Runs it in this process's namespace: (ok, the line)."""
        with tempfile.TemporaryDirectory(prefix="frontgate-attack-") as folder:
            lab = Lab(folder, self.name, self.honest)
            try:
                self.function(lab)
            except NotRun as why:
                lab.end()
                return None, str(why)
            except Stop as why:
                lab.wrong(str(why))
            except Exception as error:  # pylint: disable=broad-except
                lab.wrong(f"{type(error).__name__}: {error}")
                traceback.print_exc()
            try:
                lab.finish()
            finally:
                lab.end()
            return not lab.faults, "; ".join([*lab.faults, *lab.figures]).replace("\n", " | ")


class NotRun(Exception):
    """Something that the scenario needs is not there."""


class Stop(Exception):
    """What was found, which makes the rest pointless."""


class Lab:
    """What a scenario works with."""

    def __init__(self, folder, name, honest):
        self.folder, self.name, self.kinds = folder, name, honest
        self.faults, self.figures = [], []
        self.frontgate = self.gateway = self.honest = self.before = None
        self.slowest, self.began = int(os.environ.get("ATTACK_SLOWEST", 1000)), 0.0
        # What has to be held until the end.
        self.silent = None

    def start(self, config=None, settle=0.7, **options):
        """Starts the gateway, frontgate and the honest clients, and takes the measure of it all at rest."""
        self.gateway = peers.Gateway()
        self.frontgate = Frontgate(self.folder, self.name, config or {}, **options)
        if self.kinds:
            self.honest = peers.Honest(**self.kinds)
        time.sleep(settle)
        if self.honest:
            self.honest.mark()
        self.began = time.monotonic()
        self.before = self.frontgate.sample()
        self.frontgate.watch()
        return self.frontgate

    def check(self, holds, wrong):
        """Notes what is wrong if it does not hold."""
        if not holds:
            self.wrong(wrong)
        return holds

    def wrong(self, what):
        """Notes what is wrong."""
        self.faults.append(what)

    def note(self, figure):
        """Notes a figure."""
        self.figures.append(figure)

    def grown(self):
        """The peak over what there was at rest."""
        return self.frontgate.peak - self.before

    def memory(self, most, what="peak", each=1):
        """Judges the peak: no more than `most` bytes over rest, for each of `each`."""
        self.frontgate.peak = self.frontgate.peak.most(self.frontgate.sample(tasks=False))
        grown = self.grown()
        cost = max(grown.pss, grown.usage) / each
        unit = f"{cost / 1024:.0f} KiB each" if each > 1 else f"{cost / MIB:.1f} MiB"
        limit = f"{most / 1024:.0f} KiB" if each > 1 else f"{most / MIB:.0f} MiB"
        self.note(f"{what} +{unit} (of {limit}), sockets +{grown.sockets / MIB:.1f} MiB, files +{grown.files}")
        self.check(cost <= most, f"{what} +{unit}, more than {limit}")

    def back(self, most, seconds):
        """Judges what is kept after all peers have left: no more than `most` bytes over rest within `seconds`."""
        after, took = self.frontgate.settled(self.before.pss + most, seconds)
        kept = after.pss - self.before.pss
        self.note(f"kept +{kept / MIB:.1f} MiB (of {most / MIB:.0f}) after {took:.0f} s")
        self.check(kept <= most, f"keeps {kept / MIB:.1f} MiB, more than {most / MIB:.0f}")

    def files_back(self, spare=8, seconds=5):
        """Judges the files: as many as before, or nearly."""
        after, _ = self.frontgate.settled(self.before.files + spare, seconds, "files")
        self.check(after.files <= self.before.files + spare, f"{after.files - self.before.files} files are left open")

    def finish(self):
        """Judges what holds for every scenario: it still runs, and the honest clients were served."""
        if self.frontgate and self.frontgate.process.poll() is not None and not getattr(self.frontgate, "ended", False):
            killed = self.frontgate.group.kills()
            peak = self.frontgate.peak
            self.wrong(f"frontgate was killed: {'out of memory' if killed else self.frontgate.process.returncode} (peak {peak})")
            return
        if self.honest:
            # A few requests at least.
            time.sleep(max(0.0, 2.5 - (time.monotonic() - self.began)))
            figures = self.honest.figures()
            for complaint in peers.unserved(figures, self.slowest):
                self.wrong(complaint)
            self.note(peers.shown(figures))

    def end(self):
        """Ends everything."""
        for each in (self.honest, self.gateway):
            if each:
                each.end()
        if self.frontgate:
            self.frontgate.kill()
        self.honest = self.gateway = self.frontgate = None

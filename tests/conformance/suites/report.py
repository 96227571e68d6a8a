"""Counts verdicts and says those that matter."""
import os, time


class Report:
    """What became of the cases of one suite."""

    def __init__(self, suite, known):
        self.suite, self._known, self._began = suite, known, time.monotonic()
        self.passed, self.failed, self.known = 0, 0, 0
        self._said, self._reasons, self._verbose = set(), {}, bool(os.environ.get("CONFORMANCE_VERBOSE"))

    def case(self, name, wrong, certain=False):
        """The verdict of a case: `wrong` is what was, empty if nothing was. Where it is `certain`, it is none of the known failures."""
        if name in self._said:
            raise ValueError(f"two cases are called {name}")
        self._said.add(name)
        if not wrong:
            self.passed += 1
            if name in self._known:
                print(f"FIXED {self.suite} {name}: passes; take it off the list of known failures", flush=True)
            elif self._verbose:
                print(f"ok    {self.suite} {name}", flush=True)
        elif name in self._known and not certain:
            self.known += 1
            self._reasons.setdefault(self._known[name], []).append(name)
            if self._verbose:
                print(f"known {self.suite} {name}: {wrong}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL  {self.suite} {name}: {wrong}", flush=True)

    def close(self):
        """The line at the end."""
        for reason, names in self._reasons.items():
            print(f"KNOWN {self.suite}, {len(names)}: {reason}: {'; '.join(names)}")
        gone = sorted(set(self._known) - self._said)
        if gone and not self.failed:
            self.failed += 1
            print(f"FAIL  {self.suite}: known failures that are no case: {', '.join(gone)}")
        cases = self.passed + self.known + self.failed
        print(f"{self.suite}: {cases} cases, {self.passed} passed, {self.known} known, {self.failed} failed, "
              f"{time.monotonic() - self._began:.0f} s", flush=True)

"""Counts verdicts and says those that matter."""
import os, time


class Report:
    """What became of the cases of one suite."""

    def __init__(self, suite, known):
        self.suite, self._known, self._began = suite, known, time.monotonic()
        self.passed, self.failed, self.known = 0, 0, 0
        self._said, self._verbose = set(), bool(os.environ.get("CONFORMANCE_VERBOSE"))

    def case(self, name, wrong):
        """The verdict of a case: `wrong` is what was, empty if nothing was."""
        if name in self._said:
            raise ValueError(f"two cases are called {name}")
        self._said.add(name)
        if not wrong:
            self.passed += 1
            if name in self._known:
                print(f"FIXED {self.suite} {name}: passes; take it off the list of known failures", flush=True)
            elif self._verbose:
                print(f"ok    {self.suite} {name}", flush=True)
        elif name in self._known:
            self.known += 1
            print(f"KNOWN {self.suite} {name}: {self._known[name]} [{wrong}]", flush=True)
        else:
            self.failed += 1
            print(f"FAIL  {self.suite} {name}: {wrong}", flush=True)

    def close(self):
        """The line at the end."""
        gone = sorted(set(self._known) - self._said)
        if gone:
            self.failed += 1
            print(f"FAIL  {self.suite}: known failures that are no case: {', '.join(gone)}")
        cases = self.passed + self.known + self.failed
        print(f"{self.suite}: {cases} cases, {self.passed} passed, {self.known} known, {self.failed} failed, "
              f"{time.monotonic() - self._began:.0f} s", flush=True)

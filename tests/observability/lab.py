"""A frontgate and a Prometheus of a run's own, in one folder."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import signal
import threading
import time
import urllib.request

from peers import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = pathlib.Path(tempfile.mkdtemp(prefix="frontgate-alerts-"))
# The times of the rules, and what they become. A window spans several scrapes, which come each second.
SHORTER = [("[10m] offset 1m", "[20s] offset 5s"), ("[1d]", "[40s]"), ("[1h]", "[40s]"), ("[15m]", "[20s]"), ("[10m]", "[60s]"), ("[5m]", "[10s]")]
# A frontgate takes settings from the environment, and knows no other FRONTGATE_….
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("FRONTGATE_")}


def find_binary():
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    named = [pathlib.Path(os.environ["FRONTGATE_BIN"])] if os.environ.get("FRONTGATE_BIN") else [folder / "release/frontgate", folder / "debug/frontgate"]
    found = next((each for each in named if each.is_file()), None)
    return found.resolve() if found else sys.exit("there is no frontgate: cargo build, or FRONTGATE_BIN")


BINARY = find_binary()


def within(seconds, holds, otherwise):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError(otherwise)


class Frontgate:
    """A frontgate of its own, which a scenario may end, stop or feed."""

    def __init__(self, name, config, prefix=(), stdout=None, upstream=None):
        self.folder = WORK / name
        self.folder.mkdir()
        self.admin, self.plain = free_port(), free_port()
        self.file = self.folder / "frontgate.yaml"
        self.base = f'state_dir: {self.folder}\nadmin: "127.0.0.1:{self.admin}"\nupstream: http://127.0.0.1:{upstream or free_port()}\n'
        if "listen:" not in config:
            self.base += f'listen: {{ https: [], plain: ["127.0.0.1:{self.plain}"] }}\n'
        self.write(config)
        log = stdout or open(self.folder / "log", "wb")
        self.process = subprocess.Popen([*prefix, str(BINARY), "serve", "-c", str(self.file)], stdout=log, stderr=log, cwd=self.folder, env=ENVIRONMENT)
        within(30, lambda: self.asks("/livez"), f"{name} does not come up: {self.folder}/log")

    def write(self, config):
        beside = self.file.with_suffix(".new")
        beside.write_text(self.base + config)
        beside.rename(self.file)

    def asks(self, path, method="GET"):
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{self.admin}{path}", method=method)
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return None

    def value(self, name):
        scrape = self.asks("/metrics") or ""
        found = [line.rsplit(" ", 1)[1] for line in scrape.splitlines() if line.startswith(name + " ") or line.startswith(name + "{")]
        return sum(float(each) for each in found)

    def signal(self, which):
        os.kill(self.process.pid, which)

    def end(self):
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()


def shortened():
    text = (ROOT / "deploy/observability/rules.yaml").read_text()
    for long, short in SHORTER:
        text = text.replace(long, short)
    text = re.sub(r"\n( +)for: \w+", r"\n\1for: 2s", text)
    left = re.findall(r"\[\d+[mhd]\]|offset \d+m", text)
    assert not left, f"SHORTER knows no {left}"
    (WORK / "rules.yaml").write_text(text)
    return re.findall(r"- alert: (\w+)", text)


class Prometheus:
    def __init__(self):
        self.port = free_port()
        self.targets = {}
        self.lock = threading.Lock()
        (WORK / "targets.json").write_text("[]")
        (WORK / "prometheus.yaml").write_text(
            "global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }\nrule_files: [rules.yaml]\nscrape_configs:\n"
            "  - job_name: frontgate\n    file_sd_configs: [{ files: [targets.json], refresh_interval: 1s }]\n")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={WORK}/prometheus.yaml", f"--storage.tsdb.path={WORK}/data", f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=open(WORK / "prometheus.log", "wb"), stderr=subprocess.STDOUT)
        within(30, lambda: self.get("/-/ready"), f"prometheus does not come up: {WORK}/prometheus.log")

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.read()
        except OSError:
            return None

    def scrape(self, name, port):
        with self.lock:
            self.targets[name] = f"127.0.0.1:{port}"
            beside = WORK / "targets.new"
            beside.write_text(json.dumps([{"targets": list(self.targets.values())}]))
            beside.rename(WORK / "targets.json")

    def forget(self, name):
        with self.lock:
            del self.targets[name]
            beside = WORK / "targets.new"
            beside.write_text(json.dumps([{"targets": list(self.targets.values())}]))
            beside.rename(WORK / "targets.json")

    def firing(self, port):
        """The alarms that fire for the frontgate with this admin listener, and what they say."""
        answer = json.loads(self.get("/api/v1/alerts") or '{"data":{"alerts":[]}}')
        fit = [each for each in answer["data"]["alerts"] if each["state"] == "firing" and each["labels"].get("instance", "").endswith(f":{port}")]
        return {each["labels"]["alertname"]: each["annotations"]["summary"] for each in fit}

    def end(self):
        self.process.terminate()
        self.process.wait()

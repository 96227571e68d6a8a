"""nginx: how a fixture is made to run here, and how nginx is started with it."""
import re
import shutil
import subprocess

NAME = "nginx"
MAIN = "nginx.conf"

# The fixtures that are compared: their hosts, and the prefixes below which requests are sent as well.
FIXTURES = {
    "minimal": {"hosts": ["gw.example.com", "GW.example.com:8443"]},
    "certbot": {"hosts": ["claw.example.org", "www.claw.example.org"]},
    "upgrade-map": {"hosts": ["gw.example.com", "gw.example.com:8443"]},
    "several-gateways": {"hosts": ["ann.example.com", "b.example.com", "x.team.example.com", "y.lab.example.com", "other.example"]},
    "subpath": {"hosts": ["home.example.net"], "prefixes": ["/claw", "/second", "/openclaw", "/openclaw/x", "/static"]},
    "basic-auth": {"hosts": ["gw.example.com"], "prefixes": ["/hooks", "/old"], "user": "ann:correct horse"},
    "includes": {"hosts": ["gw.example.com"], "prefixes": ["/api"]},
    "host-map": {"hosts": ["gw.example.com", "ann.example.com", "x.lab.example.com", "www.example.com"], "prefixes": ["/status"]},
    "static-and-api": {"hosts": ["app.example.com"], "prefixes": ["/api", "/api/raw", "/api/docs", "/v1", "/ws", "/ws/admin", "/moved", "/gone", "/hangup"]},
    "lan-plain": {"hosts": ["192.168.1.5:8000"]},
}

DISABLED = r"^\s*(user|pid|load_module|access_log|error_log|ssl_dhparam|include\s+/etc/elsewhere)\b[^;]*;[^\n]*$"


def binary():
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def prepare(text, main, ports, upstream, cert):
    """A file of a fixture, with the ports, upstreams and certificates of this run. `ports` and `upstream` give a port for what
    is written."""
    text = re.sub(DISABLED, "", text, flags=re.M)

    def listen(match):
        before, addr, port, rest = match.groups()
        host = "[::1]" if (addr or "").startswith("[") else "127.0.0.1"
        return f"{before}{host}:{ports(port, 'ssl' in rest)}{rest.replace('ipv6only=on', '')};"

    text = re.sub(r"(\blisten\s+)(?:(\[[^\]]*\]|[\d.]+):)?(\d+)\b([^;]*);", listen, text)
    # What listens nowhere twice: all addresses become one.
    kept = []
    seen = set()
    for line in text.split("\n"):
        key = line.strip() if re.match(r"\s*listen\s", line) else None
        if re.match(r"\s*server\s*\{", line):
            seen.clear()
        if key and key in seen:
            continue
        seen.add(key) if key else None
        kept.append(line)
    text = "\n".join(kept)
    text = re.sub(r"(ssl_certificate)\s+[^;]+;", rf"\1 {cert}.pem;", text)
    text = re.sub(r"(ssl_certificate_key)\s+[^;]+;", rf"\1 {cert}.key;", text)
    address = r"(?:\d+\.\d+\.\d+\.\d+|localhost):\d+|unix:[^\s;:]+"
    text = re.sub(rf"((?:proxy_pass\s+https?://|^\s*server\s+|\s(?!listen\b)(?:default|[\w.*-]+)\s+))({address})", lambda m: m[1] + f"127.0.0.1:{upstream(m[2])}", text, flags=re.M)
    text = re.sub(rf"(\{{\s*server\s+)({address})", lambda m: m[1] + f"127.0.0.1:{upstream(m[2])}", text)
    if main and not re.search(r"^http\s*\{", text, flags=re.M):
        text = f"events {{}}\nhttp {{\n{text}\n}}\n"
    if main and not re.search(r"^events\s*\{", text, flags=re.M):
        text = f"events {{}}\n{text}"
    # Files that come with nginx, and are of no interest here.
    return re.sub(r"^\s*include\s+(mime\.types|fastcgi_params|modules-enabled/\*\.conf)\s*;", "", text, flags=re.M)


def start(folder):
    """nginx with the configuration in `folder`."""
    options = f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;"
    command = [binary(), "-p", str(folder), "-e", f"{folder}/error.log", "-c", f"{folder}/{MAIN}", "-g", options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def why(folder):
    """What nginx says of itself."""
    log = folder / "error.log"
    return log.read_text() if log.exists() else ""

"""Caddy: how a fixture is made to run here, and how Caddy is started with it."""
import os
import pathlib
import re
import shutil
import subprocess

NAME = "caddy"
MAIN = "Caddyfile"

# The fixtures that are compared: their hosts, and the prefixes below which requests are sent as well.
FIXTURES = {
    "minimal": {"hosts": ["gw.example.com", "gw.example.com:8443"]},
    "headers": {"hosts": ["gw.example.com", "www.gw.example.com"]},
    "subpath": {"hosts": ["www.example.com"], "prefixes": ["/openclaw", "/claw", "/api", "/api/v1"]},
    "websocket-matcher": {"hosts": ["gw.example.com"]},
}

# What Debian's Caddy does not know, or what would need files of another machine.
DISABLED = r"^\s*(stream_timeout|stream_close_delay|php_fastcgi)\b[^\n]*$"


def binary():
    return shutil.which("caddy")


def prepare(text, main, ports, upstream, cert):
    """A file of a fixture, with the ports, upstreams and certificates of this run. `ports` and `upstream` give a port for what
    is written."""
    text = re.sub(DISABLED, "", text, flags=re.M)
    text = re.sub(r"^\s*log \{.*?^\t\}$", "", text, flags=re.M | re.S)
    # Its older name, and the kind of hash that the older Caddy has.
    text = re.sub(r"\bbasic_auth\b", "basicauth", text)
    text = re.sub(r"^\tbasicauth [^\n]* argon2id \{.*?^\t\}$", "", text, flags=re.M | re.S)
    text = re.sub(r"^\tbasicauth [^\n]* \{\n\t\tcyd plaintext\n\t\}$", "", text, flags=re.M)
    text = re.sub(r"((?:reverse_proxy|to) [^\n]*)", lambda m: re.sub(r"(?:[\d.]+|localhost):\d+", lambda a: f"127.0.0.1:{upstream(a[0])}", m[1]), text)

    def site(match):
        addresses, brace = match.groups()
        secure = False
        written = []
        for address in re.split(r",\s*", addresses):
            scheme, _, rest = address.rpartition("://")
            host, _, port = rest.partition(":")
            plain = scheme == "http"
            secure |= not plain
            number = ports(port or ("80" if plain else "443"), not plain)
            written.append(f"{'http' if plain else 'https'}://{host}:{number}")
        tls = f"tls {cert}.pem {cert}.key" if secure else ""
        bind = "bind 127.0.0.1"
        return f"{', '.join(written)}{brace}\n\t{bind}\n\t{tls}\n"

    text = re.sub(r"^((?:https?://)?[\w.-]+\.[\w.:-]+(?:, [\w.:-]+)*)( \{)?\n", lambda m: site(re.match(r"(.*?)( \{|)$", m[0].rstrip("\n"))), text, flags=re.M)
    if main:
        options = "admin off\n\tauto_https disable_redirects"
        if re.search(r"^\{$", text, flags=re.M):
            text = re.sub(r"^\s*(admin|auto_https) [^\n]*\n", "", text, flags=re.M)
            text = re.sub(r"^\{$", "{\n\t" + options, text, count=1, flags=re.M)
        else:
            text = f"{{\n\t{options}\n}}\n{text}"
    return text


def start(folder):
    """Caddy with the configuration in `folder`."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": f"{folder}/data", "XDG_CONFIG_HOME": f"{folder}/config"}
    log = open(pathlib.Path(folder) / "caddy.log", "w", encoding="utf-8")
    command = [binary(), "run", "--config", f"{folder}/{MAIN}", "--adapter", "caddyfile"]
    return subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)


def why(folder):
    """What Caddy says of itself."""
    return (pathlib.Path(folder) / "caddy.log").read_text(encoding="utf-8")

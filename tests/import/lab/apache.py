"""Apache: how a fixture is made to run here, and how Apache is started with it."""
import os
import pathlib
import re
import shutil
import subprocess

NAME = "apache"
MAIN = "apache.conf"

# The fixtures that are compared: their hosts, and the prefixes below which requests are sent as well.
FIXTURES = {
    "minimal": {"hosts": ["gw.example.com", "gw.example.com:8443"]},
    "websocket-rewrite": {"hosts": ["claw.example.org", "www.claw.example.org"]},
    "several-gateways": {"hosts": ["ann.example.com", "x.team.example.com", "bob.example.com", "other.example"], "prefixes": ["/claw", "/hooks"]},
    "subpath": {"hosts": ["www.example.com"], "prefixes": ["/openclaw", "/claw", "/api/v1", "/clawed"]},
    "basic-auth": {"hosts": ["gw.example.com"], "prefixes": ["/hooks", "/ann", "/private"], "user": "ann:correct horse"},
    "behind-a-proxy": {"hosts": ["gw.example.com"]},
}

MODULES = """mpm_event unixd authn_core authn_file authz_core authz_host authz_user auth_basic auth_digest ssl socache_shmcb rewrite
proxy proxy_http proxy_wstunnel headers alias setenvif env mime log_config remoteip macro dir""".split()

# What the modules here do not have, or what would need files or names of another machine.
DISABLED = r"^\s*(ErrorLog|CustomLog|SSLUseStapling|SSLStaplingCache|SSLCertificateChainFile|RemoteIP\w+|SSLVerify\w+)\b[^\n]*$"


def binary():
    return shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin") or shutil.which("httpd")


def prepare(text, main, ports, upstream, cert):
    """A file of a fixture, with the ports, upstreams and certificates of this run. `ports` and `upstream` give a port for what
    is written."""
    text = re.sub(DISABLED, "", text, flags=re.M)
    text = re.sub(r"^\s*Listen\b[^\n]*$", "", text, flags=re.M)
    listening = []

    def host(match):
        head, body = match.groups()
        secure = re.search(r"^\s*SSLEngine\s+on", body, flags=re.M | re.I) is not None
        port = ports(re.search(r":(\d+)>", head)[1], secure)
        if port not in listening:
            listening.append(port)
        return f"<VirtualHost *:{port}>{body}</VirtualHost>"

    text = re.sub(r"(<VirtualHost [^>]*>)(.*?)</VirtualHost>", host, text, flags=re.S)
    text = re.sub(r"(SSLCertificateFile)\s+\S+", rf"\1 {cert}.pem", text)
    text = re.sub(r"(SSLCertificateKeyFile)\s+\S+", rf"\1 {cert}.key", text)
    address = r"\d+\.\d+\.\d+\.\d+:\d+|localhost:\d+"
    text = re.sub(rf"((?:http|ws)://)({address})", lambda m: f"{m[1]}127.0.0.1:{upstream(m[2])}", text)
    if main:
        text = "".join(f"Listen 127.0.0.1:{port}\n" for port in listening) + text
    return text


def start(folder):
    """Apache with the configuration in `folder`."""
    folder = pathlib.Path(folder)
    # Its workers run as the user `nobody`, and read the passwords.
    os.chmod(folder.parent, 0o755)
    modules = pathlib.Path("/usr/lib/apache2/modules")
    lines = [f"LoadModule {name}_module {modules}/mod_{name}.so" for name in MODULES if (modules / f"mod_{name}.so").exists()]
    lines += [f"ServerRoot {folder}", f"PidFile {folder}/pid", f"DefaultRuntimeDir {folder}", f"ErrorLog {folder}/error.log"]
    lines += ["TypesConfig /dev/null", "ServerName lab", "User nobody", "Group nogroup", f"Include {folder}/{MAIN}"]
    (folder / "lab.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return subprocess.Popen([binary(), "-f", f"{folder}/lab.conf", "-DFOREGROUND"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def why(folder):
    """What Apache says of itself."""
    folder = pathlib.Path(folder)
    log = folder / "error.log"
    tested = subprocess.run([binary(), "-t", "-f", f"{folder}/lab.conf"], capture_output=True, text=True, check=False).stderr
    return tested + (log.read_text(encoding="utf-8") if log.exists() else "")

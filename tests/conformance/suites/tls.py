"""TLS: what sslyze finds, against Mozilla's intermediate profile, and first messages that are no handshake."""
import json, re, socket, ssl, subprocess, sys, tempfile
from pathlib import Path

from .frontgate import NAME, Frontgate

NEEDS = ["sslyze==6.3.1"]
OLD = ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"]
# The intermediate profile without the suites that key exchange without elliptic curves needs, as frontgate has an ECDSA key of its own.
SUITES = {
    "tls_1_2": {f"TLS_ECDHE_{key}_WITH_{cipher}" for key in ("ECDSA", "RSA")
                for cipher in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")},
    "tls_1_3": {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"},
}
CURVES = {"X25519", "secp256r1", "secp384r1"}
# What sslyze compares with the profile.
PROFILE = ["certificate_curves", "certificate_signatures", "certificate_types", "ciphers", "ciphersuites", "dh_param_size", "ecdh_param_size",
           "maximum_certificate_lifespan", "rsa_key_size", "tls_curves", "tls_versions", "tls_vulnerabilities"]

SERVER_HELLO = b"\x02\0\0\x04\0\0\0\0"
# What comes first, and what an answer begins with: a fatal alert (RFC 8446 §6), or HTTP.
ALERT, HTTP = re.compile(rb"\x15\x03[\0-\x04]\0\x02\x02[^\0]"), re.compile(rb"HTTP/1\.1 [34]\d\d ")
# What does not begin with a handshake record is taken for plain HTTP.
FIRST = [
    ("a ServerHello first", b"\x16\x03\x01\0\x08" + SERVER_HELLO, ALERT),
    ("a Finished first", b"\x16\x03\x03\0\x10\x14\0\0\x0c" + bytes(12), ALERT),
    ("application data first", b"\x17\x03\x03\0\x05hello", HTTP),
    ("a change of ciphers first", b"\x14\x03\x03\0\x01\x01" + b"\x17\x03\x03\0\x05hello", HTTP),
    ("a record of more than 2^14 + 2048 bytes", b"\x16\x03\x01\x48\x01\x01\0\x47\xfd" + bytes(0x47fd), ALERT),
    ("a ClientHello of more than 64 KiB", b"".join(b"\x16\x03\x01\x40\0" + (b"\x01\x01\x40\0" if not at else b"") + bytes(0x4000 - (0 if at else 4))
                                                    for at in range(5)), ALERT),
    ("a ClientHello that is cut short inside", b"\x16\x03\x01\0\x09\x01\0\0\x05\x03\x03\0\0\0", ALERT),
    ("an empty ClientHello", b"\x16\x03\x01\0\x04\x01\0\0\0", ALERT),
    ("plain HTTP", b"GET / HTTP/1.1\r\nHost: frontgate.test\r\n\r\n", HTTP),
]

KNOWN = {
    "profile maximum_certificate_lifespan": "the local authority's certificates last 396 days, which browsers take; the profile asks for 366",
}


def run(report):
    """Runs the suite."""
    with socket.create_server(("127.0.0.1", 0)) as gateway, Frontgate(f"http://127.0.0.1:{gateway.getsockname()[1]}") as running:
        found, said = scan(running)
        if found is None:
            report.case("sslyze has a result", said)
            return
        judge(report, found)
        reasons = dict(re.findall(r"^ +\* (\w+): (.*)$", said.partition("COMPLIANCE AGAINST")[2], re.M))
        if "COMPLIANCE AGAINST" not in said or set(reasons) - set(PROFILE):
            report.case("sslyze compares with the profile", said[-500:])
        for key in PROFILE:
            report.case(f"profile {key}", reasons.get(key, ""))
        for name, version in (("TLS 1.2", ssl.TLSVersion.TLSv1_2), ("TLS 1.3", ssl.TLSVersion.TLSv1_3)):
            report.case(f"{name} is resumed", "" if resumes(running, version) else "the second connection began anew")
        for name, sent, answer in FIRST:
            got = first(running, sent)
            report.case(name, "" if answer.match(got) else f"sent {sent[:16].hex()}... ({len(sent)} bytes), seen {got[:60]!r} and the end")
        if not running.alive():
            report.case("frontgate still runs", running.said()[-500:])


def scan(running):
    """What sslyze has found, and what it has said; None if nothing."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.json"
        command = [sys.executable, "-W", "ignore", "-m", "sslyze", "--mozilla_config", "intermediate", "--early_data", "--sni", NAME,
                   "--certinfo_ca_file", running.authority, "--json_out", found, f"127.0.0.1:{running.port}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        if not found.exists():
            return None, (done.stdout + done.stderr)[-500:]
        return json.loads(found.read_text(encoding="utf-8"))["server_scan_results"][0]["scan_result"], done.stdout


def judge(report, found):
    """The list."""
    def of(name):
        part = found[name]
        return part["result"] if part["status"] == "COMPLETED" else {}

    def expect(name, value, wanted):
        report.case(name, "" if value == wanted else f"{value!r}, expected {wanted!r}")

    for name in OLD:
        expect(f"no {name}", of(f"{name}_cipher_suites").get("is_tls_version_supported"), False)
    for name, allowed in SUITES.items():
        result = of(f"{name}_cipher_suites")
        accepted = result.get("accepted_cipher_suites", [])
        names = {each["cipher_suite"]["name"] for each in accepted}
        expect(f"{name} is there", bool(names), True)
        expect(f"{name} has no cipher beside the profile", sorted(names - allowed), [])
        expect(f"{name} has forward secrecy", [each["cipher_suite"]["name"] for each in accepted if not each["ephemeral_key"]], [])
    curves = {curve["name"] for curve in of("elliptic_curves").get("supported_curves", [])}
    expect("no curve beside the profile", sorted(curves - CURVES), [])
    expect("X25519 is there", "X25519" in curves, True)
    expect("no ROBOT", of("robot").get("robot_result"), "NOT_VULNERABLE_RSA_NOT_SUPPORTED")
    expect("no Heartbleed", of("heartbleed").get("is_vulnerable_to_heartbleed"), False)
    expect("no early ChangeCipherSpec", of("openssl_ccs_injection").get("is_vulnerable_to_ccs_injection"), False)
    expect("no compression", of("tls_compression").get("supports_compression"), False)
    expect("secure renegotiation", of("session_renegotiation").get("supports_secure_renegotiation"), True)
    expect("no renegotiation by a client", of("session_renegotiation").get("is_vulnerable_to_client_renegotiation_dos"), False)
    expect("no downgrade (TLS_FALLBACK_SCSV)", of("tls_fallback_scsv").get("supports_fallback_scsv"), True)
    expect("the extended master secret", of("tls_extended_master_secret").get("supports_ems_extension"), True)
    expect("no early data", of("tls_1_3_early_data").get("supports_early_data"), False)
    chains = of("certificate_info").get("certificate_deployments", [])
    trusted = [path["trust_store"]["name"] for chain in chains for path in chain["path_validation_results"] if path["was_validation_successful"]]
    expect("the chain is whole and trusted with the local authority", bool(trusted), True)
    expect("the chain is in its order", [chain["received_chain_has_valid_order"] for chain in chains], [True] * len(chains))


def resumes(running, version):
    """Whether a second connection takes the first one's session up. (sslyze, which compares tickets, does not see it: each is new.)"""
    context, session = running.tls(), None
    context.minimum_version = context.maximum_version = version
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", running.port), 10) as plain, \
                context.wrap_socket(plain, server_hostname=NAME, session=session) as connection:
            # The tickets of TLS 1.3 come with the first answer. This one is refused: it names no host.
            connection.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            while connection.recv(65536):
                pass
            session, reused = connection.session, connection.session_reused
    return reused


def first(running, sent):
    """All that is answered to the first bytes of a connection."""
    got = b""
    with socket.create_connection(("127.0.0.1", running.port), 10) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65536):
                got += data
        except OSError as error:
            return got or str(error).encode()
    return got

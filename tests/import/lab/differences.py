"""What may differ between the old proxy and frontgate, and why. Everything else fails."""
import re

# name: what it is called; where: `client` or `backend`; what: the part; old, new: the values; report: the line that tells of it.
# All but the name are regular expressions for the whole of the text; `None` stands for what is not there. request: what was asked.
RULES = []


def rule(name, where, what, report, old=r"(?s).*", new=r"(?s).*", request=""):
    RULES.append({"name": name, "where": where, "what": what, "old": old, "new": new, "report": report, "request": request})


def rule_for(difference, report):
    """The rule that allows a difference."""
    where, what, old, new, label = difference
    for one in RULES:
        parts = ((one["where"], where), (one["what"], what), (one["old"], str(old)), (one["new"], str(new)))
        asked = re.search(one["request"], label)
        if asked and all(re.fullmatch(pattern, text) for pattern, text in parts) and re.search(one["report"], report):
            return one
    return None


def between(old, new, ports):
    """(where, what, old, new) for each part that differs."""
    if old["status"] != new["status"]:
        yield "client", "status", old["status"], new["status"]
        if not all(str(one["status"]).startswith("3") for one in (old, new)):
            return
    numbers = {str(port): "PORT" for port in ports.values()}

    def plain(text):
        return re.sub(r"\d+", lambda match: numbers.get(match[0], match[0]), text)

    yield from fields("client", old["fields"], new["fields"], plain, CLIENT_OWN)
    if (old["seen"] is None) != (new["seen"] is None):
        yield "backend", "asked", old["seen"] is not None, new["seen"] is not None
        return
    if old["seen"] is None:
        if old["body"] != new["body"]:
            yield "client", "body", plain(old["body"].decode("latin-1")), plain(new["body"].decode("latin-1"))
        return
    for part in ("backend", "method", "target", "version", "body"):
        if old["seen"].get(part) != new["seen"].get(part):
            yield "backend", part, old["seen"].get(part), new["seen"].get(part)
    yield from fields("backend", old["seen"]["fields"], new["seen"]["fields"], plain, BACKEND_OWN)
    if old.get("frames") != new.get("frames"):
        yield "client", "frames", old.get("frames"), new.get("frames")


# How a message is framed is each connection's own affair (RFC 9112 section 6); the bodies are compared. X-Seen is the backend's
# own note, compared in its parts.
CLIENT_OWN = {"content-length", "transfer-encoding", "connection", "keep-alive", "date", "x-seen"}
BACKEND_OWN = {"content-length", "transfer-encoding"}


def fields(where, old, new, plain, own):
    """One difference for each name."""
    names = sorted({name for name, _ in [*old, *new]} - own)
    for name in names:
        was = sorted(plain(value) for other, value in old if other == name)
        is_now = sorted(plain(value) for other, value in new if other == name)
        if was != is_now:
            yield where, name, "; ".join(was) if was else None, "; ".join(is_now) if is_now else None


# ------------------------------------------------------------------------------------------------- what frontgate always does

SET = "X-Forwarded-For, -Proto, -Host, -Port and X-Real-IP are set anew"
rule("the client is always told", "backend", "x-forwarded-for|x-real-ip", SET, new=r"127\.0\.0\.1")
rule("the scheme is always told", "backend", "x-forwarded-proto", SET, new="https?")
rule("the host is always told", "backend", "x-forwarded-host", SET, old="None|evil.example.*", new=r"(?!evil)[\w.:-]+")
rule("the port is always told", "backend", "x-forwarded-port", SET, old="None", new=r"\d+|PORT")
rule("what else a client claims ends", "backend", "forwarded|x-forwarded-user|x-forwarded-server|x-forwarded-prefix", "what a client sends of these, of Forwarded, .* ends here", new="None")
rule("hop by hop fields end", "backend", r"x-hop|keep-alive", "a field that Connection names ends here", new="None")
rule("TE goes on", "backend", "te", "`TE: trailers` and fields with underscores go on", old="None", new="trailers")
rule("underscores go on", "backend", "x_under_score", "`TE: trailers` and fields with underscores go on", old="None", new="1")
rule("the gateway's Server", "client", "server", "an answer has the gateway's own Server", new="lab|None")
rule("a name for each request", "client", "x-request-id", "an X-Request-Id that is in the log", old="None")
rule("pages of frontgate's own", "client", "body|content-type|cache-control|vary|x-content-type-options|content-language|allow|etag|last-modified|accept-ranges|content-security-policy|referrer-policy", "errors of frontgate's own", old=r"(?s).*")

# --------------------------------------------------------------------------------------------- what the old configuration asked

rule("Connection is written anew", "backend", "connection|upgrade", r"proxy_set_header Connection|WebSockets cannot open|RequestHeader|reverse_proxy", new="None|Upgrade|websocket|keep-alive")
rule("Host as it came", "backend", "host", r"frontgate forwards\s+Host as\s+it came")
rule("Origin as it came", "backend", "origin", r"frontgate forwards\s+Origin", old="None")
rule("the prefix stays", "backend", "target", r"rewrites the path|off the path")
rule("cookies keep their path", "client", "set-cookie", "ProxyPassReverseCookiePath")
rule("WebSockets open", "client", "status", "WebSockets could not open", old="200", new="101", request="upgrade")
rule("https with 308", "client", "status", "which redirects everything to https", old="30[12]", new="308", request="^http ")
rule("a location is a path", "client", "location", "a route for .* that answers 30", old="https://.*", new="/.*")
rule("files are not served", "client", "status", "what was not forwarded is answered 404", old="200|403|405", new="404")
rule("a name of its own", "client", "www-authenticate", "frontgate asks with a name of its own", old="Basic .*", new="Basic .*")
rule("one HSTS for all answers", "client", "strict-transport-security", "tls.hsts")
rule("fields on every answer", "client", "x-frame-options", "response_headers: set", old="None", request="upgrade")
rule("fields off every answer", "client", "x-powered-by", "Header always unset X-Powered-By -> response_headers: remove", new="None")

# ------------------------------------------------------------------------------------------ what Apache and Caddy do by themselves

rule("Apache changes paths", "backend", "target", "Apache changes requests on the way", request=r"%2e|/\.\.?/|//|%7E|%41")
rule("Apache joins fields", "backend", "x-two", "Apache changes requests on the way", old="one, two", new="one; two")
rule("Apache refuses %2F", "client", "status", "Apache changes requests on the way", old="404", request="%2F")
rule("Apache cuts ranges", "client", "status", "Apache changes requests on the way", old="206", new="200", request="/range")
rule("Apache's Keep-Alive", "backend", "connection", "a field that Connection names ends here", old="Keep-Alive", new="None")
rule("HTTP/3", "client", "alt-svc", "Caddy offers HTTP/3", new="None")
rule("gzip for the proxy", "backend", "accept-encoding", "asks the gateway for gzip", old="gzip", new="None")

# ------------------------------------------------------------------------------------------------------- what nginx was asked

rule("HTTP/1.1 to the gateway", "backend", "version", r"Upgrade is not forwarded\s+over HTTP/1.1", old="HTTP/1.0", new="HTTP/1.1")
rule("compression is the gateway's", "client", "content-encoding", r"gzip on: answers pass as the gateway sends them", old="gzip", new="None")
rule("the redirect keeps the method", "client", "status", "listen.http, which redirects to https", old="301", new="308")
rule("a redirect has fixed text", "client", "status|location", "it leads to the beginning of the site", old="30[18]|https://.*", new="302|https://.*/")
rule("prefixes are not cut off", "backend", "target", r"(frontgate forwards\s+paths as they come|frontgate does not cut prefixes off)", old="/.*", new="/(claw|second)/.*")
rule("paths are not cleaned up", "backend", "target", r"sends\s+the path decoded and cleaned up", new="/openclaw.*")
rule("fixed text in header rules", "client", "x-served-by", "response_headers take fixed text only", new="None")
rule("WebSockets open that nginx stopped", "client", "status", "WebSockets cannot open", old="200", new="101")
rule("no hanging up", "client", "status", "frontgate does not hang up without an answer", old="EOFError", new="403")
rule("a relative redirect", "client", "location", "relative to the host that was asked for", old="https?://.*", new="/.*")
rule("no files", "client", "status", r"frontgate serves no files, so the route\s+answers 404", new="404")
rule("endpoints take turns", "backend", "backend", r"frontgate knows no weights|endpoints take\s+turns", old=r"10\.0\.[01]\.[45]:18789", new=r"10\.0\.[01]\.[45]:18789")
rule("the realm is frontgate's", "client", "www-authenticate", r"auth_basic \S+ -> auth: basic", new='Basic realm="frontgate".*')
rule("a password for frontgate ends here", "backend", "authorization", r"auth_basic \S+ -> auth: basic", old="Basic .*", new="None")
rule("no fast hashes", "client", "status", r"is not\s+hashed with bcrypt or argon2", old="401", new="403")
rule("a handshake for every name", "client", "status", "ssl_reject_handshake on -> 404 for every host that no route has", old="SSLError", new="404")

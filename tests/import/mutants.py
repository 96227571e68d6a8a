"""Cases of which one line is changed as a hand might change it: gone, moved, or with another word in it."""
import copy, re

# (what, with what): each is tried alone, at its first place in a line.
WORDS = {
    "nginx": [(r"\bdeny\b", "allow"), (r"\ballow\b", "deny"), (r"\ball\b", "127.0.0.9"), (r"127\.0\.0\.1\b(?!:)", "127.0.0.9"), (r"/(8|16|24)\b", "/30"), (r" = ", " "), (r"location (?=/)", "location = "),
              (r"location (?=/)", "location ^~ "), (r"\^~ ", ""), (r" ~\* ", " ~ "), (r" ~ ", " ~* "), (r"!~", "~"), (r"!=", "="), (r'(?<![!=]) (=|~\*?) (?=["\'\w])', r" !\1 "), (r"\$(?=[ \"')/;])", ""), (r" \^/", " /"),
              (r"return 4\d\d", "return 444"), (r"return 4\d\d", "return 200"), (r"return 30[12]", "return 403"), (r"auth_basic (?!off|_)[^;]+", "auth_basic off"), (r"auth_basic off", 'auth_basic "x"'), (r"satisfy any", "satisfy all"),
              (r"satisfy all", "satisfy any"), (r"(server_name) [^;]+", r"\1 other.example.test"), (r"(server_name [^;]+);", r"\1 *.example.test;"), (r"(listen [^;]+?)( default_server)?;", r"\1 default_server;"), (r" default_server", ""),
              (r"\blast\b", "break"), (r"\bbreak\b", "last"), (r"\bPOST\b", "GET"), (r"\bGET\b", "POST"), (r"verify_client on", "verify_client optional"), (r"verify_client optional", "verify_client on"), (r"\bdefault (\S+);", r"default 1;"),
              (r"\bdefault (\S+);", r"default 0;"), (r"(proxy_pass http://[^;/]+)/;", r"\1;"), (r"(proxy_pass http://[^;/]+);", r"\1/;"), (r"(location [^{]*[a-z])/ \{", r"\1 {"), (r"(location [^{~]*[a-z]) \{", r"\1/ {"), (r"(location [^{~]*/\w*)[a-z] \{", r"\1 {")],
    "apache": [(r"\bdenied\b", "granted"), (r"\bgranted\b", "denied"), (r"Require not ", "Require "), (r"Require (?!not|all)", "Require not "), (r"valid-user", "user bob"), (r"RequireAny", "RequireAll"), (r"RequireAll", "RequireAny"), (r"RequireAll|RequireAny", "RequireNone"),
               (r"\[F\b", "[L"), (r"\[(L|PT|R=301)\b", "[F"), (r",?\bNC\b", ""), (r",?\bOR\b,?", ""), (r"(RewriteCond \S+ \S+)$", r"\1 [OR]"), (r"(RewriteCond \S+ \S+)$", r"\1 [NC]"), (r"(RewriteRule \S+ \S+) \[", r"\1 [NC,"), (r"(RewriteCond \S+) !", r"\1 "),
               (r"(RewriteCond \S+) (?!!)", r"\1 !"), (r"(RewriteRule) !", r"\1 "), (r"(RewriteRule) (?!!)", r"\1 !"), (r"(Rewrite\w+ \S*\s?!?)\^", r"\1"), (r"\$(?=[ \"')])", ""), (r"\bFrom (\S+)", "From all"), (r"(?i)(Order) deny,allow", r"\1 allow,deny"), (r"(?i)(Order) allow,deny", r"\1 deny,allow"),
               (r"\bDeny from", "Allow from"), (r"\bAllow from", "Deny from"), (r"(?i)Satisfy any", "Satisfy all"), (r"(?i)Satisfy all", "Satisfy any"), (r"AuthMerging \w+", "AuthMerging Off"), (r"AuthMerging \w+", "AuthMerging Or"), (r"<Location (\"?)/", r"<LocationMatch \1^/"),
               (r"<LocationMatch ", "<Location "), (r"(<Location \"?/[^>\"]*[a-z])(\"?>)", r"\1/\2"), (r"(<Location \"?/[^>\"]*[a-z])/(\"?>)", r"\1\2"), (r"(<Location \"?/[^>\"]*)[a-z](\"?>)", r"\1\2"), (r"127\.0\.0\.1\b(?!:)", "127.0.0.9"), (r"/(8|16|24)\b", "/30"),
               (r"(ServerName) \S+", r"\1 other.example.test"), (r"(Server(?:Name|Alias) )", r"ServerAlias *.example.test \1"), (r"(ProxyPass \S+) \S+.*", r"\1 !"), (r"(ProxyPass /\S*[a-z])( http://[^/]+/\S*[a-z])(?=\s|$)", r"\1/\2/"), (r"(ProxyPass) (/\S*)", r"ProxyPassMatch ^\2"), (r"ProxyPassMatch", "ProxyPass"),
               (r"Redirect (?!perm|temp|gone|seeother|\d)", "Redirect gone "), (r"\bPOST\b", "GET"), (r"\bGET\b", "POST"), (r"<Limit ", "<LimitExcept "), (r"<LimitExcept ", "<Limit "), (r"SSLVerifyClient require", "SSLVerifyClient optional"), (r"RewriteEngine [Oo]n", "RewriteEngine Off"), (r"==", "!="), (r"!=", "=="), (r"=~", "!~")],
    "caddy": [(r"\b40[134]\b", "200"), (r"\babort\b", "respond 403"), (r"\bnot\b ", ""), (r"(@\w+) (?!not|\{)(\S+ \S.*)", r"\1 not \2"), (r"^(\s+)((?:path|method|header|remote_ip|client_ip|query|host) .*)", r"\1not \2"), (r"(/\w+)\*", r"\1"), (r"(/\w+)/\*", r"\1*"), (r"(/\w+)(?= |$)", r"\1*"), (r"(/\w+)(?= |$)", r"\1/*"),
              (r"handle_path", "handle"), (r"\bhandle\b", "route"), (r"\broute\b", "handle"), (r"\bhandle (/\S+)", r"handle_path \1"), (r"basic_?auth (@\w+|/\S+)", "basic_auth"), (r"basic_?auth \{", "basic_auth /x {"), (r"^(\s+)(respond|error|abort|redir|basic_?auth|forward_auth|reverse_proxy)( @\w+)", r"\1\2"), (r"\bPOST\b", "GET"), (r"\bGET\b", "POST"),
              (r"127\.0\.0\.1\b(?!:)", "127.0.0.9"), (r"/(8|16|24)\b", "/30"), (r"private_ranges", "127.0.0.9"), (r"\bpath\b", "path_regexp"), (r"path_regexp", "path"), (r"require_and_verify", "request"), (r"require_any_client_cert", "verify_if_given"), (r"^gw\.example\.test", "*.example.test"), (r"^gw\.example\.test", "other.example.test"), (r"remote_ip", "client_ip"), (r"client_ip", "remote_ip"), (r"permanent|\b30[1278]\b", "401")],
}
# What only says where things are.
PLAIN = re.compile(r"@(CERT|KEY|GLOBALS)@|SSLEngine|admin off|local_certs|skip_install|auto_https|https?_port|^\s*(Listen|default_bind|LoadModule|worker_|events)\b")


def of(case, everything=False):
    """(name, text) of each changed form of the case: of the lines that decide, or of all."""
    lines, seen = case.text.split("\n"), {case.text}
    guards = set(range(1, len(lines) + 1)) if everything else case.guards()
    def new(n, what, changed):
        text = "\n".join(x for x in changed if x is not None)
        if text in seen: return None
        seen.add(text); return n, what, text
    for n in sorted(guards):
        line = lines[n - 1]
        if not line.strip() or line.strip().startswith(("#", "</")) or line.strip() in ("{", "}") or PLAIN.search(line): continue
        found = [new(n, "gone", without(lines, n - 1, case.kind)), new(n, "down", below(lines, n - 1, case.kind)), new(n, "up", above(lines, n - 1, case.kind))]
        for i, (old, word) in enumerate(WORDS[case.kind]):
            other = re.sub(old, word, line, count=1)
            if other == line: continue
            changed = lines[:n - 1] + [other] + lines[n:]
            if case.kind == "apache" and (m := re.match(r"\s*<(\w+)", line)) and (o := re.match(r"\s*<(\w+)", other)) and m[1] != o[1]:
                end = block(lines, n - 1, "apache") - 1; changed[end] = changed[end].replace(f"</{m[1]}", f"</{o[1]}")
            found.append(new(n, f"{i}", changed))
        yield from (x for x in found if x)


def block(lines, i, kind):
    """The line behind the directive that begins on line i."""
    if kind == "apache":
        m = re.match(r"\s*<(\w+)", lines[i]); depth, end = 0, i
        if not m:
            while lines[end].endswith("\\") and end + 1 < len(lines): end += 1
            return end + 1
        for end in range(i, len(lines)):
            depth += bool(re.match(rf"\s*<{m[1]}\b", lines[end])) - bool(re.search(rf"</{m[1]}>", lines[end]))
            if depth <= 0: return end + 1
        return len(lines)
    depth = 0
    for end in range(i, len(lines)):
        bare = re.sub(r"\{[\w.>$-]*\}|\"[^\"]*\"|'[^']*'|\{\d.*?\}", "", lines[end]); depth += bare.count("{") - bare.count("}")
        if depth <= 0 and (kind == "caddy" or end > i or re.search(r"[;}]\s*(#.*)?$", lines[end])): return end + 1
    return len(lines)


def without(lines, i, kind): return lines[:i] + lines[block(lines, i, kind):]


def below(lines, i, kind):
    """The directive behind the next one."""
    end = block(lines, i, kind)
    if end >= len(lines) or not lines[end].strip() or lines[end].strip().startswith(("}", "</")): return lines
    after = block(lines, end, kind); return lines[:i] + lines[end:after] + lines[i:end] + lines[after:]


def above(lines, i, kind):
    """A block that begins on the line before, without this directive, which comes before it."""
    if i == 0 or not re.search(r"\{\s*$" if kind != "apache" else r"^\s*<(?!/|If)[^>]*>\s*$", lines[i - 1]): return lines
    end = block(lines, i, kind); return lines[:i - 1] + lines[i:end] + [lines[i - 1]] + lines[end:]


def probes(case):
    """The requests of the case, and a few beside them."""
    made, seen = [], set()
    for old in case.probes:
        path, _, query = old.path.partition("?"); query = "?" + query if query else ""
        others = [] if old.up else [path.rstrip("/") + "/", path + "x", path.rstrip("/") + "/y", path.upper(), "/"]
        for p in [path, *others]:
            probe = copy.copy(old); probe.path, probe.keep, probe.want = p + query, False, ""
            probe.text = old.text.replace(" keep", "").replace(old.path, probe.path, 1)
            if probe.text not in seen: seen.add(probe.text); made.append(probe)
    bare = {(p.port, p.host, p.at) for p in case.probes}
    for old in list(made):
        if old.method == "GET" and not old.up and not old.headers and (old.port, old.host, old.at) in bare and old.path in {p.path for p in case.probes}:
            probe = copy.copy(old); probe.method = "POST"; probe.text = old.text.replace("GET", "POST", 1)
            if probe.text not in seen: seen.add(probe.text); made.append(probe)
    return made[:24]

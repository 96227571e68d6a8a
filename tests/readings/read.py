"""What Python's urllib, http.server and Werkzeug make of each path on standard input: one line of letters each, `p` below
/private, `t` below /team, `o` below /open, `-` for the rest, the capital for the path itself; `q` where the query has key=SECRET,
`n` where it has not."""

import posixpath
import sys
from urllib.parse import parse_qs, unquote, urljoin, urlparse, urlsplit

try:
    from werkzeug.routing import Map, RequestRedirect, Rule
except ImportError:
    Map = None

NAMES = {"/private": "p", "/team": "t", "/open": "o"}


def letter(read):
    for name, found in NAMES.items():
        if read == name:
            return found + found.upper()
        if read.startswith(name + "/"):
            return found
    return "-"


def letters(read):
    return set(letter(read) + letter(read.lower()) + letter(read.casefold()))


def query(target):
    """Whether one of the values of `key` is the secret, and whether one is not."""
    text = target.split("?", 1)[1] if "?" in target else ""
    for separator in "&", ";":
        try:
            values = parse_qs(text, keep_blank_values=True, separator=separator).get("key", [])
        except ValueError:
            continue
        if "SECRET" in values:
            yield "q"
        # Where pairs end with `;`, all that a client writes with `&` is one value, and no key is there.
        if separator == "&" and (not values or any(value != "SECRET" for value in values)):
            yield "n"


def readings(target):
    # http.server, since 3.11: it takes away what could be a host.
    yield "/" + target.split("?", 1)[0].lstrip("/")
    yield target.split("?", 1)[0]
    for parse in (urlsplit, urlparse):
        try:
            yield parse(target).path or "/"
        except ValueError:
            pass
    try:
        yield urlsplit(urljoin("http://localhost/", target)).path or "/"
    except ValueError:
        pass


def main():
    routes = None
    if Map:
        rules = [Rule(name + tail, endpoint=found) for name, found in NAMES.items() for tail in ("", "/<path:rest>")]
        routes = Map(rules).bind("localhost")
    for line in sys.stdin:
        target = line.rstrip("\n")
        found = set(query(target))
        for read in set(readings(target)):
            for layers in range(3):
                found |= letters(read) | letters(posixpath.normpath(read))
                if layers == 1 and routes:
                    try:
                        found.add(routes.match(read)[0])
                    except RequestRedirect as redirect:
                        found |= letters(urlsplit(redirect.new_url).path)
                    except Exception:  # It answers 404 or 400, and runs nothing.
                        pass
                if layers and "%" not in read:
                    break
                read = unquote(read, errors="surrogateescape")
        print("".join(sorted(found)))


main()

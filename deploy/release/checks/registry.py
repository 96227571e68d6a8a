"""registry.py PORT FOLDER   a package registry with what `npm pack` has left in FOLDER, and nothing else."""
import hashlib
import base64
import http.server
import json
import pathlib
import sys
import tarfile
import urllib.parse

PORT, FOLDER = int(sys.argv[1]), pathlib.Path(sys.argv[2])


def packages():
    found = {}
    for path in FOLDER.glob("*.tgz"):
        with tarfile.open(path) as packed:
            package = json.load(packed.extractfile("package/package.json"))
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
        package["dist"] = {"tarball": f"http://127.0.0.1:{PORT}/-/{path.name}", "integrity": integrity}
        about = found.setdefault(package["name"], {"name": package["name"], "dist-tags": {}, "versions": {}})
        about["dist-tags"]["latest"] = package["version"]
        about["versions"][package["version"]] = package
    return found


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = urllib.parse.unquote(self.path.split("?")[0]).lstrip("/")
        if path.startswith("-/"):
            file = FOLDER / pathlib.PurePosixPath(path).name
            return self.answer(200, file.read_bytes()) if file.exists() else self.answer(404, b"{}")
        about = packages().get(path)
        return self.answer(200, json.dumps(about).encode()) if about else self.answer(404, b'{"error": "not found"}')

    def answer(self, status, content):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()

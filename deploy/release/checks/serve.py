"""serve.py PORT FOLDER   serves FOLDER; below /cut/ what is longer than 64 KiB ends in its middle, though the length promised all."""
import functools
import http.server
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        self.cut = path.startswith("/cut/")
        return super().translate_path(path.removeprefix("/cut"))

    def copyfile(self, source, outputfile):
        content = source.read()
        if self.cut and len(content) > 65536:
            content = content[:len(content) // 2]
            self.close_connection = True
        outputfile.write(content)


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), functools.partial(Handler, directory=sys.argv[2])).serve_forever()

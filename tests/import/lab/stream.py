"""What comes in on a connection, piece by piece."""


class Stream:
    def __init__(self, sock):
        self.sock, self.rest = sock, b""

    def until(self, end):
        while end not in self.rest:
            self.more()
        found, self.rest = self.rest.split(end, 1)
        return found

    def exactly(self, size):
        while len(self.rest) < size:
            self.more()
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def chunked(self):
        body = b""
        while size := int(self.until(b"\r\n").split(b";")[0], 16):
            body += self.exactly(size)
            self.exactly(2)
        while self.until(b"\r\n"):
            pass
        return body

    def more(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise EOFError(f"the connection ended behind {self.rest[:80]!r}")
        self.rest += piece

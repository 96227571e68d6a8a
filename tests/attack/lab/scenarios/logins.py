"""Wrong passwords, in numbers."""
import base64, threading, time
from lab import sandbox, wire
from lab.frontgate import MIB
from lab.scenario import scenario

# bcrypt and argon2id, as they are commonly made; the password is `right`.
HASHES = {"ann": "$2y$10$OF/pR4EwISOhr.f/D.aGFO3A6aj984iZCLguCc6woLFXqbR0FxWVu", "bob": "$argon2id$v=19$m=19456,t=2,p=1$IaevGKHz8ZAg6pvjyLhnWQ$AJM9NSDCz81qR8NSLVm0+py3EQqPnB5x9WZ3Vv2v/Es"}


def basic(user, password):
    """The field."""
    return f"Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}\r\n"


@scenario("wrong-passwords", 90, alone=True, ws=2, h1=1)
def guessing(lab):
    """90 connections from nine networks guess passwords without a pause: the right users of others are answered within a second."""
    open_to_all = [{"path": path, "auth": "none"} for path in ("/honest", "/ws")]
    lab.start({"auth": {"basic": HASHES}, "routes": [*open_to_all, {}]}, limit=256 * MIB)
    stop, statuses = threading.Event(), {}

    def guess(number):
        guesses = 0
        while not stop.is_set():
            try:
                with wire.tls(sandbox.client(1 + number % 9), timeout=30) as sock:
                    while not stop.is_set():
                        sock.sendall(wire.get("/", basic(("ann", "bob", "eve")[guesses % 3], f"wrong-{number}-{guesses}")))
                        guesses += 1
                        answer = wire.head(sock)
                        if not answer:
                            break
                        statuses[answer[0]] = statuses.get(answer[0], 0) + 1
                        length = int(answer[1].lower().split("content-length:")[1].split("\r\n")[0]) if "content-length:" in answer[1].lower() else 0
                        while length > 0:
                            length -= len(sock.recv(length)) or length
            except OSError:
                time.sleep(0.05)

    threads = [threading.Thread(target=guess, args=(number,), daemon=True) for number in range(90)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    times, wrong = [], []
    began = time.monotonic()
    for number in range(16):
        if time.monotonic() - began > 30:
            break
        # Another user, another network each time: nothing about them is remembered.
        status, seconds = wire.ask(sandbox.client(100 + number), "/", basic(("ann", "bob")[number % 2], "right"), timeout=10)
        times.append(seconds)
        if status != 200:
            wrong.append(status)
        time.sleep(0.2)
    stop.set()
    lab.note(f"right users: slowest {max(times):.2f} s, first {times[0]:.2f} s; guesses answered {statuses}")
    lab.check(not wrong, f"right users of other networks got {wrong}")
    lab.check(max(times) <= 2, f"a right user waited {max(times):.1f} s")
    lab.check(statuses.get(200, 0) == 0, "a wrong password was taken")
    lab.memory(64 * MIB)


@scenario("slow-guessing", 60)
def a_user_that_mistypes(lab):
    """Two wrong tries do not keep the right third out."""
    lab.start({"auth": {"basic": HASHES}}, limit=256 * MIB)
    said = [wire.ask(sandbox.client(1), "/", basic("ann", password), timeout=10)[0] for password in ("wrong", "wronger", "right")]
    lab.note(str(said))
    lab.check(said == [401, 401, 200], f"answered {said}")

"""A plain manager client of the tests' own, so that what they say of libwtel does not rest on libwtel."""

import socket
import time

PATIENCE = 30  # seconds, on a machine however busy


class Ami:
    """One session, without threads: whoever waits also reads. Every byte of the server goes to `tee`, as it came."""

    def __init__(self, port, user, secret, events="off", tee=None, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), PATIENCE)
        self.buffer, self.tee, self.serial, self.messages = b"", tee, 0, []
        self.read_until(lambda: b"\r\n" in self.buffer, PATIENCE)
        self.banner, self.buffer = self.buffer.split(b"\r\n", 1)
        self.login = self.action("Login", Username=user, Secret=secret, Events=events)
        if self.login["Response"] != "Success":
            raise PermissionError(self.login.get("Message"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read_until(self, done, timeout):
        """Reads until done() is true; False when the time is over or the server has closed."""
        end = time.monotonic() + timeout
        while not done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                return False
            if not data:
                return False
            if self.tee:
                self.tee.write(data)
            self.buffer += data
            *whole, self.buffer = self.buffer.split(b"\r\n\r\n")
            if hasattr(self, "banner"):
                self.messages += [parse(message) for message in whole]
            else:
                self.buffer = b"\r\n\r\n".join([*whole, self.buffer])
        return True

    def action(self, name, variables=(), timeout=PATIENCE, **fields):
        """Sends an action and returns its response as a dict. `variables` are "name=value" strings."""
        self.serial += 1
        identity = "test-%d" % self.serial
        lines = ["Action: " + name, "ActionID: " + identity]
        lines += ["%s: %s" % field for field in fields.items()] + ["Variable: " + variable for variable in variables]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.wait(lambda m: "Response" in m and m.get("ActionID") == identity and "Event" not in m, timeout)

    def wait(self, wanted, timeout=PATIENCE):
        """The first message, of those already read too, for which wanted(dict) is true. It is taken out of the list."""
        found = []

        def done():
            found.extend(m for m in self.messages if wanted(m))
            return bool(found)

        if not self.read_until(done, timeout):
            raise TimeoutError("no such message; had %r" % [m.get("Event") for m in self.messages][-30:])
        self.messages.remove(found[0])
        return found[0]

    def event(self, name, timeout=PATIENCE, **fields):
        """Waits for an event with those fields."""
        return self.wait(lambda m: m.get("Event") == name and all(m.get(k) == v for k, v in fields.items()), timeout)

    def drain(self, seconds):
        """Reads whatever comes in that time."""
        self.read_until(lambda: False, seconds)


def parse(message):
    """The first of each field wins, as in the library."""
    fields = {}
    for line in message.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(": ")
        fields.setdefault(name.rstrip(":"), value)
    return fields

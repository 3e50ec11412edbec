#!/usr/bin/env python3
"""A manager server that lets anybody in and then says one captured session over and over: what the clients are measured on.

usage: replay.py SESSION REPETITIONS        (at most 3000, or a multiple of it)
Prints its port and the number of events of one pass. Ends after one client.
"""
import re
import select
import socket
import sys

DISTINCT = 3000

with open(sys.argv[1], "rb") as file:
    messages = re.split(rb"\r\n\r\n", file.read())
events = [message + b"\r\n\r\n" for message in messages if message.startswith(b"Event: ")]
one_pass = b"".join(events)


def renamed(number):
    """The pass with channels of its own, as a switch that goes on has them; not a byte more or less."""
    text = re.sub(rb"WLCM-\d{7}", b"WLCM-%07d" % number, one_pass)
    text = re.sub(rb"\b\d{10}(\.\d+)\r", lambda found: b"%010d%s\r" % (1000000000 + number, found.group(1)), text)
    return re.sub(rb"(PJSIP/[\w-]+?)-[0-9a-f]{7}", lambda found: b"%s-%07x" % (found.group(1), number), text)


passes = int(sys.argv[2])
# Large writes of what is ready: the server must not be what is measured.
chunks = [b"".join(renamed(number) for number in range(first, min(first + 250, DISTINCT, passes)))
          for first in range(0, min(DISTINCT, passes), 250)]

with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], len(events), len(one_pass), flush=True)
    listener.settimeout(60)
    client, _ = listener.accept()

client.sendall(b"Asterisk Call Manager/11.0.0\r\n")
buffer = b""


def heard():
    """Actions that the client has sent since, each with its fields."""
    global buffer
    data = client.recv(65536)
    if not data:
        sys.exit("the client went away")
    *whole, buffer = (buffer + data).split(b"\r\n\r\n")
    for message in whole:
        fields = dict(line.split(b": ", 1) for line in re.split(rb"\r?\n", message.strip(b"\r\n")) if b": " in line)
        yield {key.lower(): value for key, value in fields.items()}


def answer(action, text):
    identity = b"ActionID: " + action[b"actionid"] + b"\r\n" if b"actionid" in action else b""
    client.sendall(b"Response: Success\r\n" + identity + text + b"\r\n\r\n")


logged_in = False
while not logged_in:
    for action in heard():
        name = action.get(b"action", b"").lower()
        answer(action, (b"Challenge: 123456789\r\n" if name == b"challenge" else b"") + b"Message: Authentication accepted")
        logged_in = logged_in or name == b"login"
# Of what a client says after its login its pings alone are answered: this measures its reading, however long that takes.
for turn in range(0, passes, DISTINCT):
    for chunk in chunks:
        client.sendall(chunk)
        while select.select([client], [], [], 0)[0]:
            for action in heard():
                if action.get(b"action", b"").lower() == b"ping":
                    answer(action, b"Ping: Pong")
client.shutdown(socket.SHUT_WR)
while client.recv(65536):
    pass

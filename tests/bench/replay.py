#!/usr/bin/env python3
"""A manager server that lets anybody in and then says one captured session over and over: what the clients are measured on.

usage: replay.py SESSION REPETITIONS
Prints its port and the number of events of one pass. Ends after one client.
"""
import re
import socket
import sys

with open(sys.argv[1], "rb") as file:
    messages = re.split(rb"\r\n\r\n", file.read())
events = [message for message in messages if message.startswith(b"Event: ")]
one_pass = b"".join(event + b"\r\n\r\n" for event in events)
# Large writes: the server must not be what is measured.
bundle = max(1, min(int(sys.argv[2]), 4_000_000 // len(one_pass)))
chunk = one_pass * bundle

with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], len(events), len(one_pass), flush=True)
    listener.settimeout(60)
    client, _ = listener.accept()

client.sendall(b"Asterisk Call Manager/11.0.0\r\n")
buffer = b""
logged_in = False
while not logged_in:
    data = client.recv(65536)
    if not data:
        sys.exit("the client went away")
    buffer += data
    while b"\r\n\r\n" in buffer:
        message, buffer = buffer.split(b"\r\n\r\n", 1)
        fields = dict(line.split(b": ", 1) for line in re.split(rb"\r?\n", message.strip(b"\r\n")) if b": " in line)
        fields = {key.lower(): value for key, value in fields.items()}
        action = fields.get(b"action", b"").lower()
        reply = b"Response: Success\r\n"
        if b"actionid" in fields:
            reply += b"ActionID: " + fields[b"actionid"] + b"\r\n"
        if action == b"challenge":
            reply += b"Challenge: 123456789\r\n"
        client.sendall(reply + b"Message: Authentication accepted\r\n\r\n")
        logged_in = logged_in or action == b"login"
# What a client says after its login is answered by nobody: this measures its reading.
left = int(sys.argv[2])
while left > 0:
    client.sendall(one_pass * left if left < bundle else chunk)
    left -= bundle
client.shutdown(socket.SHUT_WR)
while client.recv(65536):
    pass

"""A web phone in a real browser: the page of examples/phone in a headless Chromium, with a site around it."""

import base64
import functools
import http.client
import http.server
import json
import os
import re
import select
import shutil
import signal
import subprocess
import threading
import time

from client import WTELCTL
from world import die_with_parent, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
PHONE = os.path.join(HERE, "..", "..", "examples", "phone")
CHROMIUM = ("/usr/lib/chromium/chromium", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


class NoBrowser(Exception):
    """This machine cannot have one; the text says why."""


def chromium():
    found = next((path for path in CHROMIUM if os.access(path, os.X_OK)), None)
    if not found or not shutil.which("npm"):
        raise NoBrowser("**** THE BROWSER IS SKIPPED: Chromium or npm is missing ****")
    return found


def packages():
    """The folder whose node_modules has SIP.js, as the page's package.json wants it, and a playwright-core that Node.js 18 runs: WTEL_BROWSER,
    or beside wtelctl in the build folder."""
    folder = os.path.abspath(os.environ.get("WTEL_BROWSER") or os.path.join(os.path.dirname(shutil.which(WTELCTL)), "..", "browser"))
    with open(PHONE + "/package.json") as file:
        wanted = ["%s@%s" % item for item in json.load(file)["dependencies"].items()] + ["playwright-core@1.58"]
    if not all(os.path.isdir("%s/node_modules/%s" % (folder, re.sub("(.)@.*", r"\1", name))) for name in wanted):
        os.makedirs(folder, exist_ok=True)
        for _ in range(3):  # the network may have its moments
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, *wanted], capture_output=True, text=True)
            if done.returncode == 0:
                break
        if done.returncode:
            raise RuntimeError(done.stderr)
    return folder


class Site:
    """What a web server has: the page, its packages, and the gateway under /api/, which is at 127.0.0.1:(port)."""

    def __init__(self, folder, port):
        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def translate_path(self, path):
                path = path.partition("?")[0].lstrip("/")
                return os.path.join(folder if path.startswith("node_modules/") else PHONE, path or "index.html")

            def relay(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                there = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                there.request(self.command, self.path, body or None,
                              {name: value for name, value in self.headers.items() if name.lower() != "connection"})
                answer = there.getresponse()
                data = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                there.close()

            def do_GET(self):
                self.relay() if self.path.startswith("/api/") else super().do_GET()

            do_POST = relay

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Browser:
    """browser.click("#enter"), browser.evaluate("1 + 1"): methods of playwright's Page. Ended by close(), with all its processes."""

    def __init__(self, folder, profile, certificate):
        self.profile = str(profile)
        self.log = open(self.profile + ".log", "w+")
        self.process = subprocess.Popen(["node", HERE + "/browser.mjs", chromium(), self.profile, key_hash(certificate)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, preexec_fn=die_with_parent,
                                        env=dict(os.environ, WTEL_BROWSER=folder))
        try:
            self.answer()
        except BaseException:
            self.close()
            raise

    def answer(self, timeout=150):
        end, line = time.monotonic() + timeout, b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            got = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not got:
                self.log.seek(0)
                raise RuntimeError("the browser says nothing:\n" + self.log.read())
            line += got
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer.get("value")

    def ask(self, method, *arguments):
        self.process.stdin.write(json.dumps({"method": method, "arguments": arguments}).encode() + b"\n")
        self.process.stdin.flush()
        return self.answer()

    def __getattr__(self, method):
        return functools.partial(self.ask, method)

    def processes(self):
        """Those that have the profile's directory in their arguments: Chromium's, all of them."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    if self.profile.encode() in file.read() and int(pid) != os.getpid():
                        found.append(int(pid))
            except OSError:
                continue
        return found

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()
        try:
            wait_for(lambda: not self.processes(), 30, "Chromium goes on")
        except TimeoutError:
            for pid in self.processes():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            wait_for(lambda: not self.processes(), 60, "Chromium cannot be killed")


def key_hash(certificate):
    """SHA-256 of the certificate's public key, as Chromium's list of exceptions wants it."""
    public = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public, check=True, capture_output=True).stdout
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-binary"], input=der, check=True, capture_output=True).stdout
    return base64.b64encode(digest).decode()

#!/usr/bin/env python3
"""Two real Asterisk 22 servers for tests: `pbx`, which has the very files of examples/asterisk, and `world`, which plays the
carriers behind its trunks and its agents' phones.

In a test (the fixture is in conftest.py; it is skipped loudly where asterisk-root.sh says that it cannot be had):

    def test_answered(world):
        with world.ami() as ami:
            world.originate(ami, "1001", "+15551234501", "carrier-a", call_id="WLCM-1-a")
        cdr = world.wait_cdr("+15551234501")     # the carrier's own bill
        assert cdr["disposition"] == "ANSWERED"

or as a context manager, `with World() as world:`; or from a shell, for any program:

    python3 tests/real/world.py --run COMMAND ARGUMENTS...     (environment: see World.environment)

Trunks of the PBX (the endpoint, the registration and the carrier have the same name)
    carrier-a, carrier-b    register with the carrier (digest); calls are challenged too
    carrier-ip              no registration, known by its address 127.0.0.2
    carrier-silent          no registration; nothing that is sent there is ever answered
    carrier-503 and so on   no registration; every call is answered with that SIP status, after 180 with -ring-503 (SCRIPTED)
    carrier-absent          has no contact   carrier-unreachable   has one that the PBX knows not to answer
    carrier-phone           calls out to phone_port: a carrier that you play with sipp; carrier-phone-raw: followed on 302
    carrier-raw             only calls in (sipp from 127.0.0.3), into a dialplan that trusts the caller id
Called numbers: the last two digits decide, as in wtel/sim.h
    00 answers after ringing, stays   01 answers after 1 s of ringing, hangs up after 3 s   02 busy 486   03 rings for ever
    04 congestion 503   05 unknown 404   06 declined 603   07 183, then answers   08 answers at once   09 100 and no more
    10 answers after ringing, plays back what it hears, stays
Agents' extensions
    1001 answers at once   1002 answers, hangs up after 3 s (set_agent_talk)   1003, 1098 never pick up
    1004 is busy   1005, 1099 exist and are never registered   1006 is a phone that you play with sipp (phone_port)
    1007 is a browser's, at wss://127.0.0.1:(wss_port)/ws

Everything listens on 127.0.0.0/8, at ports that were free. Each run has its own directory inside the Asterisk root,
removed at the end. Both servers live in a PID namespace that dies with this process, even when that is killed with -9, and
the namespace takes its proc mount with it.
"""

import csv
import ctypes
import fcntl
import glob
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from ami import Ami  # noqa: E402
from ports import free_port, part_of_ports  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "examples", "asterisk")

# What both servers load: enough for SIP calls, queues, transfers and bills, and little enough to start in two seconds.
MODULES = """res_timing_timerfd res_pjproject res_sorcery_* res_pjsip res_pjsip_acl res_pjsip_authenticator_digest
res_pjsip_caller_id res_pjsip_diversion res_pjsip_dlg_options res_pjsip_dtmf_info res_pjsip_empty_info
res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user res_pjsip_header_funcs res_pjsip_logger res_pjsip_nat
res_pjsip_outbound_authenticator_digest res_pjsip_outbound_registration res_pjsip_path res_pjsip_pubsub res_pjsip_refer
res_pjsip_registrar res_pjsip_rfc3326 res_pjsip_sdp_rtp res_pjsip_session res_rtp_asterisk
res_musiconhold res_stasis res_manager_devicestate chan_pjsip app_dial app_exec app_stack app_verbose app_playback app_transfer
app_userevent app_blind_transfer app_attended_transfer app_cdr app_mixmonitor app_system bridge_* codec_ulaw codec_alaw
codec_gsm format_pcm format_gsm func_callerid func_cdr func_channel func_cut func_db func_devstate func_dialplan
func_global func_groupcount func_hangupcause func_logic func_math func_pjsip_* func_strings func_timeout pbx_config""".split()
# What each of them has alone. The PBX: queues, and browsers.
OWN_MODULES = {"pbx": "app_queue res_http_websocket res_pjsip_transport_websocket res_srtp res_format_attr_opus "
                      "codec_opus_open_source".split(), "world": ["cdr_csv", "app_echo"]}


class NoAsterisk(Exception):
    """This machine cannot have the Asterisk root; the text says why."""


def asterisk_root():
    """The root's path, made if need be; NoAsterisk where it cannot be."""
    done = subprocess.run(["sh", os.path.join(HERE, "asterisk-root.sh")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode == 77:
        raise NoAsterisk(done.stderr.strip())
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.split()[-1]


def ice_candidates():
    """Asterisk never offers a browser 127.0.0.1 by itself (rtp_add_candidates_to_ice in res/res_rtp_asterisk.c): each address of
    this machine is told as that one. Empty where there is no other address: no browser can have a call there."""
    listed = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                got = fcntl.ioctl(probe, 0x8915, name.encode().ljust(256, b"\0"))  # SIOCGIFADDR
            except OSError:
                continue
            listed.append(socket.inet_ntoa(got[20:24]))
    return "".join("%s => 127.0.0.1\n" % address for address in listed if not address.startswith("127."))


def wait_for(condition, timeout, what, again=None):
    """Polls until condition() gives something true, which is returned. What was asked for may get lost where nobody listens yet, or
    hears something else: again() asks once more, now and then."""
    end, asked = time.monotonic() + timeout, time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(what() if callable(what) else what)
        if again and time.monotonic() > asked + 3:
            again()
            asked = time.monotonic()
        time.sleep(0.05)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Server:
    """One Asterisk inside the root."""

    def __init__(self, root, directory, name, values):
        self.root, self.name, self.process, self.pid = root, name, None, None
        self.inside = os.path.join(directory, name)  # as seen from inside the root
        self.directory = root + self.inside
        self.etc = os.path.join(self.directory, "etc")
        modules = glob.glob(root + "/usr/lib/*/asterisk/modules")[0]
        self.values = dict(values, DIR=self.inside, NAME=name, MODULES=modules[len(root):])
        for part in ("etc", "run", "log/cdr-csv", "spool/tmp", "lib", "cache"):
            os.makedirs(os.path.join(self.directory, part))
        # Asterisk keeps the documentation's place fixed; the rest is ours alone.
        for path in glob.glob(os.path.join(HERE, "conf", "common", "*.conf")) + glob.glob(os.path.join(HERE, "conf", name, "*.conf")):
            self.write(os.path.basename(path), open(path).read())
        loads = [m for pattern in MODULES + OWN_MODULES[name] for m in sorted(glob.glob(os.path.join(modules, pattern + ".so")))]
        # Files that Asterisk complains about when they are missing.
        for empty in ("ccss", "cel", "pjproject", "queuerules", "udptl"):
            self.write(empty + ".conf", "[general]\n")
        for empty in ("acl", "stasis"):
            self.write(empty + ".conf", "")
        self.write("modules.conf", "[modules]\nautoload = no\n" + "".join("load = %s\n" % os.path.basename(m) for m in loads))

    def write(self, name, text):
        """A configuration file, with @NAMES@ replaced."""
        text = re.sub(r"@([A-Z_]+)@", lambda match: str(self.values[match.group(1)]), text)
        with open(os.path.join(self.etc, name), "w") as file:
            file.write(text)

    def start(self):
        """Returns at once; then wait_booted()."""
        passwd = [line.split(":") for line in open(self.root + "/etc/passwd") if line.startswith("asterisk:")][0]
        for path, _, files in os.walk(self.directory):
            for entry in [path] + [os.path.join(path, file) for file in files]:
                os.chown(entry, int(passwd[2]), int(passwd[3]))
        # The shell is the namespace's first process: it stays root, so that the kernel still tells it of its parent's death.
        command = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
                   "--mount-proc=" + self.root + "/proc", "sh", "-c", 'chroot "$0" /usr/sbin/asterisk "$@" & wait $!', self.root,
                   "-f", "-C", self.inside + "/etc/asterisk.conf", "-U", "asterisk", "-G", "asterisk"]
        with open(os.path.join(self.directory, "log", "console"), "ab") as console:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                                            preexec_fn=die_with_parent)

    def boot(self):
        """Tells one start from another: Asterisk makes its socket anew. None while there is none."""
        try:
            return os.stat(self.directory + "/run/asterisk.ctl").st_ctime_ns
        except FileNotFoundError:
            return None

    def wait_booted(self, timeout=90, after=None):
        """`after`: what boot() was before it was told to start again."""
        def booted():
            if self.process.poll() is not None:
                raise RuntimeError("%s ended at once:\n%s" % (self.name, self.log()))
            return self.boot() not in (None, after) and "fully booted" in self.cli("core waitfullybooted", check=False)

        wait_for(booted, timeout, self.name + " does not start")
        self.pid = self.find_pid(self.process.pid)

    def find_pid(self, pid):
        """Asterisk's process id as this side of the namespace knows it."""
        if open("/proc/%d/comm" % pid).read().strip() == "asterisk":
            return pid
        children = open("/proc/%d/task/%d/children" % (pid, pid)).read().split()
        return next((found for found in (self.find_pid(int(child)) for child in children) if found), None)

    def cli(self, command, check=True):
        """What `asterisk -rx` says."""
        done = subprocess.run(["chroot", self.root, "/usr/sbin/asterisk", "-C", self.inside + "/etc/asterisk.conf", "-rx", command],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                              errors="replace", timeout=90)
        if check and done.returncode:
            raise RuntimeError("%s: %s: %s" % (self.name, command, done.stdout))
        return done.stdout

    def log(self):
        """Notices, warnings and errors, and what went to the console."""
        texts = [open(path, errors="replace").read() for path in sorted(glob.glob(self.directory + "/log/[mc]o*s*"))
                 + glob.glob(self.directory + "/log/messages*") if os.path.isfile(path)]
        return "".join(texts)

    def stop(self, timeout=20):
        """Ends it with `core stop now`, which says Shutdown to manager sessions; by force if it does not obey."""
        if self.process is None:
            return
        if self.process.poll() is None:
            try:
                self.cli("core stop now", check=False)
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self):
        """kill -9, and waits until nothing of it is left."""
        if self.process is None:
            return
        if self.process.poll() is None:
            try:
                os.kill(self.pid or self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = self.pid = None
        for path in glob.glob(self.directory + "/run/*"):
            os.unlink(path)


class World:
    """See the top of this file."""

    TRUNKS = ("carrier-a", "carrier-b", "carrier-ip", "carrier-silent")
    REGISTERING = ("carrier-a", "carrier-b")
    SCRIPTED = ("carrier-503", "carrier-500", "carrier-403", "carrier-486", "carrier-603", "carrier-404", "carrier-480",
                "carrier-ring-503")
    PHONES = ("1001", "1002", "1003", "1004", "1098")
    ABSENT = ("1005", "1099")

    def __init__(self, realtime=None):
        """`realtime`: URL of a database with libwtel's schema, from which the PBX takes agents and trunks too, as the role `asterisk`."""
        self.root = asterisk_root()
        self.ami_host, self.ami_user, self.ami_secret = "127.0.0.1", "wtel", secrets.token_hex(16)
        self.ami_port, self.tls_port = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
        self.world_ami_port, self.wss_port = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
        self.pbx_sip = free_port(socket.SOCK_DGRAM)
        self.world_sip = free_port(socket.SOCK_DGRAM, ("127.0.0.1", "127.0.0.2"))
        self.phone_port = free_port(socket.SOCK_DGRAM)
        self.silent = None
        self.sipps = []
        remove_dead_runs(self.root)
        self.inside = "/srv/wtel/%d-%s" % (os.getpid(), secrets.token_hex(4))
        self.directory = self.root + self.inside
        os.makedirs(self.directory)
        os.chmod(self.root + "/srv/wtel", 0o755)
        rtp = 8000 + part_of_ports()[0] * 400
        self.pbx = Server(self.root, self.inside, "pbx",
                          {"SECRET": self.ami_secret, "RTP_START": rtp, "RTP_END": rtp + 199, "ICE": ice_candidates()})
        self.world = Server(self.root, self.inside, "world",
                            {"SECRET": self.ami_secret, "RTP_START": rtp + 200, "RTP_END": rtp + 399, "AMI": self.world_ami_port,
                             "SIP": self.world_sip, "PBX_SIP": self.pbx_sip, "CARRIERS": self.carriers(), "PHONES": self.phones()})
        self.make_certificates()
        self.install_examples()
        if realtime:
            self.install_realtime(urllib.parse.urlsplit(realtime))

    # ---- configuration ------------------------------------------------------

    def carriers(self):
        return "".join("[{0}](carrier)\nauth = {0}\naors = {0}\ntransport = transport-udp\n[{0}]\ntype = auth\nauth_type = userpass\n"
                       "username = {0}\npassword = {1}\n[{0}]\ntype = aor\nmax_contacts = 1\nremove_existing = yes\n\n"
                       .format(name, self.ami_secret) for name in self.REGISTERING) + \
            "".join("[{0}](carrier)\ntransport = transport-udp\n".format(name) for name in self.SCRIPTED)

    def phones(self):
        return "".join("[phone-{0}](phone)\noutbound_auth = phone-{0}\naors = phone-{0}\n[phone-{0}]\ntype = auth\nauth_type = userpass\n"
                       "username = {0}\npassword = {1}\n[phone-{0}]\ntype = aor\ncontact = sip:{0}@127.0.0.1:{2}\n[phone-{0}]\n"
                       "type = registration\noutbound_auth = phone-{0}\nserver_uri = sip:127.0.0.1:{2}\n"
                       "client_uri = sip:{0}@127.0.0.1:{2}\ncontact_user = {0}\nline = yes\nendpoint = phone-{0}\nretry_interval = 5\n"
                       "max_random_initial_delay = 0\n"
                       "transport = transport-udp\n\n"
                       .format(name, self.ami_secret, self.pbx_sip) for name in self.PHONES)

    def install_examples(self):
        """The shipped files, with ports, secrets and addresses of this run, and more trunks and agents after their pattern."""
        def shipped(name):
            return open(os.path.join(EXAMPLES, name)).read()

        manager = change(shipped("manager.conf"), "port = 5038", "port = %d" % self.ami_port)
        manager = change(manager, ";tlsenable = yes", "tlsenable = yes")
        manager = change(manager, ";tlsbindaddr = 0.0.0.0:5039", "tlsbindaddr = 127.0.0.1:%d" % self.tls_port)
        for kind, name in (("tlscertfile", "ami.crt"), ("tlsprivatekey", "ami.key")):
            manager = change(manager, ";%s = /etc/asterisk/keys/%s" % (kind, name), "%s = %s/etc/%s" % (kind, self.pbx.inside, name))
        self.pbx.write("manager.conf", manager + '\n#include "manager_everything.conf"\n')
        self.pbx.write("wtel-secret.conf", "secret = %s\n" % self.ami_secret)
        self.pbx.write("extensions.conf", shipped("extensions.conf") + '\n#include "extensions_test.conf"\n')
        self.pbx.write("queues.conf", shipped("queues.conf"))
        http = change(shipped("http.conf"), "0.0.0.0:8089", "127.0.0.1:%d" % self.wss_port)
        for kind, name in (("wss.crt", "ami.crt"), ("wss.key", "ami.key")):
            http = change(http, "/etc/asterisk/keys/" + kind, "%s/etc/%s" % (self.pbx.inside, name))
        self.pbx.write("http.conf", http)
        self.pbx.write("pjsip.conf", change(shipped("pjsip.conf"), "bind = 0.0.0.0:5060", "bind = 127.0.0.1:%d" % self.pbx_sip))

        agent = change(shipped("wtel-agents.conf"), "password = REPLACE-SECRET", "password = %s" % self.ami_secret)
        agents = "".join(agent.replace("1001", name) for name in self.PHONES + self.ABSENT + ("1006",))
        self.browser_agent = "1007"
        agents = agent.replace("1001", self.browser_agent).replace("(wtel-agent)", "(wtel-agent-webrtc)") + agents
        self.pbx.write("wtel-agents.conf", agents + "contact = sip:1006@127.0.0.1:%d\nqualify_frequency = 0\n" % self.phone_port)

        trunk = change(shipped("wtel-trunks.conf"), "carrier-a.example:5060", "127.0.0.1:%d" % self.world_sip)
        trunk = change(trunk, "carrier-ip.example:5060", "127.0.0.2:%d" % self.world_sip)
        trunk = change(trunk, "carrier-ip.example", "127.0.0.2")
        trunk = change(trunk, "REPLACE-SECRET", self.ami_secret)
        registering, by_address = trunk.split("; ---- a carrier that knows us")
        self.silent_port = free_port(socket.SOCK_DGRAM)
        silent = "\n[carrier-silent](wtel-trunk)\naors = carrier-silent\n[carrier-silent](wtel-trunk-aor)\n" \
                 "contact = sip:127.0.0.1:%d\nqualify_frequency = 0\n" % self.silent_port
        silent += "\n[carrier-phone](wtel-trunk)\naors = carrier-phone\n[carrier-phone](wtel-trunk-aor)\n" \
                  "contact = sip:127.0.0.1:{0}\nqualify_frequency = 0\n".format(self.phone_port)
        silent += "\n[carrier-phone-raw](wtel-trunk)\naors = carrier-phone\ncontext = raw-inbound\nredirect_method = user\n"
        silent += "".join("\n[{0}](wtel-trunk)\naors = {0}\nfrom_user = {0}\n[{0}](wtel-trunk-aor)\ncontact = sip:127.0.0.1:{1}\n"
                          "qualify_frequency = 0\n".format(name, self.world_sip) for name in self.SCRIPTED)
        silent += "\n[carrier-absent](wtel-trunk)\naors = carrier-absent\n[carrier-absent](wtel-trunk-aor)\n" \
                  "\n[carrier-unreachable](wtel-trunk)\naors = carrier-unreachable\n[carrier-unreachable](wtel-trunk-aor)\n" \
                  "contact = sip:127.0.0.1:%d\n" % self.silent_port
        raw = "\n[carrier-raw](wtel-trunk)\ncontext = raw-inbound\n[carrier-raw]\ntype = identify\nendpoint = carrier-raw\n" \
              "match = 127.0.0.3\n"
        self.pbx.write("wtel-trunks.conf", "".join(registering.replace("carrier-a", name).replace("REPLACE-USER", name)
                                                  for name in self.REGISTERING).replace("\ncontact_user", "\nmax_random_initial_delay = 0\ncontact_user") + "; " + by_address + silent + raw)

    def install_realtime(self, url):
        for name in ("extconfig.conf", "sorcery.conf"):
            self.pbx.write(name, open(os.path.join(EXAMPLES, name)).read())
        settings = open(os.path.join(EXAMPLES, "res_pgsql.conf")).read()
        for old, new in (("hostname = 127.0.0.1", "hostname = " + url.hostname), ("port = 5432", "port = %d" % url.port),
                         ("dbname = wtel", "dbname = " + url.path[1:]), ("REPLACE-SECRET", self.ami_secret)):
            settings = change(settings, old, new)
        self.pbx.write("res_pgsql.conf", settings)
        with open(self.pbx.etc + "/modules.conf", "a") as file:
            file.write("load = res_config_pgsql.so\n")

    def make_certificates(self):
        """An authority of this run's own, and a certificate for localhost and 127.0.0.1."""
        self.ca_file = self.directory + "/ca.pem"
        etc, new = self.pbx.etc, ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        steps = [new + ["-x509", "-subj", "/CN=wtel test authority", "-keyout", self.directory + "/ca.key", "-out", self.ca_file],
                 new + ["-subj", "/CN=localhost", "-keyout", etc + "/ami.key", "-out", self.directory + "/ami.csr"],
                 ["openssl", "x509", "-req", "-in", self.directory + "/ami.csr", "-CA", self.ca_file, "-CAkey", self.directory + "/ca.key",
                  "-CAcreateserial", "-days", "2", "-out", etc + "/ami.crt", "-extfile", self.directory + "/ami.ext"]]
        with open(self.directory + "/ami.ext", "w") as file:
            file.write("subjectAltName = DNS:localhost, IP:127.0.0.1\n")
        for step in steps:
            subprocess.run(step, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    # ---- life ---------------------------------------------------------------

    def start(self):
        try:
            self.silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.silent.bind(("127.0.0.1", self.silent_port))
            self.world.start()
            self.pbx.start()
            self.world.wait_booted()
            self.pbx.wait_booted()
            self.wait_registered()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        """Ends everything and removes the run's files."""
        for process in self.sipps:
            if process.poll() is None:
                process.kill()
                process.wait()
        for server in (self.pbx, self.world):
            server.stop()
        if self.silent:
            self.silent.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def restart_pbx(self, how="stop"):
        """how: "stop" (core stop now, then start), "kill" (kill -9, then start) or "exec" (core restart now)."""
        before = self.pbx.boot()
        if how == "exec":
            self.pbx.cli("core restart now", check=False)
        else:
            self.pbx.stop() if how == "stop" else self.pbx.kill()
            self.pbx.start()
        self.pbx.wait_booted(after=before)
        self.wait_registered()
        # A phone that the PBX knew before is none that a queue may call until it is asked for (qualify_frequency, a minute) or comes anew.
        for name in self.PHONES[:1]:
            self.agent_away(name)
            self.agent_back(name)

    def wait_registered(self, timeout=60):
        """Until every phone and every trunk that should be registered is, and none is taken for dead."""
        def missing():
            listed = re.findall(r"^ *(\S+?)/\S+ .*\bRegistered\b", self.pbx.cli("pjsip show registrations"), re.M)
            return [name for name in self.REGISTERING if name not in listed]

        # After a restart of the PBX the phones' own view is stale: what counts is that it has their contacts.
        def without_contact():
            listed = re.findall(r"Contact:  (\d+)/sip", self.pbx.cli("pjsip show contacts"))
            return ["phone-" + name for name in self.PHONES if name not in listed]

        # Who did not answer one OPTIONS within three seconds would not be called for a minute.
        def dead():
            listed = re.findall(r"Contact:  (\S+?)/sip.* Unavail ", self.pbx.cli("pjsip show contacts"))
            return [name for name in self.TRUNKS[:3] + self.PHONES if name in listed]

        for server, find, command in ((self.pbx, missing, "pjsip send register "), (self.world, without_contact, "pjsip send register "),
                                      (self.pbx, dead, "pjsip qualify ")):
            def ask():
                for name in find():
                    server.cli(command + name)

            ask()
            wait_for(lambda: not find(), timeout, lambda: "%s: %s: not yet %s" % (server.name, command, find()), ask)

    def environment(self):
        """For programs that use the PBX. WTEL_TEST_TLS is the same server over TLS, to be verified with WTEL_TLS_CA."""
        login = "%s:%s@" % (self.ami_user, self.ami_secret)
        return {"WTEL_AMI": "ami://%s%s:%d" % (login, self.ami_host, self.ami_port),
                "WTEL_TEST_TLS": "amis://%slocalhost:%d" % (login, self.tls_port), "WTEL_TLS_CA": self.ca_file,
                "WTEL_TEST_TRUNKS": " ".join(self.TRUNKS), "WTEL_TEST_AGENTS": " ".join(self.PHONES)}

    # ---- what tests do ------------------------------------------------------

    def ami(self, user=None, events="off", tee=None):
        """A session at the PBX: as wtel, or as `everything`, `wide` or `poor`, which only the tests have."""
        return Ami(self.ami_port, user or self.ami_user, self.ami_secret, events, tee)

    def originate(self, ami, extension, number, trunk, call_id, timeout=30, dial_timeout=30, channel=None, context="welcomedly-outbound", **fields):
        """The action that the service sends: agent first, then the customer. Returns the response."""
        variables = ["__TRUNK_ID=1", "__WTEL_ENDPOINT=" + trunk, "__CALL_ID=" + call_id, "__CAMPAIGN_ID=1", "__LEAD_ID=1",
                     "__WTEL_DIAL_TIMEOUT=%d" % dial_timeout] + list(fields.pop("variables", []))
        return ami.action("Originate", variables, Channel=channel or "PJSIP/" + extension, Context=context, Exten=number,
                          Priority=1, CallerID=number, Timeout=timeout * 1000, Async="true", ChannelId=call_id, **fields)

    def cdrs(self, number=None, trunk=None):
        """The carriers' bill: dicts with accountcode (the trunk), number, src, channel, start, answer, end, duration,
        billsec, disposition, uniqueid. Calls that the carrier makes (call_in) and the phones' legs are not in it."""
        names = ("accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec "
                 "disposition amaflags uniqueid userfield").split()
        try:
            with open(self.world.directory + "/log/cdr-csv/Master.csv", newline="", errors="replace") as file:
                rows = [dict(zip(names, row)) for row in csv.reader(whole_lines(file)) if len(row) >= len(names)]
        except FileNotFoundError:
            return []
        for row in rows:
            row.update(number=row["userfield"], duration=int(row["duration"]), billsec=int(row["billsec"]))
        return [row for row in rows if row["accountcode"] in self.TRUNKS + self.SCRIPTED and number in (None, row["number"])
                and trunk in (None, row["accountcode"])]

    def wait_cdr(self, number, count=1, timeout=60):
        """The bill for a number, once it is written; with count > 1 a list."""
        rows = wait_for(lambda: self.cdrs(number) if len(self.cdrs(number)) >= count else None, timeout, "no CDR for " + number)
        return rows[-1] if count == 1 else rows

    def channels(self, server=None):
        """Channels of the PBX now."""
        return int(re.search(r"(\d+) active channel", (server or self.pbx).cli("core show channels count")).group(1))

    def calm(self, timeout=60):
        """Hangs up whatever is left in both servers, undoes faults, and waits until nothing is left."""
        def hangup():
            for server in (self.pbx, self.world):
                server.cli("channel request hangup all")

        self.fault(None)
        hangup()
        wait_for(lambda: self.channels() == self.channels(self.world) == 0, timeout,
                 lambda: "channels are left:\n" + self.pbx.cli("core show channels") + self.world.cli("core show channels"), hangup)

    def send(self, server, what, name, done, timeout=60):
        """pjsip send (un)register, until it is done: while another REGISTER is under way, Asterisk drops this one."""
        def send():
            server.cli("pjsip send %s %s" % (what, name))

        send()
        wait_for(done, timeout, "%s %s: not done" % (what, name), send)

    def unregister(self, trunk):
        """The PBX gives its registration up (Registry: Unregistered), until register()."""
        self.send(self.pbx, "unregister", trunk, lambda: not self.registered(trunk))

    def register(self, trunk):
        self.send(self.pbx, "register", trunk, lambda: self.registered(trunk))

    def registered(self, trunk):
        return bool(re.search(r"^ *%s/\S+ .*\bRegistered\b" % re.escape(trunk), self.pbx.cli("pjsip show registrations"), re.M))

    def fault(self, trunk, cause=34):
        """The carrier refuses every call with that Q.850 cause: 34 is 503, 21 403, 27 502, 38 500. trunk None: all are well again."""
        for name in self.TRUNKS[:3] if trunk is None else (trunk,):
            self.world.cli("dialplan set global FAULT-%s %s" % (name, cause if trunk else "0"))

    def set_agent_talk(self, seconds):
        """How long 1002 talks."""
        self.world.cli("dialplan set global AGENT_TALK %d" % seconds)

    def agent_away(self, extension):
        """The phone unregisters, until agent_back()."""
        self.send(self.world, "unregister", "phone-" + extension, lambda: "%s/sip" % extension not in self.pbx.cli("pjsip show contacts"))

    def agent_back(self, extension):
        self.send(self.world, "register", "phone-" + extension, lambda: "%s/sip" % extension in self.pbx.cli("pjsip show contacts"))

    def call_in(self, trunk, caller, number, stay=3):
        """A customer calls `number` through a trunk's carrier and stays for some seconds after the answer. Returns at once."""
        with Ami(self.world_ami_port, "world", self.ami_secret) as ami:
            return ami.action("Originate", ["STAY=%d" % stay], Channel="PJSIP/%s@%s" % (number, trunk), Context="customer", Exten="s",
                              Priority=1, CallerID=caller, Timeout=60000, Async="true")

    def sipp(self, scenario, number="1000", keys=None, source="127.0.0.2", port=None, timeout=60, wait=True, arguments=()):
        """Plays a scenario of tests/real/sipp (or a path) against the PBX; from 127.0.0.2 it comes in by carrier-ip, from
        127.0.0.3 by carrier-raw. `keys` replace
        [name] in the scenario. Returns the exit status; with wait=False the process, which stop() ends at the latest."""
        path = scenario if os.path.sep in scenario else os.path.join(HERE, "sipp", scenario)
        command = ["sipp", "127.0.0.1:%d" % self.pbx_sip, "-sf", path, "-s", number, "-i", source, "-p",
                   str(port or free_port(socket.SOCK_DGRAM, (source,))), "-m", "1", "-nostdin", "-timeout", str(timeout),
                   "-timeout_error", *arguments]
        for key, value in (keys or {}).items():
            command += ["-key", key, value]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   cwd=self.directory, preexec_fn=die_with_parent)
        self.sipps.append(process)
        return process.wait(timeout + 10) if wait else process


def whole_lines(file):
    """The last one may be half written."""
    return (line for line in file if line.endswith("\n"))


def sip_user(text):
    """Any text as the user part of a SIP address, as whoever wants to break the manager interface writes it."""
    return "".join(c if c.isascii() and c.isalnum() else "".join("%%%02x" % byte for byte in c.encode()) for c in text)


def change(text, old, new):
    """Replaces, and fails if the shipped file no longer has what is replaced."""
    if old not in text:
        raise RuntimeError("examples/asterisk has no %r any more" % old)
    return text.replace(old, new)


def remove_dead_runs(root):
    """Directories of runs that were killed before they could remove them."""
    for path in glob.glob(root + "/srv/wtel/*-*"):
        pid = os.path.basename(path).split("-")[0]
        if pid.isdigit() and not os.path.exists("/proc/" + pid):
            shutil.rmtree(path, ignore_errors=True)


def main():
    if len(sys.argv) < 3 or sys.argv[1] != "--run":
        sys.exit("usage: world.py --run COMMAND ARGUMENTS...")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    try:
        with World() as world:
            sys.exit(subprocess.call(sys.argv[2:], env=dict(os.environ, **world.environment()), preexec_fn=die_with_parent))
    except NoAsterisk as reason:
        print(reason, file=sys.stderr)
        sys.exit(77)


if __name__ == "__main__":
    main()

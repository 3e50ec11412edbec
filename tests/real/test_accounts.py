"""Accounts and trunks that wtelctl makes, on an Asterisk that reads them from the database: without a reload."""

import datetime
import os
import re
import socket
import time

import pytest

from client import Client, Postgres, wait_for
from world import NoAsterisk, World, free_port

VIEWS = "wtel_ps_endpoints, wtel_ps_auths, wtel_ps_aors, wtel_ps_registrations, wtel_ps_identifies"
KEY = "WTEL_SECRET_KEYS"


def parse(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@pytest.fixture(scope="module")
def database():
    if not os.environ.get("WTEL_TEST_PG"):
        pytest.skip("WTEL_TEST_PG names no PostgreSQL server")
    made = Postgres(os.environ["WTEL_TEST_PG"])
    assert Client(None, made).run("migrate").returncode == 0
    # What the files of examples/asterisk say: nothing but these views.
    made.execute("DO $$ BEGIN CREATE ROLE asterisk LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$")
    made.execute("GRANT SELECT ON %s TO asterisk" % VIEWS)
    yield made
    made.drop()


@pytest.fixture(scope="module")
def pbx(database):
    try:
        made = World(realtime=database.url)
    except NoAsterisk as reason:
        pytest.skip(str(reason))
    with made:
        yield made


@pytest.fixture
def wtel(pbx, database):
    """wtelctl; extensions that wtel-agents.conf has are taken."""
    database.execute("DELETE FROM calls; DELETE FROM sip_peers; DELETE FROM trunks")
    for extension in pbx.PHONES + pbx.ABSENT + ("1006", "1007"):
        database.execute("INSERT INTO sip_peers (user_id, sip_username, sip_password, extension) VALUES (%s, 'of%s', 'x', '%s')"
                         % ((extension,) * 3))
    made = Client(pbx.environment()["WTEL_AMI"], database)
    made.environment[KEY] = made.run("keys", "new").stdout.strip()
    yield made
    made.close()


@pytest.fixture
def account(wtel):
    return wtel.json("peer", "create", "--user-id", 5, "--first-name", "John", "--last-name", "Doe", "--no-webrtc")["sipPeer"]


class Phone:
    """sipp, at a port of its own."""

    def __init__(self, pbx, user, login, password):
        self.pbx, self.user, self.login, self.password = pbx, user, login, password
        self.port = free_port(socket.SOCK_DGRAM)

    def register(self, wanted=200, seconds=120):
        """Seconds that it took; AssertionError if the answer was another."""
        path = "%s/register-%d.xml" % (self.pbx.directory, self.port)
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sipp", "register.xml")) as scenario:
            text = scenario.read().replace("[wanted]", str(wanted)).replace("[seconds]", str(seconds))
        with open(path, "w") as file:
            file.write(text)
        begun = time.monotonic()
        status = self.pbx.sipp(path, self.user, source="127.0.0.1", port=self.port,
                               arguments=("-au", self.login, "-ap", self.password))
        assert status == 0, self.pbx.sipps[-1].stderr.read()
        return time.monotonic() - begun


class SecondPhone:
    """The second Asterisk as the account's phone: it answers at once, and stays."""

    def __init__(self, pbx, account):
        self.pbx, self.path = pbx, pbx.world.etc + "/pjsip.conf"
        self.before = open(self.path).read()
        name = account["sipUsername"]
        self.write(self.before + "\n[{0}](phone)\noutbound_auth = {0}\naors = {0}\n[{0}]\ntype = auth\nauth_type = userpass\nusername = {0}\n"
                   "password = {1}\n[{0}]\ntype = aor\ncontact = sip:{0}@127.0.0.1:{2}\n[{0}]\ntype = registration\n"
                   "outbound_auth = {0}\nserver_uri = sip:127.0.0.1:{2}\nclient_uri = sip:{0}@127.0.0.1:{2}\ncontact_user = 1001\n"
                   "line = yes\nendpoint = {0}\nmax_random_initial_delay = 0\ntransport = transport-udp\n"
                   .format(name, account["password"], pbx.pbx_sip))
        pbx.send(pbx.world, "register", name, lambda: re.search(name + r"/.* Registered", pbx.world.cli("pjsip show registrations")))

    def write(self, text):
        with open(self.path, "w") as file:
            file.write(text)
        self.pbx.world.cli("module reload res_pjsip.so")
        self.pbx.world.cli("module reload res_pjsip_outbound_registration.so")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.write(self.before)


def dial(pbx, extension):
    """Whether Asterisk can make a channel to it."""
    with pbx.ami() as ami:
        response = ami.action("Originate", Channel="PJSIP/" + extension, Context="welcomedly-refused", Exten="s", Priority=1,
                              Timeout=2000)
    return response["Response"] == "Success"


def test_a_new_account_registers_within_a_second(pbx, wtel, account):
    assert account["extension"] == "1008" and account["sipUsername"] == "johndoe"

    def register_new(number):
        begun = time.monotonic()
        made = wtel.json("peer", "create", "--user-id", number, "--first-name", "Jane", "--last-name", "Doe", "--no-webrtc")["sipPeer"]
        Phone(pbx, made["sipUsername"], made["sipUsername"], made["password"]).register()
        return time.monotonic() - begun

    assert any(register_new(number) < 1 for number in range(6, 16)), "not even once, which no busy machine is to blame for"
    # Whatever name the phone was given: the user name, the extension, or one with the login of the other.
    for user, login in (("johndoe", "johndoe"), ("1008", "johndoe"), ("1008", "1008")):
        Phone(pbx, user, login, account["password"]).register()
    shown = pbx.pbx.cli("pjsip show endpoint 1008")
    assert len(re.findall(r"Contact: +(?:1008|johndoe)/sip", shown)) == 2, shown
    assert account["password"] not in pbx.pbx.cli("pjsip show auth johndoe")


@pytest.mark.parametrize("user,login,secret", [("johndoe", "johndoe", "wrong"), ("johndoe", "janedoe", None), ("1008", "1008", ""),
                                               ("nobody", "nobody", None)])
def test_a_wrong_login_is_refused(pbx, wtel, account, user, login, secret):
    Phone(pbx, user, login, account["password"] if secret is None else secret).register(wanted=401)


def test_a_disabled_account_is_none(pbx, wtel, account):
    phone = Phone(pbx, "johndoe", "johndoe", account["password"])
    phone.register()
    assert wtel.run("peer", "disable", 5).returncode == 0
    phone.register(wanted=401)
    assert not dial(pbx, "1008")
    assert "Unable to find object" in pbx.pbx.cli("pjsip show endpoint 1008")


def test_a_renewed_secret_voids_the_old_one(pbx, wtel, account):
    phone = Phone(pbx, "johndoe", "johndoe", account["password"])
    phone.register()
    fresh = wtel.json("peer", "credentials", 5)["credentials"]["password"]
    phone.register(wanted=401)
    Phone(pbx, "johndoe", "johndoe", fresh).register()


def test_an_endpoint_is_not_had_by_its_name_alone(pbx, wtel, account):
    """A trunk's name in From does not make a stranger its carrier: neither of a trunk of the files nor of the database."""
    Phone(pbx, "carrier-b", "carrier-b", "").register(wanted=401)
    wtel.json("trunk", "add", "Carrier X", "--host", "192.0.2.1", "--no-registration")
    Phone(pbx, "carrier-x", "carrier-x", "").register(wanted=401)


def test_a_call_from_an_account_through_a_trunk_of_the_database(pbx, wtel, account, database):
    """The account's phone answers, the trunk that was just made registers and carries the call."""
    watcher = wtel.watch()
    # carrier-a's account at the carrier, under a name that no file has.
    done = wtel.run("trunk", "add", "Fresh Line", "--host", "127.0.0.1", "--port", pbx.world_sip, "--username", "carrier-a",
                    "--from-user", "carrier-a", WTEL_TRUNK_PASSWORD=pbx.ami_secret)
    assert done.returncode == 0, done.stderr
    watcher.wait("trunk:registry", lambda said: said.get("name") == "Fresh Line" and said.get("status") == "Registered", 60)
    assert pbx.registered("fresh-line")
    with SecondPhone(pbx, account):
        done = wtel.run("originate", "1008", "+15551234501", "--agent", 5, "--json", timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    bill = pbx.wait_cdr("+15551234501")
    assert bill["disposition"] == "ANSWERED" and bill["accountcode"] == "carrier-a"
    call = wtel.calls()[0]
    assert (call["disposition"], call["agentId"]) == ("ANSWERED", 5)
    assert abs(call["billsec"] - bill["billsec"]) <= 1  # both are cut off to whole seconds
    # Inactive, it is no endpoint, and its registration ends; active again, it begins again; removed, it ends.
    for words, there in ((("set", "Fresh Line", "--status", "inactive"), False), (("set", "Fresh Line", "--status", "active"), True),
                         (("remove", "Fresh Line"), False)):
        assert wtel.run("trunk", *words).returncode == 0
        assert ("Unable to find object" not in pbx.pbx.cli("pjsip show endpoint fresh-line")) == there
        wait_for(lambda: bool(pbx.registered("fresh-line")) == there, 60, "%s: the registration does not follow" % (words,))


def test_status_says_what_the_phone_is(pbx, wtel, account):
    """With the shipped manager.conf's classes: `reporting` and `call`, not `system`."""
    def status():
        return wtel.json("peer", "status", 5)["sipPeer"]

    watcher = wtel.watch()
    with SecondPhone(pbx, account):
        found = wait_for(lambda: [peer for peer in [status()] if peer["registered"] and peer["userAgent"]], 60, lambda: status())[0]
        assert found["userAgent"].startswith("Asterisk PBX") and found["ipAddress"] == "127.0.0.1"
        assert abs(parse(found["lastRegisteredAt"]) - time.time()) < 60
        watcher.wait("peer:status", lambda said: said["name"] == "1008", 60)
        assert not [line for line in watcher.heard("peer:status") if line["name"] == "johndoe"]
        pbx.world.cli("pjsip send unregister johndoe")
        wait_for(lambda: not status()["registered"], 60, "it is still said to be registered")
        pbx.world.cli("pjsip send register johndoe")
        wait_for(lambda: status()["registered"], 60, "it is not said to be registered")
        assert wtel.run("peer", "disable", 5).returncode == 0
        assert not status()["registered"]


ODD = "p;a\\;b^3B ;--c"


def password_of(pbx, trunk):
    found = re.search(r"^ password +: (.*)$", pbx.pbx.cli("pjsip show auth " + trunk), re.M)
    return found and found[1]


def test_a_carriers_password_arrives_whole(pbx, wtel):
    assert wtel.run("trunk", "add", "Odd One", "--host", "192.0.2.1", "--username", "odd", WTEL_TRUNK_PASSWORD=ODD).returncode == 0
    assert password_of(pbx, "odd-one") == ODD


def test_written_files_do_the_same(pbx, wtel, account, database):
    for name, host, user, password in (("Filed Line", "127.0.0.1", "carrier-a", pbx.ami_secret), ("Odd Two", "192.0.2.1", "odd", ODD)):
        assert wtel.run("trunk", "add", name, "--host", host, "--port", pbx.world_sip, "--username", user,
                        WTEL_TRUNK_PASSWORD=password).returncode == 0
    before = {}
    for kind, file in (("peers", "wtel-agents.conf"), ("trunks", "wtel-trunks.conf")):
        path = "%s/%s" % (pbx.pbx.etc, file)
        before[path] = open(path).read()
        done = wtel.run("asterisk-config", kind)
        assert done.returncode == 0, done.stderr
        with open(path, "a") as out:
            out.write("\n" + done.stdout)
    # From here on they are in the files alone.
    database.execute("DELETE FROM sip_peers; DELETE FROM trunks")

    def reload():
        pbx.pbx.cli("module reload res_pjsip.so")
        pbx.pbx.cli("module reload res_pjsip_outbound_registration.so")

    try:
        reload()
        for user in ("johndoe", "1008"):
            Phone(pbx, user, user, account["password"]).register()
        Phone(pbx, "johndoe", "johndoe", "wrong").register(wanted=401)
        assert password_of(pbx, "odd-two") == ODD
        wait_for(lambda: pbx.registered("filed-line"), 60, "the written trunk does not register")
    finally:
        for path, text in before.items():
            with open(path, "w") as out:
                out.write(text)
        reload()


def test_asterisk_reads_the_views_alone(pbx, database):
    as_asterisk = database.url.replace("wtel@", "asterisk@")
    assert database.psql(as_asterisk, "SELECT count(*) FROM wtel_ps_auths").isdigit()
    for table in ("sip_peers", "wtel_peers", "trunks", "wtel_ps_users", "wtel_ps_trunks", "wtel_grants", "calls"):
        with pytest.raises(AssertionError, match="permission denied"):
            database.psql(as_asterisk, "SELECT count(*) FROM " + table)

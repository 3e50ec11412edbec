"""wtelctl's tokens."""

import datetime
import hashlib
import json
import re

FORM = re.compile(r"wtel_[A-Za-z0-9_-]{43}")


def test_the_secret_is_printed_once_and_kept_nowhere(offline):
    done = offline.run("token", "create", "--name", "back'office", "--role", "supervisor")
    assert done.returncode == 0, done.stderr
    secret = done.stdout.strip()
    assert done.stdout == secret + "\n" and FORM.fullmatch(secret), "a script takes standard output as it is"
    assert secret not in done.stderr and "shown this once" in done.stderr
    rows = offline.database.rows("SELECT kind, hash, role, name FROM wtel_grants WHERE user_id IS NULL AND expires_at IS NULL"
                                 " AND revoked_at IS NULL")
    assert rows == [("token", hashlib.sha256(secret.encode()).hexdigest(), "supervisor", "back'office")]
    for words in (("token", "list"), ("token", "list", "--json")):
        listed = offline.run(*words)
        assert "back'office" in listed.stdout and secret not in listed.stdout and rows[0][1] not in listed.stdout


def test_a_token_from_its_making_to_its_end(offline):
    made = offline.json("token", "create", "--name", "one", "--role", "admin", "--expires", 30)
    token = made["token"]
    assert FORM.fullmatch(made["secret"]) and made["success"] is True
    assert token["name"] == "one" and token["role"] == "admin" and token["userId"] is None
    assert token["lastUsedAt"] is None and token["revokedAt"] is None
    times = [datetime.datetime.fromisoformat(token[key].replace("Z", "+00:00")) for key in ("createdAt", "expiresAt")]
    assert abs(times[1] - times[0] - datetime.timedelta(days=30)) < datetime.timedelta(minutes=5)
    second = offline.json("token", "create", "--name", "two", "--role", "agent", "--user-id", 5)["token"]
    assert second["userId"] == 5 and second["expiresAt"] is None
    listed = offline.json("token", "list")
    assert listed["count"] == 2 and [each["name"] for each in listed["tokens"]] == ["two", "one"], "newest first"
    assert listed["tokens"][1] == token
    assert offline.run("token", "revoke", token["id"]).returncode == 0
    ended = offline.json("token", "list")["tokens"][1]
    assert ended["revokedAt"] and dict(ended, revokedAt=None) == token
    assert offline.json("token", "revoke", token["id"]) == {"success": True}
    assert offline.json("token", "list")["tokens"][1] == ended, "the second time changed something"
    offline.database.execute("UPDATE wtel_grants SET expires_at = '2001-01-01T00:00:00.000000Z' WHERE id = %d" % second["id"])
    table = offline.run("token", "list").stdout.splitlines()
    assert [line.split()[-1] for line in table[1:]] == ["expired", "revoked"]


def test_the_token_of_a_user_set_inactive(offline):
    offline.database.execute("CREATE TABLE usuarios (id INTEGER PRIMARY KEY, correo VARCHAR(100), contrasenia VARCHAR(255),"
                             " rol VARCHAR(20), estado VARCHAR(20))")
    offline.database.execute("INSERT INTO usuarios VALUES (5, 'a@example.com', '', 'agent', 'activo'), (6, 'b@example.com', '', 'agent', 'inactivo')")
    for name, user in (("active", 5), ("inactive", 6), ("removed", 7)):
        offline.json("token", "create", "--name", name, "--role", "agent", "--user-id", user)
    offline.json("token", "create", "--name", "nobody's", "--role", "admin")

    def states():
        table = offline.run("token", "list").stdout.splitlines()
        listed = offline.json("token", "list")["tokens"]
        return {token["name"]: (token["userInactive"], line.endswith("user inactive")) for token, line in zip(listed, table[1:])}

    assert states() == {"nobody's": (False, False), "removed": (True, True), "inactive": (True, True), "active": (False, False)}
    offline.database.execute("UPDATE usuarios SET estado = 'activo' WHERE id = 6")
    assert states()["inactive"] == (False, False)


def test_tokens_that_cannot_be(offline):
    for words, status in ((("create", "--name", "a"), 2), (("create", "--role", "admin"), 2), (("create", "--name", "", "--role", "admin"), 2),
                          (("create", "--name", "a", "--role", "root"), 2), (("create", "--name", "a", "--role", "agent"), 2),
                          (("create", "--name", "a", "--role", "admin", "--expires", "soon"), 2),
                          (("create", "--name", "a", "--role", "admin", "--expires", "99999999"), 2),
                          (("create", "--name", "a" * 101, "--role", "admin"), 2), (("create", "--name", "a\nb", "--role", "admin"), 2),
                          (("create", "--name", "a", "--role", "admin", "--user-id", "3000000000"), 2),
                          (("revoke",), 2), (("revoke", "one"), 2), (("revoke", ""), 2), (("revoke", "-1"), 2), (("revoke", "9"), 1)):
        done = offline.run("token", *words)
        assert done.returncode == status and done.stderr and not done.stdout, (words, done)
    assert offline.json("token", "list") == {"success": True, "count": 0, "tokens": []}


def test_a_name_cannot_paint_the_terminal(offline):
    made = json.loads(offline.run("token", "create", "--name", "\x1b[31mred", "--role", "admin", "--json").stdout)
    assert made["token"]["name"] == "\x1b[31mred"
    assert "\x1b" not in offline.run("token", "list").stdout

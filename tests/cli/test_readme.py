"""Each wtelctl command that a README or the manual shows is one: no option of it is unknown."""

import glob
import os
import re
import shlex

import pytest

CHECKOUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SHOWN = re.compile(r"^(?:\.Dl|   ) +(?:[A-Z_]+=\S+ )*wtelctl (.*)$", re.MULTILINE)
# These go on until they are interrupted.
ENDLESS = ("serve", "sim", "events")


def commands():
    files = [os.path.join(CHECKOUT, "README.md"), os.path.join(CHECKOUT, "cli", "wtelctl.1")]
    files += glob.glob(os.path.join(CHECKOUT, "examples", "*", "README.md")) + glob.glob(os.path.join(CHECKOUT, "bindings", "*", "README.md"))
    for path in files:
        with open(path, encoding="utf-8") as file:
            for line in SHOWN.findall(file.read()):
                words = shlex.split(line, comments=True)
                if words[0] not in ENDLESS:
                    yield os.path.relpath(path, CHECKOUT), words


@pytest.mark.parametrize("words", [pytest.param(words, id=f"{path}: {' '.join(words)[:40]}") for path, words in commands()])
def test_shown_command(offline, words):
    offline.run("trunk", "add", "Twilio Main", "--host", "sip.example.com")
    done = offline.run(*words)
    assert done.returncode != 2 or "exists already" in done.stderr, done.stderr


def test_commands_were_found():
    assert len(list(commands())) > 10

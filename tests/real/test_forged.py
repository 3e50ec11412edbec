"""A hostile caller forges AMI lines and messages by the user part of From: nothing of ours may change."""

import json

import pytest

from client import wait_for
from test_calls import number
from world import sip_user

# {victim}: id of a call of ours that goes on meanwhile; {channel}: its channel; {sip}: the carrier's port. At most 79 bytes come
# through (res/res_pjsip.c, set_id_from_hdr), which a whole block of channel fields does not fit into.
ATTACKS = {
    "line": "555\r\nEvent: Hangup",
    "hangup": "1\r\n\r\nEvent: Hangup\r\nUniqueid: {victim}\r\n\r\n",
    "hangup by channel": "1\r\n\r\nEvent: Hangup\r\nChannel: {channel}\r\n\r\n",
    "open hangup": "1\r\n\r\nEvent: Hangup\r\nUniqueid: {victim}",
    "second uniqueid": "555\r\nUniqueid: {victim}\r\nCause: 16",
    "linkedid": "555\r\nLinkedid: {victim}",
    "registry": "1\r\n\r\nEvent: Registry\r\nUsername: sip:carrier-a@127.0.0.1:{sip}\r\nStatus: Rejected",
    "shutdown": "1\r\n\r\nEvent: Shutdown\r\nPrivilege: system,all\r\nShutdown: Cleanly\r\n\r\n",
    "tail": "1\r\n\r\nPriority: 1\r\nUniqueid: 1\r\nLinkedid: 1\r\n\r\nEvent: X",
    "bare LF": "1\n\nEvent: Hangup\nUniqueid: {victim}\n\n",
    "lower case": "555\r\nuniqueid: {victim}\r\nlinkedid: {victim}",
}


@pytest.fixture
def victim(world, client):
    """A call of ours that is answered and goes on, and a watcher that hears of it."""
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1")
    watcher = client.watch()
    world.pbx.cli("channel request hangup all")  # what tests before have left
    # 1001 stays free: the queue that the hostile calls go to has nobody else, and it knows him some time after he registered.
    wait_for(lambda: "Not in use" in world.pbx.cli("queue show welcome-queue"), 90,
             lambda: "the queue's agent is not there: " + world.pbx.cli("queue show welcome-queue"))
    world.set_agent_talk(600)
    process = client.start("originate", "1002", number("00"), "--json")
    call = wait_for(lambda: next((c for c in client.json("calls", "active")["calls"] if c["stateName"] == "answered"), None), 60,
                    lambda: "not answered: %s" % client.calls())
    yield call, process, watcher
    world.set_agent_talk(5)


def test_forged_events_change_nothing(world, client, victim):
    call, process, watcher = victim
    trunk = client.json("trunk", "list")["trunks"][0]
    assert trunk["registered"]
    for name, text in ATTACKS.items():
        text = text.format(victim=call["callId"], channel=call["channel"], sip=world.world_sip)[:79]
        # From carrier-raw, whose dialplan hands the caller id on as it came; and by the shipped inbound dialplan.
        played = world.sipp("call_in.xml", sip_user("15550001000"), {"from": sip_user(text)}, source="127.0.0.3")
        assert played == 0, "%s: the hostile call did not come in" % name
        still = client.call(call["callId"])
        assert still["stateName"] == "answered" and still["endTime"] is None, "%s ended the call: %s" % (name, still)
        now = client.json("trunk", "list")["trunks"][0]
        assert now["registered"] and now["status"] == "active" and not now["lastErrorMessage"], "%s changed the trunk" % name
        assert process.poll() is None, "%s ended wtelctl" % name
    assert client.json("hangup", call["callId"])["success"]
    out, _ = process.communicate(timeout=120)
    record = json.loads(out)["call"]
    assert record["disposition"] == "ANSWERED" and not record["estimated"], "%s, heard by the watcher: %s" % (record, watcher.heard())
    assert [leg["role"] for leg in record["legs"]] == ["agent", "customer"], "a forged leg came in"
    # The truth was heard all the same: one hangup of the victim's call, the real one.
    watcher.wait("call:hangup", lambda n: n["call"]["callId"] == call["callId"])
    assert [n["call"]["disposition"] for n in watcher.heard("call:hangup") if n["call"]["callId"] == call["callId"]] == ["ANSWERED"]
    alarms = watcher.heard("security")
    assert len(alarms) >= len(ATTACKS) - 1, "attacks that nobody was told of: %s" % watcher.heard()
    assert any("carrier-raw" in n.get("name", "") for n in alarms), "the source's channel is not named: %s" % alarms

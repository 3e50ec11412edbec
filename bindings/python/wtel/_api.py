"""What is asked of the library's REST interface, as methods."""

import json
from datetime import date
from typing import Any, Dict, List, Optional, Union

from . import _request
from .errors import Invalid, NotFound
from .model import Call, Credentials, History, Peer, Stats, Step, Trunk, make

When = Union[date, str, None]
ROOT = "/api/telephony"


class Api:
    async def _rest(self, method: str, path: str, query: str = "", body: Optional[str] = None) -> Any:
        raise NotImplementedError

    async def request(self, method: str, path: str, query: Optional[Dict[str, Any]] = None,
                      body: Optional[Dict[str, Any]] = None) -> Any:
        """Anything of the REST interface: `await telephony.request("GET", "/api/telephony/status")`."""
        return await self._rest(_request.check(method, "method"), _request.check(path, "path"),
                                   _request.query(**(query or {})), None if body is None else _request.body(body))

    # ---- calls ----

    async def call(self, call_id: str) -> Call:
        """One call with its legs, active or not."""
        found = await self._rest("GET", "%s/calls/%s" % (ROOT, _request.segment(call_id, "call_id")))
        return make(Call, found["call"])

    async def history(self, *, limit: int = 50, offset: int = 0, agent_id: Optional[int] = None,
                      campaign_id: Optional[int] = None, trunk_id: Optional[int] = None,
                      disposition: Optional[str] = None, since: When = None, until: When = None,
                      lead_id: Optional[int] = None, direction: Optional[str] = None, number: Optional[str] = None,
                      cursor: Optional[str] = None) -> History:
        """Calls, newest first; `until` a day includes that day; `number` is what one of the two numbers begins with. With
        `cursor`, the `next` of another page, the page behind that one, whichever calls have come since."""
        found = await self._rest("GET", ROOT + "/calls/history", _request.query(
            limit=_request.number(limit, "limit"), offset=_request.number(offset, "offset"), agentId=agent_id,
            campaignId=campaign_id, trunkId=trunk_id, disposition=disposition, leadId=lead_id, direction=direction,
            number=number, cursor=cursor, **{"from": since, "to": until}))
        return History(found["count"], tuple(make(Call, call) for call in found["calls"]), found["next"])

    async def recording(self, call: Union[Call, str], url: Optional[str]) -> Call:
        """Sets where a call's recording is: an http or https URL, or a path; None: nowhere."""
        call_id = _request.segment(call.call_id if isinstance(call, Call) else call, "call")
        return make(Call, (await self._rest("PATCH", "%s/calls/%s" % (ROOT, call_id),
                                            body=json.dumps({"recordingUrl": _request.check(url, "url")})))["call"])

    async def stats(self, *, agent_id: Optional[int] = None, campaign_id: Optional[int] = None,
                    trunk_id: Optional[int] = None, since: When = None, until: When = None) -> Stats:
        """Of finished calls."""
        found = await self._rest("GET", ROOT + "/calls/stats", _request.query(
            agentId=agent_id, campaignId=campaign_id, trunkId=trunk_id, startDate=since, endDate=until))
        return make(Stats, found["stats"])

    # ---- trunks ----

    async def trunks(self) -> List[Trunk]:
        found = await self._rest("GET", ROOT + "/trunks")
        return [make(Trunk, trunk) for trunk in found["trunks"]]

    async def trunk_add(self, name: str, host: str, **settings: Any) -> Trunk:
        """`await telephony.trunk_add("Twilio Main", "sip.example.com", max_channels=20, priority=1)`: columns of the
        table, and `advanced_settings`, a dict of rules. Exists."""
        found = await self._rest("POST", ROOT + "/trunks", body=_request.body(dict(settings, name=name, host=host)))
        return make(Trunk, found["trunk"])

    async def trunk_set(self, trunk: Union[Trunk, int, str], **settings: Any) -> Trunk:
        """Changes what is given, of a trunk or of one by its id or name."""
        path = "%s/trunks/%d" % (ROOT, await self._trunk_id(trunk))
        return make(Trunk, (await self._rest("PATCH", path, body=_request.body(settings)))["trunk"])

    async def trunk_remove(self, trunk: Union[Trunk, int, str]) -> None:
        """Conflict while calls are on it."""
        await self._rest("DELETE", "%s/trunks/%d" % (ROOT, await self._trunk_id(trunk)))

    async def _trunk_id(self, trunk: Union[Trunk, int, str]) -> int:
        if isinstance(trunk, Trunk):
            return trunk.id
        if not isinstance(trunk, str):
            return _request.number(trunk, "trunk", 1)
        _request.check_text(trunk, "trunk")
        for one in await self.trunks():
            if one.name == trunk:
                return one.id
        raise NotFound("there is no such trunk", "WTEL_ENOTFOUND", "trunk")

    async def explain(self, number: Optional[str] = None, *, campaign_id: Optional[int] = None) -> List[Step]:
        """Which trunk a call to `number` would take now, and why not the others."""
        if number is not None:
            _request.text(number, "number")
        try:
            found = await self._rest("GET", ROOT + "/trunks/explain", _request.query(to=number, campaignId=campaign_id))
        except Invalid as error:
            raise Invalid(error.message, error.code, "number" if error.field == "until" else error.field) from None
        return [make(Step, step) for step in found["trunks"]]

    async def assign(self, campaign_id: int, trunk: Union[Trunk, int, str], priority: Optional[int] = 1) -> None:
        """Gives a trunk to a campaign; `priority` None takes it away."""
        path = "%s/campaigns/%d/trunks/%d" % (ROOT, _request.number(campaign_id, "campaign_id", 1),
                                              await self._trunk_id(trunk))
        if priority is None:
            await self._rest("DELETE", path)
        else:
            await self._rest("PUT", path, body=_request.body({"priority": priority}))

    # ---- accounts ----

    async def peers(self) -> List[Peer]:
        found = await self._rest("GET", ROOT + "/sip/peers")
        return [make(Peer, peer) for peer in found["sipPeers"]]

    async def peer_create(self, user_id: int, first_name: str, last_name: str) -> Credentials:
        """A SIP account. Its password is given this once. Exists."""
        found = (await self._rest("POST", ROOT + "/sip/create", body=_request.body(dict(
            user_id=user_id, primer_nombre=first_name, primer_apellido=last_name))))["sipPeer"]
        return Credentials(found["sipUsername"], found["password"], found["extension"])

    async def peer_renew(self, user_id: int) -> Credentials:
        """Another password, given this once; the old one is void."""
        found = await self._rest("POST", _peer(user_id, "renew"))
        return make(Credentials, found["credentials"])

    async def peer_enable(self, user_id: int) -> None:
        await self._rest("POST", _peer(user_id, "enable"))

    async def peer_disable(self, user_id: int) -> None:
        await self._rest("POST", _peer(user_id, "disable"))


def _peer(user_id: int, what: str) -> str:
    return "%s/sip/%d/%s" % (ROOT, _request.number(user_id, "user_id", 1), what)

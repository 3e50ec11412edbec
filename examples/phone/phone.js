// A phone in a web page: takes the user's own SIP account from the gateway, registers it at Asterisk over WSS and shows calls.
// It dials nothing by itself: POST call/originate rings this phone first and then the customer, through the trunk that is best.

import { Web } from "sip.js";

const api = document.querySelector("meta[name=wtel-api]").content;
const find = (selector) => document.querySelector(selector);
let token = "";
let csrf = "";
let account = null;
let manager = null;

function show(state, text) {
  find("#state").dataset.state = state;
  find("#state").textContent = text;
}

async function ask(path, body) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (csrf) headers["X-CSRF-Token"] = csrf;
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(`${api}/${path}`, {
    method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), credentials: token ? "omit" : "same-origin",
  });
  const answer = await response.json();
  if (!answer.success) throw new Error(answer.error?.message ?? `HTTP ${response.status}`);
  return answer;
}

// ---- calls ---------------------------------------------------------------

const rows = new Map(); // session -> its line, its sound, whether it was answered

function whom(session) {
  return session.remoteIdentity.displayName || session.remoteIdentity.uri.user || "unknown";
}

function received(session) {
  const row = find("#call-row").content.firstElementChild.cloneNode(true);
  const [answer, mute, end] = row.querySelectorAll("button");
  row.querySelector("span").textContent = `${whom(session)} is calling`;
  answer.onclick = () => {
    answer.disabled = true; // the browser may ask for the microphone first
    manager.answer(session).catch((error) => {
      answer.disabled = false;
      show("registered", `No call: ${error.message}`);
    });
  };
  mute.onclick = () => {
    manager.isMuted(session) ? manager.unmute(session) : manager.mute(session);
    mute.textContent = manager.isMuted(session) ? "Unmute" : "Mute";
  };
  end.onclick = () => manager.hangup(session); // declines what is not answered
  rows.set(session, row);
  find("#calls").append(row);
}

function answered(session) {
  const row = rows.get(session);
  const [answer, mute, end] = row.querySelectorAll("button");
  row.querySelector("span").textContent = `${whom(session)}, since ${new Date().toLocaleTimeString()}`;
  answer.hidden = true;
  mute.hidden = false;
  end.textContent = "Hang up";
}

function ended(session) {
  rows.get(session)?.remove();
  rows.delete(session);
}

// ---- registration --------------------------------------------------------

// What no other attempt would change: a wrong secret, an account that is disabled. All else is tried again.
function refused(response) {
  const code = response.message.statusCode;
  show("refused", `Asterisk refused: ${code} ${response.message.reasonPhrase}`);
  if (code === 401 || code === 403 || code === 404) manager.disconnect();
}

function start({ sipServer, sipPort, username, password, extension, displayName }) {
  const host = sipServer.includes(":") ? `[${sipServer}]` : sipServer;
  const options = {
    aor: `sip:${extension}@${host}`,
    delegate: {
      onCallReceived: received,
      onCallAnswered: answered,
      onCallHangup: ended,
      onRegistered: () => show("registered", `${displayName || username}, extension ${extension}`),
      onUnregistered: () => find("#state").dataset.state === "refused" || show("off", "not registered"),
      onServerDisconnect: (error) => error && show("lost", "no connection to Asterisk, trying again"),
    },
    // A call that waits is shown too: one audio element each.
    media: { remote: () => ({ audio: new Audio() }) },
    reconnectionAttempts: 1e6,
    registererOptions: { expires: 300 },
    registererRegisterOptions: { requestDelegate: { onReject: refused } },
    userAgentOptions: {
      authorizationUsername: username,
      authorizationPassword: password,
      displayName,
      logBuiltinEnabled: false,
      // SIP.js would ask a public STUN server. Asterisk answers to the address that packets come from, so none is needed.
      sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] }, iceGatheringTimeout: 1000 },
    },
  };
  manager = new Web.SessionManager(`wss://${host}:${sipPort}/ws`, options);
  return manager.connect().then(() => manager.register());
}

find("#login").onsubmit = async (event) => {
  event.preventDefault();
  find("#enter").disabled = true;
  show("asking", "asking for the account");
  try {
    token = find("#token").value;
    csrf = token ? "" : (await ask("session")).session.csrfToken;
    account = (await ask("sip/credentials")).credentials;
    show("connecting", "connecting");
    await manager?.disconnect();
    await start(account);
    find("#dial").hidden = false;
  } catch (error) {
    show("failed", `Not registered: ${error.message}`);
  }
  find("#enter").disabled = false;
};

find("#dial").onsubmit = async (event) => {
  event.preventDefault();
  try {
    await ask("call/originate", { agentExtension: account.extension, customerPhone: find("#number").value });
  } catch (error) {
    show(find("#state").dataset.state, `No call: ${error.message}`);
  }
};

addEventListener("beforeunload", (event) => {
  if (rows.size) event.preventDefault(); // asks before a call is lost
});

// For the console: phone.sessions()[0].sessionDescriptionHandler.peerConnection.getStats()
globalThis.phone = { start, get manager() { return manager; }, sessions: () => [...rows.keys()] };

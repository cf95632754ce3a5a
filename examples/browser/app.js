// A telephone in a page: it registers nowhere and calls a server over WebSocket.

import { Inviter, SessionState, UserAgent, Web } from "sip.js";
import { Sound } from "./sound.js";

const USERS = ["echo", "ring", "early", "busy", "moved", "silent", "hold", "hangup", "dtmf", "menu", "play", "bridge"];
const KEYS = "123456789*0#";

const part = (id) => document.getElementById(id);
const sound = new Sound(part("speaker"));
let userAgent;
let inviter;
let answered;

async function connect() {
  const server = part("server").value;
  await userAgent?.stop();
  userAgent = new UserAgent({
    uri: UserAgent.makeURI("sip:browser@example.invalid"),
    transportOptions: { server },
    sessionDescriptionHandlerFactory: Web.defaultSessionDescriptionHandlerFactory(() => sound.said()),
    // No STUN server: ours tells its own address.
    sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
    logLevel: "warn",
    delegate: {
      onConnect: () => link("up", server),
      onDisconnect: () => link("", `no connection to ${server}`),
    },
  });
  link("", `connecting to ${server}…`);
  await userAgent.start().catch(() => link("", `no connection to ${server}`));
}

async function call() {
  const { host } = new URL(part("server").value);
  const user = part("target").value.trim();
  await sound.wake();
  place(UserAgent.makeURI(user.startsWith("sip:") ? user : `sip:${user}@${host}`));
}

function place(target) {
  if (!target) {
    return show("failed", "That is no SIP address");
  }
  start(new Inviter(userAgent, target, { earlyMedia: true }), target);
}

function start(session, target) {
  inviter = session;
  answered = undefined;
  show("calling", `Calling ${target.user}`);
  session.stateChange.addListener((state) => changed(session, state));
  session.delegate = {
    onBye: (bye) => {
      note("they hung up");
      bye.accept();
    },
    onRefer: (referral) => follow(referral),
  };
  const requestDelegate = {
    onProgress: ({ message }) => {
      note(`${message.statusCode} ${message.reasonPhrase}`);
      show("calling", message.statusCode === 180 ? "Ringing" : "Early media");
      listen(session);
    },
    onAccept: ({ message }) => note(`${message.statusCode} ${message.reasonPhrase}`),
    onRedirect: ({ message }) => {
      note(`${message.statusCode} ${message.reasonPhrase}`);
      const contact = message.parseHeader("contact").uri;
      note(`following to ${contact}`);
      place(contact);
    },
    onReject: ({ message }) => {
      note(`${message.statusCode} ${message.reasonPhrase}`);
      show("failed", message.reasonPhrase);
    },
  };
  session.invite({ requestDelegate }).catch((error) => show("failed", error.message));
}

/** They send us elsewhere; the first call ends with their BYE. */
async function follow(referral) {
  note(`sent on to ${referral.referTo.uri}`);
  await referral.accept();
  start(referral.makeInviter(), referral.referTo.uri);
}

function changed(session, state) {
  if (session !== inviter) {
    return;
  }
  if (state === SessionState.Established) {
    answered = Date.now();
    listen(session);
    show("talking", `Talking to ${session.request.ruri.user}`);
  } else if (state === SessionState.Terminated) {
    inviter = undefined;
    sound.hush();
    if (part("state").parentElement.dataset.state !== "failed") {
      show("idle", "Call over");
    }
  }
  controls();
}

function listen(session) {
  const connection = session.sessionDescriptionHandler?.peerConnection;
  if (connection?.remoteDescription) {
    sound.hear(connection);
  }
}

async function hangUp() {
  switch (inviter?.state) {
    case SessionState.Established:
      note("hanging up");
      return inviter.bye();
    case SessionState.Initial:
    case SessionState.Establishing:
      note("giving up");
      show("failed", "Given up");
      return inviter.cancel();
  }
}

/** A re-INVITE. */
function hold() {
  const wanted = part("hold").ariaPressed !== "true";
  const requestDelegate = {
    onAccept: () => {
      part("hold").ariaPressed = wanted;
      note(wanted ? "held" : "resumed");
      show(wanted ? "held" : "talking", wanted ? "On hold" : `Talking to ${inviter.request.ruri.user}`);
    },
    onReject: ({ message }) => note(`refused: ${message.statusCode} ${message.reasonPhrase}`),
  };
  const options = { hold: wanted };
  inviter.sessionDescriptionHandlerOptionsReInvite = options;
  inviter
    .invite({ requestDelegate, sessionDescriptionHandlerOptions: options })
    .catch((error) => note(error.message));
}

function mute() {
  const wanted = part("mute").ariaPressed !== "true";
  inviter.sessionDescriptionHandler.enableSenderTracks(!wanted);
  part("mute").ariaPressed = wanted;
}

function press(key) {
  const sent = inviter?.sessionDescriptionHandler?.sendDtmf(key);
  note(sent ? `key ${key}` : `key ${key} cannot be sent now`);
}

function show(state, text) {
  part("state").textContent = text;
  part("state").parentElement.dataset.state = state;
  controls();
}

function controls() {
  const isTalking = inviter?.state === SessionState.Established;
  part("call").hidden = Boolean(inviter);
  part("hang-up").hidden = !inviter;
  part("hold").disabled = part("mute").disabled = !isTalking;
  part("keys").querySelectorAll("button").forEach((button) => (button.disabled = !isTalking));
  if (!isTalking) {
    part("hold").ariaPressed = part("mute").ariaPressed = false;
  }
}

function link(state, text) {
  part("link").className = `link ${state}`;
  part("link").textContent = text;
}

function note(text) {
  const item = document.createElement("li");
  item.textContent = `${new Date().toTimeString().slice(0, 8)}  ${text}`;
  part("events").prepend(item);
}

function button(text, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", action);
  return button;
}

part("users").append(...USERS.map((user) => button(user, () => (part("target").value = user))));
part("keys").append(...[...KEYS].map((key) => button(key, () => press(key))));
part("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  call();
});
part("hang-up").addEventListener("click", hangUp);
part("hold").addEventListener("click", hold);
part("mute").addEventListener("click", mute);
part("source").addEventListener("click", () => {
  part("source").ariaPressed = sound.change();
});
part("server").addEventListener("change", connect);
setInterval(() => {
  const seconds = answered && inviter ? Math.floor((Date.now() - answered) / 1000) : 0;
  part("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}, 250);
sound.measure((said, heard) => {
  part("said").value = said;
  part("heard").value = heard;
});
controls();
connect();

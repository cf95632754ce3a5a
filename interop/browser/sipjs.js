// Calls with SIP.js.

import { Inviter, SessionState, UserAgent, Web } from "sip.js";
import { Ear, TONE, tone, until } from "./sound.js";

/** A started user agent, calling from nowhere. */
async function start(url) {
  const userAgent = new UserAgent({
    uri: UserAgent.makeURI("sip:browser@example.invalid"),
    transportOptions: { server: url },
    sessionDescriptionHandlerFactory: Web.defaultSessionDescriptionHandlerFactory(async () => tone()),
    sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
    logBuiltinEnabled: false,
    logConnector: (level, category, label, content) => console.log(`${level} ${category}: ${content}`),
    logLevel: "debug",
  });
  await userAgent.start();
  return userAgent;
}

/** A call on its way. */
class Call {
  constructor(userAgent, target, options) {
    this.userAgent = userAgent;
    this.responses = [];
    this.inviter = target && new Inviter(userAgent, target, options);
  }

  static async to(url, user, options) {
    const userAgent = await start(url);
    const host = new URL(url.replace("ws", "http")).host;
    const call = new Call(userAgent, UserAgent.makeURI(`sip:${user}@${host}`), options);
    await call.invite();
    return call;
  }

  async invite() {
    const onBye = (bye) => {
      this.isLeft = true;
      bye.accept();
    };
    this.inviter.delegate = { ...this.inviter.delegate, onBye };
    const note = (response) => {
      this.responses.push(response.message.statusCode);
      this.last = response.message;
    };
    const requestDelegate = {
      onProgress: note,
      onAccept: note,
      onRedirect: note,
      onReject: note,
    };
    await this.inviter.invite({ requestDelegate });
  }

  get connection() {
    return this.inviter.sessionDescriptionHandler.peerConnection;
  }

  is(state) {
    return until(`for ${state}`, () => this.inviter.state === state, () => this.describe());
  }

  gets(status) {
    const is = () => this.responses.includes(status);
    return until(`for ${status}`, is, () => this.describe());
  }

  describe() {
    return `state ${this.inviter.state}, responses ${this.responses}`;
  }

  async established() {
    await this.is(SessionState.Established);
    this.ear = new Ear(this.connection);
    return this;
  }

  /** A re-INVITE, again where the server's own change was faster. */
  async change(hold) {
    const answered = new Promise((resolve, reject) => {
      const requestDelegate = { onAccept: resolve, onReject: (it) => reject(new Error(`refused: ${it.message.statusCode}`)) };
      this.inviter.sessionDescriptionHandlerOptionsReInvite = { hold };
      const sent = this.inviter.invite({ requestDelegate, sessionDescriptionHandlerOptions: { hold } });
      sent.catch(reject);
    });
    await answered;
  }

  async hangUp() {
    await this.inviter.bye();
    await this.is(SessionState.Terminated);
    await this.userAgent.stop();
  }
}

async function echo(url) {
  const call = await (await Call.to(url, "echo")).established();
  await call.ear.hears(TONE);
  await call.ear.exchanges(50);
  await call.hangUp();
}

async function ring(url) {
  const call = await Call.to(url, "ring");
  await call.gets(180);
  await call.established();
  await call.ear.hears(TONE);
  await call.hangUp();
}

async function early(url) {
  const call = await Call.to(url, "early", { earlyMedia: true });
  await call.gets(183);
  const ear = new Ear(call.connection);
  await ear.hears(TONE);
  if (call.responses.includes(200)) {
    throw new Error("the 200 came before the early media was heard");
  }
  await call.established();
  await call.ear.hears(TONE);
  await call.hangUp();
}

async function rejected(url, user, status) {
  const call = await Call.to(url, user);
  await call.gets(status);
  await call.is(SessionState.Terminated);
  await call.userAgent.stop();
  return call;
}

async function moved(url) {
  const { last } = await rejected(url, "moved", 302);
  const contacts = last.getHeaders("contact");
  // SIP.js leaves it to the application to follow.
  const target = UserAgent.makeURI(/<(.*?)>/.exec(contacts[0])[1]);
  const call = new Call(await start(url), target);
  await call.invite();
  await call.established();
  await call.ear.hears(TONE);
  await call.hangUp();
}

async function cancel(url) {
  const call = await Call.to(url, "silent");
  await call.gets(180);
  await call.inviter.cancel();
  await call.gets(487);
  await call.is(SessionState.Terminated);
  await call.userAgent.stop();
}

async function hold(url) {
  const call = await (await Call.to(url, "echo")).established();
  await call.ear.hears(TONE);
  await call.change(true);
  await call.ear.hearsNothing();
  await call.change(false);
  await call.ear.hears(TONE);
  await call.hangUp();
}

async function hangup(url) {
  const call = await (await Call.to(url, "hangup")).established();
  await call.is(SessionState.Terminated);
  if (!call.isLeft) {
    throw new Error("there was no BYE");
  }
  await call.userAgent.stop();
}

/** The server says each key back as a tone. */
async function keysByInfo(url) {
  const call = await (await Call.to(url, "dtmf")).established();
  call.ear.followKeys();
  // Only what is connected can send keys, and the first second of audio is stretched.
  await call.ear.exchanges(50);
  for (const key of "1223#") {
    const body = {
      contentDisposition: "render",
      contentType: "application/dtmf-relay",
      content: `Signal=${key}\r\nDuration=100`,
    };
    const answered = new Promise((onAccept, onReject) => {
      call.inviter.info({ requestDelegate: { onAccept, onReject }, requestOptions: { body } });
    });
    await answered;
  }
  await call.ear.hearsKeys("1223#");
  await call.hangUp();
}

async function keysByRtp(url) {
  const call = await (await Call.to(url, "dtmf")).established();
  call.ear.followKeys();
  // Only what is connected can send keys, and the first second of audio is stretched.
  await call.ear.exchanges(50);
  const options = { duration: 100, interToneGap: 100 };
  if (!call.inviter.sessionDescriptionHandler.sendDtmf("4889*0", options)) {
    throw new Error("the keys were not sent");
  }
  await call.ear.hearsKeys("4889*0");
  await call.hangUp();
}

async function transfer(url) {
  const call = await Call.to(url, "transfer");
  const referred = new Promise((resolve) => (call.inviter.delegate.onRefer = resolve));
  await call.established();
  await call.ear.hears(TONE);
  const referral = await referred;
  await referral.accept();
  const next = new Call(call.userAgent);
  next.inviter = referral.makeInviter();
  await next.invite();
  await next.established();
  await next.ear.hears(TONE);
  await call.is(SessionState.Terminated);
  if (!call.isLeft) {
    throw new Error("there was no BYE in the first call");
  }
  await next.hangUp();
}

/** A softphone on the other side says a tone of its own. */
async function bridge(url) {
  const call = await (await Call.to(url, "bridge")).established();
  await call.ear.hears(440);
  await call.ear.exchanges(200);
  await call.hangUp();
}

export const sipjs = {
  echo,
  ring,
  early,
  busy: (url) => rejected(url, "busy", 486),
  moved,
  cancel,
  hold,
  keys_by_info: keysByInfo,
  keys_by_rtp: keysByRtp,
  transfer,
  hangup,
  bridge,
};

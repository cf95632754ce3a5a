// Calls with JsSIP.

import JsSIP from "jssip";
import { Ear, TONE, tone, until } from "./sound.js";

class Call {
  static async to(url, user) {
    const call = new Call();
    call.events = [];
    const socket = new JsSIP.WebSocketInterface(url);
    JsSIP.debug.enable("JsSIP:*");
    call.userAgent = new JsSIP.UA({
      sockets: [socket],
      uri: "sip:browser@example.invalid",
      register: false,
    });
    call.userAgent.start();
    await until("to connect", () => call.userAgent.isConnected());
    const host = new URL(url.replace("ws", "http")).host;
    call.session = call.userAgent.call(`sip:${user}@${host}`, {
      mediaStream: tone(),
      pcConfig: { iceServers: [] },
    });
    for (const event of ["progress", "accepted", "confirmed", "ended", "failed", "hold", "unhold"]) {
      call.session.on(event, ({ cause }) => call.events.push(cause ? `${event} ${cause}` : event));
    }
    return call;
  }

  happens(event) {
    const is = () => this.events.includes(event);
    return until(`for ${event}`, is, () => `events ${this.events}`);
  }

  async established() {
    await this.happens("confirmed");
    this.ear = new Ear(this.session.connection);
    return this;
  }

  async hangUp() {
    this.session.terminate();
    await this.happens("ended Terminated");
    this.userAgent.stop();
  }
}

async function echo(url) {
  const call = await (await Call.to(url, "echo")).established();
  await call.ear.hears(TONE);
  await call.ear.exchanges(50);
  await call.hangUp();
}

async function hold(url) {
  const call = await (await Call.to(url, "echo")).established();
  await call.ear.hears(TONE);
  await new Promise((resolve) => call.session.hold({}, resolve));
  await call.ear.hearsNothing();
  await new Promise((resolve) => call.session.unhold({}, resolve));
  await call.ear.hears(TONE);
  await call.hangUp();
}

/** The server says each key back as a tone. */
async function keys(url, transportType, keys) {
  const call = await (await Call.to(url, "dtmf")).established();
  call.ear.followKeys();
  // Only what is connected can send keys, and the first second of audio is stretched.
  await call.ear.exchanges(50);
  call.session.sendDTMF(keys, { duration: 100, interToneGap: 100, transportType });
  await call.ear.hearsKeys(keys);
  await call.hangUp();
}

export const jssip = {
  echo,
  hold,
  keys_by_info: (url) => keys(url, JsSIP.C.DTMF_TRANSPORT.INFO, "7552"),
  keys_by_rtp: (url) => keys(url, JsSIP.C.DTMF_TRANSPORT.RFC2833, "0660#"),
};

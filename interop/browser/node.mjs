// Calls a URI over a WebSocket with SIP.js, and prints each step: node node.mjs SERVER URI [hang-up|wait|cut]
import { createRequire } from "node:module";

// NODE_PATH says where the packages are, and `import` alone does not look there.
const require = createRequire(import.meta.url);
globalThis.WebSocket = require("ws");
const { Inviter, SessionState, UserAgent } = await import(require.resolve("sip.js"));

const [server, uri, ending = "hang-up"] = process.argv.slice(2);
const say = (line) => console.log(line);

// A peer without media: what a browser would say in its place.
const description = [
  "v=0", "o=alice 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
  "m=audio 40000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "",
].join("\r\n");
const handler = {
  close() {},
  hasDescription: (contentType) => contentType === "application/sdp",
  getDescription: async () => ({ body: description, contentType: "application/sdp" }),
  setDescription: async () => say("described"),
  rollbackDescription: async () => {},
  sendDtmf: () => false,
};

const userAgent = new UserAgent({
  uri: UserAgent.makeURI("sip:alice@offhook.example"),
  transportOptions: { server, keepAliveInterval: 1 },
  sessionDescriptionHandlerFactory: () => handler,
  logLevel: "error",
});
await userAgent.start();
const inviter = new Inviter(userAgent, UserAgent.makeURI(uri));
inviter.stateChange.addListener(async (state) => {
  say(state);
  if (state === SessionState.Established) {
    if (ending === "hang-up") await inviter.bye();
    if (ending === "cut") process.exit(0);
  }
  if (state === SessionState.Terminated) await userAgent.stop();
});
await inviter.invite({
  requestDelegate: {
    onProgress: (response) => say(`progress ${response.message.statusCode}`),
    onReject: (response) => say(`rejected ${response.message.statusCode}`),
  },
});

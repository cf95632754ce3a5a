// Runs scenarios of page.js in one headless Chromium, several at a time, each in a page of its own.
//
// Reads lines of `ID SCENARIO URL HOST`, where HOST is that of the page, and answers each with `passed ID` or `failed ID
// ACCOUNT`. Ends with its input.
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");
const esbuild = require("esbuild");
const { chromium } = require("playwright-core");

const LONGEST_SCENARIO = 90_000;
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  "--allow-loopback-in-peer-connection",
  "--autoplay-policy=no-user-gesture-required",
  // Names of pages from elsewhere.
  "--host-resolver-rules=MAP *.example 127.0.0.1",
  // The server's certificate is made for the run.
  "--ignore-certificate-errors",
];

async function main() {
  const bundle = esbuild.buildSync({
    entryPoints: [path.join(__dirname, "page.js")],
    bundle: true,
    format: "iife",
    nodePaths: [process.env.NODE_PATH],
    write: false,
  });
  const script = bundle.outputFiles[0].text;
  // A page over HTTP from loopback is a secure context, as WebRTC wants it.
  const server = http.createServer((request, response) => {
    const isScript = request.url === "/page.js";
    const type = isScript ? "text/javascript" : "text/html";
    response.writeHead(200, { "content-type": type });
    response.end(isScript ? script : '<!doctype html><script src="/page.js"></script>');
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();

  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "offhook-chromium-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium",
    headless: true,
    chromiumSandbox: false,
    args: ARGUMENTS,
  });
  console.log("ready");

  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const [id, scenario, url, host] = line.split(" ");
    run(browser, `http://${host}:${port}/`, scenario, url).then(
      () => console.log(`passed ${id}`),
      (error) => console.log(`failed ${id} ${error.message.replaceAll("\r", "").replaceAll("\n", "\\n")}`),
    );
  });
  await new Promise((resolve) => lines.on("close", resolve));
  await browser.close();
  fs.rmSync(profile, { recursive: true, force: true });
  process.exit(0);
}

async function run(browser, origin, scenario, url) {
  const page = await browser.newPage();
  const account = [];
  const note = (text) => account.push(`${new Date().toISOString().slice(17, 23)} ${text}`);
  page.on("console", (message) => note(message.text()));
  page.on("pageerror", (error) => note(`uncaught: ${error.stack}`));
  const work = (async () => {
    await page.goto(origin);
    return page.evaluate(([scenario, url]) => window.run(scenario, url), [scenario, url]);
  })();
  let timer;
  const late = new Promise((_, reject) => {
    const error = new Error(`not over after ${LONGEST_SCENARIO} ms`);
    timer = setTimeout(() => reject(error), LONGEST_SCENARIO);
  });
  try {
    await Promise.race([work, late]);
  } catch (error) {
    work.catch(() => {});
    const state = await page
      .evaluate(() => window.account())
      .catch((error) => `no account: ${error.message}`);
    const log = account.join("\n");
    throw new Error(`${scenario}: ${error.message}\n${state}\n--- the page's log:\n${log}\n---`);
  } finally {
    clearTimeout(timer);
    await page.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

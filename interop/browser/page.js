// What runs in the page: every scenario has a name, and throws where something is not as it should be.

import { jssip } from "./jssip.js";
import { sipjs } from "./sipjs.js";
import { account } from "./sound.js";
import { websocket } from "./websocket.js";

const scenarios = { sipjs, jssip, websocket };

window.run = async (name, url) => {
  const [library, scenario] = name.split("/");
  const run = scenarios[library]?.[scenario];
  if (!run) {
    throw new Error(`no scenario ${name}`);
  }
  await run(url);
};

window.account = account;

// Whether the page may open a WebSocket at all.

function open(url) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, "sip");
    socket.onopen = () => {
      socket.close();
      resolve(true);
    };
    socket.onerror = () => resolve(false);
  });
}

async function opens(url) {
  if (!(await open(url))) {
    throw new Error(`no WebSocket from ${location.origin} to ${url}`);
  }
}

async function isRefused(url) {
  if (await open(url)) {
    throw new Error(`a WebSocket from ${location.origin} to ${url}`);
  }
}

export const websocket = { opens, is_refused: isRefused };

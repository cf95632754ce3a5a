// Tones: one that is said, and those that are heard, measured in the received audio itself.

const context = new AudioContext();
const connections = new Set();

/** The frequency that a page says, in Hz. */
export const TONE = 1000;

/** A stream with a tone, for the place of a microphone. */
export function tone(frequency = TONE) {
  const oscillator = new OscillatorNode(context, { frequency });
  const volume = new GainNode(context, { gain: 0.3 });
  const destination = context.createMediaStreamDestination();
  oscillator.connect(volume).connect(destination);
  oscillator.start();
  return destination.stream;
}

/** Listens to what a peer connection receives. */
export class Ear {
  constructor(connection) {
    connections.add(connection);
    this.connection = connection;
    this.analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    const stream = new MediaStream(connection.getReceivers().map((receiver) => receiver.track));
    // Chromium gives remote audio to the page only where an element plays it too.
    this.element = new Audio();
    this.element.muted = true;
    this.element.srcObject = stream;
    this.element.play();
    this.source = context.createMediaStreamSource(stream);
    this.source.connect(this.analyser);
  }

  /** How loud each of these frequencies is, and the rest beside them. */
  levels(frequencies) {
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    let power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const levels = frequencies.map((frequency) => level(samples, frequency));
    levels.forEach((level) => (power -= (level * level) / 2));
    return { levels, rest: Math.sqrt(Math.max(0, 2 * power)) };
  }

  /** Waits until these frequencies are heard, and nothing beside them. */
  async hears(...frequencies) {
    const is = ({ levels, rest }) =>
      levels.every((level) => level > AUDIBLE) && rest < Math.max(...levels) / 2;
    await until(`to hear ${frequencies} Hz`, () => is(this.levels(frequencies)), () =>
      this.describe(frequencies),
    );
  }

  /** Waits until nothing is heard for a while. */
  async hearsNothing() {
    let since = performance.now();
    await until("silence", () => {
      const { levels, rest } = this.levels([TONE]);
      if (levels[0] + rest > AUDIBLE) {
        since = performance.now();
      }
      return performance.now() - since > 500;
    }, () => this.describe([TONE]));
  }

  /** Begins to write down the keys whose tones are heard. */
  followKeys() {
    this.runs = [];
    let silence = 0;
    // Two blocks tell the tones of neighbouring keys apart.
    const window = new Float32Array(2 * BLOCK);
    const processor = context.createScriptProcessor(BLOCK, 1, 1);
    processor.onaudioprocess = ({ inputBuffer }) => {
      window.copyWithin(0, BLOCK);
      window.set(inputBuffer.getChannelData(0), BLOCK);
      const key = keyIn(window);
      if (!key) {
        silence += 1;
        return;
      }
      if (this.runs.at(-1)?.key !== key) {
        this.runs.push({ key, tones: 0, blocks: 0 });
        silence = Infinity;
      }
      const run = this.runs.at(-1);
      run.tones += silence >= SHORTEST_PAUSE ? 1 : 0;
      run.blocks += 1;
      silence = 0;
    };
    this.source.connect(processor).connect(context.destination);
  }

  /** Waits until these keys were heard, and no more of them. */
  async hearsKeys(keys) {
    const expected = keys.match(/(.)\1*/g);
    const describe = () => `heard ${JSON.stringify(this.runs)}`;
    const last = () => this.runs.at(expected.length - 1);
    await until(`for the keys ${keys}`, () => last()?.blocks > 2, describe);
    await new Promise((resolve) => setTimeout(resolve, 700));
    if (this.runs.length !== expected.length || !expected.every((run, at) => this.fits(at, run))) {
      throw new Error(`not the keys ${keys}: ${describe()}`);
    }
  }

  /**
   * Whether a run of one key can be this one. A busy machine tears tones and swallows pauses, and stretches tones: so the
   * number of tones counts, or how long they are together.
   */
  fits(at, { 0: key, length }) {
    const run = this.runs[at];
    const tones = Math.round((run.blocks * BLOCK) / (0.1 * context.sampleRate));
    const [least, most] = [Math.min(tones, run.tones), Math.max(tones, run.tones)];
    return run.key === key && least <= length && length <= most;
  }

  describe(frequencies) {
    const { levels, rest } = this.levels(frequencies);
    return `levels ${levels.map((it) => it.toFixed(4))}, rest ${rest.toFixed(4)}`;
  }

  /** Waits until packets have gone both ways. */
  async exchanges(packets) {
    let seen;
    await until("packets both ways", async () => {
      seen = await counts(this.connection);
      return seen.received >= packets && seen.sent >= packets;
    }, () => JSON.stringify(seen));
  }
}

/** How loud a frequency is, from 0 to 1 (Goertzel). */
function level(samples, frequency) {
  const step = (2 * Math.PI * frequency) / context.sampleRate;
  let [re, im] = [0, 0];
  samples.forEach((sample, at) => {
    // A Hann window keeps a tone apart from its neighbours.
    const weighted = sample * (1 - Math.cos((2 * Math.PI * at) / samples.length));
    re += weighted * Math.cos(step * at);
    im += weighted * Math.sin(step * at);
  });
  return (2 * Math.hypot(re, im)) / samples.length;
}

/** The key whose two tones are in these samples. */
function keyIn(samples) {
  const loudest = (frequencies) => {
    const levels = frequencies.map((frequency) => level(samples, frequency));
    const [most, second] = levels.toSorted((one, other) => other - one);
    const isClear = most > AUDIBLE / 2 && most > 2 * second;
    return isClear ? levels.indexOf(most) : undefined;
  };
  const [row, column] = [loudest(ROWS), loudest(COLUMNS)];
  return row === undefined || column === undefined ? undefined : KEYS[row][column];
}

async function counts(connection) {
  const counts = { received: 0, lost: 0, sent: 0 };
  for (const report of (await connection.getStats()).values()) {
    if (report.type === "inbound-rtp") {
      counts.received += report.packetsReceived;
      counts.lost += report.packetsLost;
    } else if (report.type === "outbound-rtp") {
      counts.sent += report.packetsSent;
    }
  }
  return counts;
}

/** Waits until `is` gives true, for some seconds at most. */
export async function until(what, is, describe = () => "") {
  const start = performance.now();
  while (!(await is())) {
    if (performance.now() - start > PATIENCE) {
      throw new Error(`waited ${PATIENCE} ms ${what}; ${await describe()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

/** The states of all connections and their descriptions, for a failure message. */
export async function account() {
  const texts = [...connections].map(async (connection) => {
    const { connectionState, iceConnectionState, signalingState } = connection;
    const states = { connectionState, iceConnectionState, signalingState };
    const texts = [`connection ${JSON.stringify({ ...states, ...(await counts(connection)) })}`];
    for (const side of ["localDescription", "remoteDescription"]) {
      texts.push(`${side}: ${connection[side]?.type}\n${connection[side]?.sdp}`);
    }
    return texts.join("\n");
  });
  return (await Promise.all(texts)).join("\n") || "no connection";
}

/** The tones of the keys (ITU-T Q.23). */
const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYS = ["123A", "456B", "789C", "*0#D"];
const BLOCK = 1024;
/** In blocks, of 100 ms. */
const SHORTEST_PAUSE = 3;
const AUDIBLE = 0.05;
const PATIENCE = 30_000;
const POLL = 50;

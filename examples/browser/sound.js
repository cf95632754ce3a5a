// What is said and heard, and how loud it is.

export class Sound {
  constructor(speaker) {
    this.speaker = speaker;
    this.context = new AudioContext();
    this.voice = new GainNode(this.context);
    this.mouth = this.meter();
    this.ear = this.meter();
    this.destination = this.context.createMediaStreamDestination();
    this.voice.connect(this.destination);
    this.voice.connect(this.mouth);
    this.isTone = false;
  }

  /** Browsers let a page sound after a click. */
  async wake() {
    await this.context.resume();
  }

  /** The stream that goes to the peer. */
  async said() {
    await this.choose();
    return this.destination.stream;
  }

  /** Says a tone in place of the microphone, or the other way round; in mid-call too. */
  change() {
    this.isTone = !this.isTone;
    if (this.source) {
      this.choose();
    }
    return this.isTone;
  }

  async choose() {
    this.source?.disconnect();
    if (this.isTone) {
      const oscillator = new OscillatorNode(this.context, { frequency: 440 });
      this.source = new GainNode(this.context, { gain: 0.2 });
      oscillator.connect(this.source);
      oscillator.start();
    } else {
      this.microphone ??= await navigator.mediaDevices.getUserMedia({ audio: true });
      this.source = this.context.createMediaStreamSource(this.microphone);
    }
    this.source.connect(this.voice);
  }

  /** Plays what a peer connection receives. */
  hear(connection) {
    const stream = new MediaStream(connection.getReceivers().map((receiver) => receiver.track));
    this.heard?.disconnect();
    this.speaker.srcObject = stream;
    this.heard = this.context.createMediaStreamSource(stream);
    this.heard.connect(this.ear);
  }

  /** The call is over. */
  hush() {
    this.heard?.disconnect();
    this.speaker.srcObject = null;
    this.source?.disconnect();
    this.source = undefined;
    this.microphone?.getTracks().forEach((track) => track.stop());
    this.microphone = undefined;
  }

  /** Tells again and again how loud both sides are, from 0 to 1. */
  measure(tell) {
    const samples = new Float32Array(1024);
    const level = (analyser) => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, it) => sum + it * it, 0) / samples.length;
      // From -50 dB on.
      return Math.max(0, 1 + Math.log10(power + 1e-9) / 5);
    };
    const again = () => {
      tell(level(this.mouth), level(this.ear));
      requestAnimationFrame(again);
    };
    again();
  }

  meter() {
    return new AnalyserNode(this.context, { fftSize: 1024 });
  }
}

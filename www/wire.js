// One ordered two-way byte stream to the sender: WebTransport, or fetch() on the page's own origin.
//
// A wire has: transport; read() -> Uint8Array, or null at the end of the sender's half; write(bytes); finish(), which ends
// our half; close(code), which ends both at once; code, the sender's close code where it gave one.

/** How long WebTransport may take to open. A browser may leave it pending for ever. */
const OPENING = 3000;

/** Bytes that one read may bring: fewer, larger reads cost less. */
const READ = 256 << 10;

/** The protocol's version: in the path of WebTransport and in a header of every request. */
const VERSION = "7";

/**
 * What a wire could not do, as a sentence.
 * `lost` tells a wire that broke from one that never was.
 */
export class WireError extends Error {
  constructor(message, { next = "", lost = false, busy = false } = {}) {
    super(message);
    this.name = "WireError";
    this.next = next;
    this.lost = lost;
    this.busy = busy;
  }
}

/** Whether this is Apple's engine, where a WebTransport session stalls for good after 16 MiB. */
export function isWebKit(agent = navigator.userAgent) {
  return /AppleWebKit\//.test(agent) && !/(Chrome|Chromium)\//.test(agent);
}

/**
 * Finds out how the sender is reached: `{origin, certificate: Uint8Array, port: number | null, own: boolean}`.
 * `host` comes from the fragment where the page is not the sender's own.
 */
export async function locate(host) {
  if (host) {
    return {
      origin: `https://${host.host}`,
      certificate: unhex(host.cert),
      port: host.wt ? Number(host.wt) : null,
      own: false,
    };
  }
  let answer;
  try {
    const response = await fetch("/hayate.json", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    answer = await response.json();
  } catch {
    throw new WireError("The sender does not answer.", {
      next: "Check that it is still running and that both devices are in the same network, then try again.",
    });
  }
  return {
    origin: location.origin,
    certificate: unhex(answer.certificate),
    port: answer.webtransport,
    own: true,
  };
}

/** Opens a wire to a sender that was located; `transport` is "auto", "WebTransport" or "fetch". */
export async function connect(place, transport = "auto") {
  const able = typeof WebTransport === "function" && place.port !== null;
  const fits = transport === "WebTransport" || (transport === "auto" && !isWebKit());
  if (able && fits) {
    try {
      return await WebTransportWire.open(place);
    } catch (error) {
      if (transport === "WebTransport" || !place.own) throw error;
    }
  }
  if (!place.own) {
    throw new WireError("This browser cannot reach the sender from this page.", {
      next: `Open ${place.origin}/ instead, the page that the sender itself shows.`,
    });
  }
  return FetchWire.open();
}

/** Asks the page's own host for a lane: what reads its answer. */
export async function openLane(greeting, signal) {
  const response = await fetch("/lane", {
    method: "POST",
    body: greeting,
    headers: { Hayate: VERSION },
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    signal,
  });
  if (!response.ok || !response.body) throw unusable(response);
  return Reader.of(response.body);
}

class WebTransportWire {
  transport = "WebTransport";
  code = null;

  static async open(place) {
    const { hostname } = new URL(place.origin);
    const session = new WebTransport(`https://${hostname}:${place.port}/hayate/${VERSION}`, {
      congestionControl: "throughput",
      serverCertificateHashes: [{ algorithm: "sha-256", value: place.certificate }],
    });
    const wire = new WebTransportWire();
    wire.session = session;
    session.closed.then((info) => (wire.code = info.closeCode ?? null), () => {});
    const opened = session.ready.then(() => session.createBidirectionalStream());
    opened.catch(() => {});
    try {
      const stream = await within(OPENING, opened);
      wire.writer = stream.writable.getWriter();
      wire.reader = Reader.of(stream.readable);
    } catch {
      wire.close(0);
      throw new WireError("WebTransport does not reach the sender.", {
        next: "Check that both devices are in the same network and that no firewall is between them.",
      });
    }
    return wire;
  }

  async read() {
    try {
      return await this.reader.read();
    } catch {
      // A session that was closed says so a moment later.
      await within(200, this.session.closed).catch(() => {});
      throw lost();
    }
  }

  async write(bytes) {
    await this.writer.write(bytes).catch(() => {
      throw lost();
    });
  }

  async finish() {
    await this.writer.close().catch(() => {});
  }

  close(code) {
    try {
      this.session.close({ closeCode: code, reason: "" });
    } catch {
      // It is closed already.
    }
  }
}

class FetchWire {
  transport = "fetch";
  code = null;
  sent = 0;
  finished = false;
  abort = new AbortController();

  static async open() {
    const wire = new FetchWire();
    const response = await wire.request("/wire", "POST");
    if (response.status === 503) {
      throw new WireError((await response.text()) || "The sender is busy with somebody else.", {
        next: "Wait until the sender is free, then try again.",
        busy: true,
      });
    }
    if (response.status !== 201) throw unusable(response);
    wire.path = `/wire/${(await response.text()).trim()}`;
    const body = await wire.request(wire.path, "GET");
    if (!body.ok || !body.body) throw unusable(body);
    wire.reader = Reader.of(body.body);
    return wire;
  }

  async request(path, method, body) {
    try {
      return await fetch(path, {
        method,
        body,
        headers: { Hayate: VERSION },
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
        signal: this.abort.signal,
      });
    } catch {
      throw new WireError("The sender does not answer.", {
        next: "Check that it is still running and that both devices are in the same network, then try again.",
        lost: true,
      });
    }
  }

  async read() {
    try {
      return await this.reader.read();
    } catch {
      throw lost();
    }
  }

  async write(bytes) {
    const response = await this.request(`${this.path}/${this.sent}`, "POST", bytes);
    if (!response.ok) throw lost();
    this.sent += 1;
  }

  async finish() {
    this.finished = true;
    await this.request(`${this.path}/close/0`, "POST").catch(() => {});
  }

  close(code) {
    if (this.finished || !this.path) return this.abort.abort();
    // Not through request(): the abort below is for the half that reads. It outlives a page that goes away.
    fetch(`${this.path}/close/${code}`, {
      method: "POST",
      headers: { Hayate: VERSION },
      credentials: "omit",
      keepalive: true,
    })
      .catch(() => {})
      .finally(() => this.abort.abort());
  }
}

/** Reads a stream into one buffer, where the browser can: pieces of their own would pile up until they are collected. */
class Reader {
  static of(stream) {
    const reader = new Reader();
    try {
      reader.inner = stream.getReader({ mode: "byob" });
      reader.buffer = new ArrayBuffer(READ);
    } catch {
      // It gives what it has.
      reader.inner = stream.getReader();
    }
    return reader;
  }

  async read() {
    for (;;) {
      const { value, done } = this.buffer
        ? await this.inner.read(new Uint8Array(this.buffer))
        : await this.inner.read();
      if (this.buffer && value) this.buffer = value.buffer;
      if (value?.length) return value;
      if (done) return null;
    }
  }
}

/** A promise, but no longer than `ms`. */
export function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new WireError("It took too long.")), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function lost() {
  return new WireError("The connection to the sender was lost.", { lost: true });
}

function unusable(response) {
  return new WireError(`The sender answered with an error (${response.status}).`, {
    next: "Reload this page, then try again.",
  });
}

function unhex(text) {
  if (!/^[0-9a-f]{64}$/i.test(text ?? "")) {
    throw new WireError("The address of this page is damaged.", {
      next: "Open the link that the sender shows again, or scan its QR code.",
    });
  }
  return Uint8Array.from(text.match(/../g), (byte) => parseInt(byte, 16));
}

// Owns the wire, the session in wasm and the sink; the page only draws. See receive() for the order of things.
//
// From the page: start, accept, decline, cancel. To the page: ready, status, offer, progress, done, error.

import init, { Session, words } from "./pkg/hayate.js";
import { open, sweep } from "./sink.js";
import { connect, locate, openLane, WireError, within } from "./wire.js";

/** How long a wire may bring nothing while blocks are expected, in milliseconds. */
const STALLED = { WebTransport: 10_000, fetch: 20_000 };

/** How long a lost sender is looked for. It waits a little longer for a browser to come back. */
const PATIENCE = 12_000;

/** How much longer it is asked while it answers that it is busy: it has not yet noticed that a wire is lost. */
const BUSY = 18_000;

/** How long the sender may take for the last word. */
const FAREWELL = 800;

/** Kept blocks that are read again between two looks at what else happens. */
const SLICE = 16;

const BLOCK = 1 << 20;

const ready = init({ module_or_path: new URL("./pkg/hayate_bg.wasm", import.meta.url) }).then(() => {
  post({ type: "ready", words: words().split("\n"), secure: isSecureContext });
  return sweep();
}).catch((error) => {
  fail(browser(error));
});

/** The transfer that runs, if one does. */
let current = null;

onmessage = ({ data }) => {
  switch (data.type) {
    case "start":
      if (current) return;
      current = new Transfer(data);
      current.run().finally(() => (current = null));
      break;
    case "accept":
    case "decline":
    case "cancel":
      current?.say(data.type);
      break;
  }
};

/** One transfer, over as many wires as it takes. */
class Transfer {
  constructor({ code, host, transport, auto }) {
    Object.assign(this, { code, host, auto: Boolean(auto) });
    this.transport = transport ?? "auto";
    /** What the page decided: null, "accept", "decline" or "cancel". */
    this.said = null;
    this.sink = null;
    this.offer = null;
    this.link = null;
    this.accepted = false;
    /** Whether the last session got as far as blocks. */
    this.moved = false;
    this.progress = new Throttle();
  }

  say(what) {
    if (this.said === "decline" || this.said === "cancel") return;
    this.said = what;
    this.link?.onSaid();
  }

  async run() {
    await ready;
    // After a reload the sender may still be busy with the page that was.
    let deadline = this.auto ? performance.now() + PATIENCE : 0;
    let lost = null;
    let problem;
    try {
      for (;;) {
        problem = await this.session();
        if (!problem) return;
        if (this.moved) {
          deadline = performance.now() + PATIENCE;
          lost = problem;
          this.moved = false;
        }
        const busy = problem.kind === "busy";
        if (!this.mayRetry(problem) || performance.now() > deadline + (deadline && busy ? BUSY : 0)) break;
        await sleep(busy ? 1000 : 500);
      }
    } catch (error) {
      problem = browser(error);
    }
    // That nobody was found afterwards is not the news.
    if (lost && this.mayRetry(problem)) problem = lost;
    await this.drop(problem);
    fail(problem);
  }

  mayRetry({ kind }) {
    return !this.stopped() && (kind === "gone" || kind === "network" || kind === "busy");
  }

  /** Runs one session over one wire: null when it is done, else its failure. */
  async session() {
    let wire;
    let place;
    try {
      this.status("connecting");
      place = await locate(this.host);
      if (this.stopped()) return this.stopped();
      wire = await connect(place, this.transport);
      const seed = crypto.getRandomValues(new Uint8Array(32));
      this.link = new Link(this, wire, new Session(this.code, place.certificate, seed), place);
    } catch (error) {
      wire?.close(0);
      if (error instanceof WireError) {
        return failure(error.busy ? "busy" : "network", error.message, error.next, true);
      }
      if (error?.kind) return error;
      throw error;
    }
    if (this.stopped()) {
      wire.close(0);
      return this.stopped();
    }
    this.status("proving");
    const problem = await this.link.run();
    // What was lost over UDP is not tried there again.
    const isLost = this.link.stalled || (this.accepted && problem?.kind === "gone");
    if (isLost && place.own) this.transport = "fetch";
    this.link = null;
    return problem;
  }

  stopped() {
    return this.said === "cancel" || this.said === "decline"
      ? failure("cancelled", "Cancelled: nothing was received.", "", true)
      : null;
  }

  status(stage) {
    post({ type: "status", stage, transport: this.link?.transport ?? null });
  }

  /** Opens the store of an offer, and tells the page of both. */
  async onOffer(offer) {
    if (this.accepted && offer.identity === this.offer.identity) {
      // The same again, after a loss: it was agreed to.
      this.moved = true;
      return null;
    }
    if (this.accepted) {
      return failure("protocol", "The sender now offers something else.", "Try again.", true);
    }
    this.offer = offer;
    this.sink = await open(offer.identity);
    const kept = Math.floor(this.sink.kept / BLOCK) * BLOCK;
    const resumes = kept > 0 && offer.kind !== "text" && offer.kind !== "stream";
    post({
      type: "offer",
      name: offer.name,
      kind: offer.kind,
      bytes: offer.kind === "stream" ? null : offer.bytes,
      entries: offer.kind === "directory" || offer.kind === "items" ? offer.entries : null,
      kept: resumes ? kept : 0,
      limit: this.sink.limit,
      fits: !(this.sink.limit !== null && offer.payload > this.sink.limit),
      store: this.sink.store,
      resumes,
    });
    this.status("offer");
    if (this.auto && resumes) this.said = "accept";
    return null;
  }

  /** Begins to receive. */
  async take() {
    const { sink } = this;
    const { payload } = this.offer;
    if (sink.limit !== null && payload !== null && payload > sink.limit) {
      return sink.store === "disk"
        ? failure(
            "too-large",
            `This browser has room for ${size(sink.limit)}, the files take ${size(payload)}.`,
            "Free some space on this device, then try again.",
            true,
          )
        : failure(
            "too-large",
            `This page can take ${size(sink.limit)} at most, the files take ${size(payload)}.`,
            "Open the page over https, or receive with the hayate command.",
            false,
          );
    }
    if (this.offer.kind !== "text") await sink.begin();
    this.accepted = true;
    this.moved = true;
    return null;
  }

  /** Everything is stored: hands it to the page. */
  async onFinished(event) {
    const { offer } = this;
    const message = {
      type: "done",
      kind: offer.kind,
      name: offer.name,
      bytes: event.length,
      blake3: event.blake3,
      files: [],
      zip: null,
      zipName: `${offer.saveName}.zip`,
      skipped: event.skipped,
    };
    if (event.text !== null) {
      message.text = event.text;
      await this.sink.discard();
    } else {
      const payload = await this.sink.blob();
      const slice = ({ offset, size }) => payload.slice(offset, offset + size);
      message.files = event.files.map((file) => ({
        path: file.path,
        name: file.name,
        size: file.size,
        blob: slice(file),
      }));
      if (event.zip) {
        const parts = event.zip.map((part) => (part instanceof Uint8Array ? part : slice(part)));
        message.zip = new Blob(parts, { type: "application/zip" });
      }
    }
    this.sink = null;
    post(message);
  }

  /** What a failure leaves: enough to go on from, where that is possible. */
  async drop({ kind }) {
    const { sink } = this;
    this.sink = null;
    if (!sink) return;
    const useful = this.accepted || sink.kept > 0;
    const keep = useful && !this.stopped() && ["gone", "network", "busy", "cancelled", "failed"].includes(kind);
    if (keep) sink.close();
    else await sink.discard();
  }
}

/** One session on one wire. */
class Link {
  constructor(transfer, wire, session, place) {
    Object.assign(this, { transfer, wire, session, place });
    /** Whether the next word is the sender's. */
    this.expecting = true;
    this.heard = performance.now();
    this.stalled = false;
    /** Ends the lane. */
    this.lane = new AbortController();
    this.hasLane = false;
    this.tasks = Promise.resolve();
    this.writes = Promise.resolve();
    /** What the session came to: the event "finished" or a failure. */
    this.result = null;
    this.over = new Promise((resolve) => (this.conclude = resolve));
  }

  /** Moves bytes until the session is over: null when it is done, else its failure. */
  async run() {
    this.pump();
    const listening = this.listen();
    const watch = setInterval(() => this.watch(), 1000);
    await this.over;
    clearInterval(watch);
    await this.end(listening);
    return this.result.type === "finished" ? null : this.result;
  }

  async listen() {
    let bytes;
    do {
      bytes = await this.wire.read().catch(() => null);
      // After the last word only the end of the wire is of interest.
      if (this.result) continue;
      this.heard = performance.now();
      if (bytes) this.session.receive(bytes);
      else this.session.eof(this.wire.code ?? 0);
      this.pump();
      // What the page or the disk has to say comes first.
      await this.tasks;
    } while (bytes);
  }

  /** Has blocks come by a request of their own, which costs a browser less. Without it they come over the wire. */
  async listenToLane(greeting) {
    try {
      const reader = await openLane(greeting, this.lane.signal);
      for (let bytes; !this.result && (bytes = await reader.read()); ) {
        if (this.result) break;
        this.heard = performance.now();
        this.session.laneReceive(bytes);
        if (!this.hasLane) {
          this.hasLane = true;
          this.transfer.status("receiving");
        }
        this.pump();
        await this.tasks;
        while (!this.result && this.session.laneIsAhead()) await sleep(5);
      }
    } catch {
      // What that means the session knows.
    }
    if (this.result) return;
    this.session.laneEof();
    this.pump();
  }

  get transport() {
    return this.hasLane ? `${this.wire.transport} + fetch` : this.wire.transport;
  }

  /** A wire that brings nothing while blocks are expected is given up. A pipe may have nothing to say. */
  watch() {
    const { accepted, offer } = this.transfer;
    const silent = performance.now() - this.heard > STALLED[this.wire.transport];
    if (!silent || !accepted || !this.expecting || offer.kind === "stream") return;
    this.stalled = true;
    this.session.eof(0);
    this.pump();
  }

  /** Writes what is outgoing and looks at what happened. */
  pump() {
    for (let bytes; (bytes = this.session.outgoing()); ) {
      const piece = bytes;
      this.writes = this.writes.then(() => this.wire.write(piece)).catch(() => {});
    }
    for (let event; (event = this.session.event()); ) this.onEvent(event);
  }

  onEvent(event) {
    const { transfer } = this;
    switch (event.type) {
      case "offer":
        this.expecting = false;
        this.task(async () => {
          const problem = await transfer.onOffer(event);
          if (problem) this.refuse(problem);
          else if (transfer.accepted) this.accept();
          else this.onSaid();
        });
        break;
      case "checked":
      case "progress":
        transfer.progress.post(event.done, event.total);
        break;
      case "lane":
        if (this.place.own) this.listenToLane(event.greeting);
        break;
      case "finished":
      case "failed":
        if (event.type === "finished") transfer.status("finishing");
        this.result ??= event;
        this.conclude();
        break;
    }
  }

  /** The page decided something. */
  onSaid() {
    const { transfer, session } = this;
    if (this.result) return;
    if (transfer.said === "cancel") session.cancel();
    else if (transfer.said === "decline") session.decline();
    else if (transfer.said === "accept" && transfer.sink && !transfer.accepted) {
      this.task(async () => {
        if (transfer.accepted || this.result) return;
        const problem = await transfer.take();
        if (problem) this.refuse(problem);
        else this.accept();
      });
    }
    this.pump();
  }

  /** Begins to receive; reads again what was kept. */
  accept() {
    const { transfer, session } = this;
    if (this.result) return;
    const kept = Math.floor(transfer.sink.kept / BLOCK);
    transfer.status(kept > 0 ? "checking" : "receiving");
    session.accept(transfer.sink, kept);
    const check = () => {
      if (this.result) return;
      const more = session.check(SLICE);
      this.pump();
      if (more) return setTimeout(check);
      this.heard = performance.now();
      this.expecting = true;
      transfer.status("receiving");
    };
    check();
  }

  /** Ends the session for a reason that it does not know. */
  refuse(problem) {
    this.result ??= problem;
    this.session.refuse(problem.message);
    this.pump();
  }

  task(work) {
    this.tasks = this.tasks.then(work).catch((error) => this.refuse(browser(error)));
  }

  /** Says the last words, and closes. */
  async end(listening) {
    const { wire, session } = this;
    if (!session.heardLastWord() && !this.stalled) {
      await within(FAREWELL, this.writes).catch(() => {});
    }
    if (this.result.type === "finished") {
      // What is stored is stored, whatever becomes of the wire.
      await within(FAREWELL, Promise.all([wire.finish(), listening])).catch(() => {});
    }
    wire.close(session.closeCode());
    this.lane.abort();
    session.free();
    if (this.result.type === "finished") await this.transfer.onFinished(this.result);
  }
}

/** Tells of progress ten times a second at most. */
class Throttle {
  last = 0;

  post(done, total) {
    const now = performance.now();
    if (now - this.last < 100 && done !== total) return;
    this.last = now;
    post({ type: "progress", done, total });
  }
}

function failure(kind, message, next, retry) {
  return { kind, message, next, left: null, retry };
}

function browser(error) {
  return failure(
    "browser",
    `This browser could not go on (${error?.name ?? "error"}: ${error?.message ?? error}).`,
    "Reload this page, or use another browser.",
    true,
  );
}

function fail({ kind, message, next, left = null, retry }) {
  post({ type: "error", kind, message, next, left, retry });
}

function post(message) {
  postMessage(message);
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** unit).toFixed(unit && 1)} ${units[unit]}`;
}

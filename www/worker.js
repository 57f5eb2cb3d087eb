// Owns the wire, the session in wasm and the sink; the page only draws.
//
// From the page: start, accept, decline, cancel. To the page: ready, status, offer, progress, done, error.

import init, { Session, words } from "./pkg/hayate.js";
import { BLOCK, browser, failure, Link } from "./session.js";
import { open, sweep } from "./sink.js";
import { connect, locate, sleep, WireError } from "./wire.js";

/** How long a lost sender is asked that does not answer although its machine does. It waits a little longer for a browser to come back. */
const PATIENCE = 12_000;

/** How long it is looked for while nothing gets through. */
const DARK = 60_000;

/** A refusal comes in this time; what takes longer was waited for in vain. */
const QUICK = 1_500;

/** How much longer it is asked while it answers that it is busy: it has not yet noticed that a wire is lost. */
const BUSY = 18_000;

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
    let end = deadline;
    let lost = null;
    let problem;
    try {
      for (;;) {
        const began = performance.now();
        problem = await this.session();
        if (!problem) return;
        const now = performance.now();
        if (this.moved) {
          deadline = now + PATIENCE;
          end = now + DARK;
          lost = problem;
          this.moved = false;
        } else if (lost && (now - began > QUICK || !navigator.onLine)) {
          // Dark is not gone.
          deadline = Math.min(end, deadline + now - began + 500);
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

/** Tells of progress five times a second at most, as often as the page draws. */
class Throttle {
  last = 0;

  post(done, total) {
    const now = performance.now();
    if (now - this.last < 200 && done !== total) return;
    this.last = now;
    post({ type: "progress", done, total });
  }
}

function fail({ kind, message, next, left = null, retry }) {
  post({ type: "error", kind, message, next, left, retry });
}

function post(message) {
  postMessage(message);
}

function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** unit).toFixed(unit && 1)} ${units[unit]}`;
}

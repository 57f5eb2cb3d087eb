// One session on one wire: bytes from the wire into wasm and back, and what the session has to say.

import { openLane, sleep, within } from "./wire.js";

/** How long a wire may bring nothing while blocks are expected, in milliseconds. */
const STALLED = { WebTransport: 10_000, fetch: 20_000 };

/** How long the sender may take for the last word. */
const FAREWELL = 800;

/** Kept blocks that are read again between two looks at what else happens. */
const SLICE = 16;

/** Bytes of payload in every block but the last. */
export const BLOCK = 1 << 20;

/** One session on one wire. */
export class Link {
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
      while (!this.result && this.session.isFull()) await sleep(5);
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

/** A failure that the session does not know; `retry` says whether trying again may help. */
export function failure(kind, message, next, retry) {
  return { kind, message, next, left: null, retry };
}

/** What an exception is to a person. */
export function browser(error) {
  return failure(
    "browser",
    `This browser could not go on (${error?.name ?? "error"}: ${error?.message ?? error}).`,
    "Reload this page, or use another browser.",
    true,
  );
}

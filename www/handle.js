// Access to a file of the origin's private file system: on a Worker of its own where memory can be shared with one, else
// right here.

import { DONE, ERROR, HIGH, LOW, SLOT, SLOTS, Slots } from "./slots.js";
import { workerUrl } from "./worker-url.js";
import { sleep, within } from "./wire.js";

/** How long the Worker may take to load, in milliseconds. */
const OPENING = 3000;

/** How long it may take for one job, in milliseconds: a slow disk may have gigabytes to flush. */
const PATIENCE = 10 * 60_000;

/** How long it may take to close, in milliseconds. */
const CLOSING = 10_000;

/** How long a page that was reloaded, or a Worker that was ended, may hold a file still, in milliseconds. */
export const FREE = 1000;

/** Opens `file`, which nobody else may have open: write, read, truncate, getSize, flush and close, as the browser's own. */
export async function openFile(file) {
  const here = await openHere(file);
  if (!globalThis.crossOriginIsolated) return here;
  here.close();
  try {
    return await RemoteHandle.open(file);
  } catch {
    return openHere(file);
  }
}

async function openHere(file) {
  const deadline = performance.now() + FREE;
  for (;;) {
    try {
      return await file.createSyncAccessHandle();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

/**
 * The other end of writer.js. What is written waits in memory: what goes wrong with it is thrown by a later call, at the
 * latest by flush.
 */
class RemoteHandle {
  slots = new Slots();
  sent = 0;
  /** Why nothing can be done any more; null while something can. */
  over = null;

  static async open(file) {
    const handle = new RemoteHandle();
    const worker = new Worker(workerUrl("writer.js"), { type: "module" });
    handle.worker = worker;
    const answer = new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => (data === null ? resolve() : reject(new Error(data)));
      worker.onerror = worker.onmessageerror = (event) => {
        // Told here, and to nobody above.
        event.preventDefault();
        handle.over = new DOMException("the Worker that writes failed", "AbortError");
        reject(handle.over);
      };
    });
    try {
      worker.postMessage({ file, memory: handle.slots.memory });
      await within(OPENING, answer);
    } catch (error) {
      worker.terminate();
      throw error;
    }
    return handle;
  }

  write(bytes, { at }) {
    if (bytes.length > SLOT) throw new RangeError("a block is larger than a slot");
    this.#wait(this.sent - SLOTS + 1);
    this.slots.slot(this.sent, bytes.length).set(bytes);
    this.#send({ job: "write", length: bytes.length, at });
    return bytes.length;
  }

  read(bytes, { at }) {
    if (bytes.length > SLOT) throw new RangeError("a block is larger than a slot");
    const slot = this.slots.slot(this.sent, bytes.length);
    const count = this.#ask({ job: "read", length: bytes.length, at });
    bytes.set(slot.subarray(0, count));
    return count;
  }

  truncate(length) {
    this.#ask({ job: "truncate", length: 0, at: length });
  }

  getSize() {
    return this.#ask({ job: "getSize", length: 0 });
  }

  flush() {
    this.#ask({ job: "flush", length: 0 });
  }

  /** Does nothing the second time, as the browser's own. */
  close() {
    try {
      if (!this.over) this.#ask({ job: "close", length: 0 }, CLOSING);
    } catch {
      // What went wrong before is of no interest any more.
    }
    this.over ??= new DOMException("the file is closed", "InvalidStateError");
    this.worker.terminate();
  }

  #send(job) {
    if (this.over) throw this.over;
    this.worker.postMessage(job);
    this.sent += 1;
  }

  #ask(job, patience) {
    this.#send(job);
    this.#wait(this.sent, patience);
    const { counters } = this.slots;
    return (counters[HIGH] >>> 0) * 2 ** 32 + (counters[LOW] >>> 0);
  }

  /** Waits until so many jobs are done; throws what went wrong, once. */
  #wait(jobs, patience) {
    this.#until(jobs, patience);
    const { counters, text } = this.slots;
    if (Atomics.load(counters, ERROR) === 0) return;
    // What was to be written behind a gap is not.
    this.#until(this.sent, patience);
    const said = new TextDecoder().decode(text.slice(0, Atomics.exchange(counters, ERROR, 0)));
    const [name, ...message] = said.split("\n");
    throw new DOMException(message.join("\n"), name);
  }

  #until(jobs, patience = PATIENCE) {
    const { counters } = this.slots;
    for (let done; (done = Atomics.load(counters, DONE)) < jobs; ) {
      if (this.over) throw this.over;
      if (Atomics.wait(counters, DONE, done, patience) === "timed-out") {
        throw (this.over = new DOMException("it no longer answers", "TimeoutError"));
      }
    }
  }
}

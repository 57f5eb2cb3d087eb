// Access to a file of the origin's private file system: on a Worker of its own where memory can be shared with one, else
// right here.

import { DONE, ERROR, HIGH, LOW, SLOT, SLOTS, Slots } from "./slots.js";
import { workerUrl } from "./worker-url.js";
import { within } from "./wire.js";

/** How long the Worker may take to load, in milliseconds. */
const OPENING = 3000;

/** How long it may take for one job, in milliseconds: a slow disk may have gigabytes to flush. */
const PATIENCE = 10 * 60_000;

/** Opens `file`, which nobody else may have open: write, read, truncate, getSize, flush and close, as the browser's own. */
export async function openFile(file) {
  const here = await file.createSyncAccessHandle();
  if (!globalThis.crossOriginIsolated) return here;
  here.close();
  try {
    return await RemoteHandle.open(file);
  } catch {
    return file.createSyncAccessHandle();
  }
}

/** The other end of writer.js. What is written waits in memory; an error of it comes with the next call. */
class RemoteHandle {
  slots = new Slots();
  sent = 0;

  static async open(file) {
    const handle = new RemoteHandle();
    const worker = new Worker(workerUrl("writer.js"), { type: "module" });
    handle.worker = worker;
    const answer = new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => (data === null ? resolve() : reject(new Error(data)));
      worker.onerror = worker.onmessageerror = () => reject(new Error("the Worker that writes does not start"));
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
    this.#wait(this.sent);
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

  close() {
    try {
      this.#ask({ job: "close", length: 0 });
    } catch {
      // What went wrong before was said, or is of no interest any more.
    }
    this.worker.terminate();
  }

  #send(job) {
    this.worker.postMessage(job);
    this.sent += 1;
  }

  #ask(job) {
    this.#send(job);
    this.#wait(this.sent);
    const { counters } = this.slots;
    return (counters[HIGH] >>> 0) * 2 ** 32 + (counters[LOW] >>> 0);
  }

  /** Waits until so many jobs are done. */
  #wait(jobs) {
    const { counters, text } = this.slots;
    for (let done; (done = Atomics.load(counters, DONE)) < jobs; ) {
      if (Atomics.wait(counters, DONE, done, PATIENCE) === "timed-out") {
        throw new DOMException("it no longer answers", "TimeoutError");
      }
    }
    const length = counters[ERROR];
    if (length === 0) return;
    const [name, ...message] = new TextDecoder().decode(text.slice(0, length)).split("\n");
    throw new DOMException(message.join("\n"), name);
  }
}

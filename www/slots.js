// What the receiving Worker and the one that writes share: memory for counters, the text of an error and blocks, and what
// counts as written.

/** Blocks that may wait to be written. */
export const SLOTS = 8;

/** Bytes of a slot: the largest block. */
export const SLOT = 1 << 20;

/** Places among the counters: jobs done, both halves of the last answer, and how many bytes an error's text has. */
export const DONE = 0;
export const HIGH = 1;
export const LOW = 2;
export const ERROR = 3;

const COUNTERS = 16;
const TEXT = 1024;

/** The parts of `memory`; a job's slot goes by the job's number. */
export class Slots {
  constructor(memory = new SharedArrayBuffer(COUNTERS + TEXT + SLOTS * SLOT)) {
    this.memory = memory;
    this.counters = new Int32Array(memory, 0, COUNTERS / 4);
    this.text = new Uint8Array(memory, COUNTERS, TEXT);
  }

  slot(job, length) {
    return new Uint8Array(this.memory, COUNTERS + TEXT + (job % SLOTS) * SLOT, length);
  }
}

/** Writes all of `bytes`; a disk that takes less is full. */
export function writeAll(handle, bytes, at) {
  if (handle.write(bytes, { at }) !== bytes.length) {
    throw new DOMException("the file is shorter than what was written", "QuotaExceededError");
  }
}

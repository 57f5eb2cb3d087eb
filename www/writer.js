// A Worker that writes one file, so that decrypting does not wait for the disk. Jobs come as messages and are done in
// order; handle.js has the other end.

import { DONE, ERROR, HIGH, LOW, Slots, writeAll } from "./slots.js";

const jobs = {
  write: writeAll,
  read: (handle, slot, at) => handle.read(slot, { at }),
  getSize: (handle) => handle.getSize(),
  truncate: (handle, _, length) => handle.truncate(length),
  flush: (handle) => handle.flush(),
  close: (handle) => handle.close(),
};

/** The first message brings the file and the shared memory; it is answered with null, or why it cannot be. */
onmessage = async ({ data: { file, memory } }) => {
  let handle = null;
  try {
    handle = await file.createSyncAccessHandle();
    const slots = new Slots(memory);
    // Not every browser writes from shared memory.
    handle.write(slots.slot(0, 0), { at: 0 });
    serve(handle, slots);
    postMessage(null);
  } catch (error) {
    handle?.close();
    postMessage(String(error));
  }
};

function serve(handle, slots) {
  const { counters, text } = slots;
  let number = 0;
  onmessage = ({ data: { job, length, at } }) => {
    // Nothing is written behind a gap: not before the error was heard.
    if (Atomics.load(counters, ERROR) === 0 || job === "close") {
      try {
        const answer = jobs[job](handle, slots.slot(number, length), at) ?? 0;
        counters[HIGH] = Math.floor(answer / 2 ** 32);
        counters[LOW] = answer % 2 ** 32;
      } catch (error) {
        const said = new TextEncoder().encode(`${error.name}\n${error.message}`).subarray(0, text.length);
        text.set(said);
        Atomics.store(counters, ERROR, said.length);
      }
    }
    number += 1;
    Atomics.store(counters, DONE, number);
    Atomics.notify(counters, DONE);
  };
}

// Where the payload is stored, as it came: a file of the origin's private file system, or memory.
//
// A sink has, for the session in wasm: write(at, bytes), read(at, bytes) -> bytes read, truncate(length), flush(); the bytes
// are a view of wasm memory and must be used at once. For the worker: limit (bytes it can take, or null), kept (bytes that
// are there from before), begin(), blob(), close(), discard(). What goes wrong with a write may be thrown by a later call.

import { FREE, openFile } from "./handle.js";
import { writeAll } from "./slots.js";

const ROOT = "hayate";
const PAYLOAD = "payload";
const NOTE = "note.json";

/** What memory takes: more than this makes browsers drop the page. */
const MEMORY = 1 << 30;

/** How much of a payload in memory is one Blob: browsers may move those to disk. */
const GROUP = 64 << 20;

/** How long an interrupted transfer is kept, in milliseconds. */
const KEEP = 24 * 60 * 60 * 1000;

/** Whether payloads go to disk here. */
export function hasDisk() {
  return Boolean(navigator.storage?.getDirectory && navigator.locks && globalThis.FileSystemFileHandle);
}

/** Opens the store for an offer, with what was kept of the same offer before. */
export async function open(identity) {
  if (hasDisk()) {
    try {
      return await DiskSink.open(identity);
    } catch {
      // A private window may have no such storage.
    }
  }
  return new MemorySink();
}

/** Deletes what earlier visits left and nobody will ask for. */
export async function sweep() {
  if (!hasDisk()) return;
  try {
    const root = await directory();
    const names = [];
    for await (const name of root.keys()) names.push(name);
    for (const name of names) {
      await navigator.locks.request(lockName(name), { ifAvailable: true }, async (lock) => {
        if (lock && !(await isKept(root, name))) await root.removeEntry(name, { recursive: true });
      });
    }
  } catch {
    // The next visit tries again.
  }
}

/** A file in the origin's private file system. Whoever holds its lock owns it. */
class DiskSink {
  store = "disk";

  static async open(identity) {
    const root = await directory();
    const name = await nameOf(identity);
    // Another tab may have the one with this name: then a fresh one, which is not found again.
    let problem = new Error("no store is free");
    for (const candidate of [name, `${name}-${crypto.randomUUID()}`]) {
      const unlock = await lock(candidate);
      if (!unlock) continue;
      try {
        return await DiskSink.at(root, candidate, identity, unlock);
      } catch (error) {
        unlock();
        problem = error;
      }
    }
    throw problem;
  }

  static async at(root, name, identity, unlock) {
    const sink = new DiskSink();
    Object.assign(sink, { root, name, identity, unlock });
    const isKnown = (await readNote(root, name))?.identity === identity;
    sink.folder = await root.getDirectoryHandle(name, { create: true });
    sink.file = await sink.folder.getFileHandle(PAYLOAD, { create: true });
    sink.handle = await openFile(sink.file);
    try {
      if (!isKnown) sink.handle.truncate(0);
      const { quota, usage } = await navigator.storage.estimate();
      sink.limit = quota === undefined ? null : Math.max(0, quota - usage) + sink.kept;
    } catch (error) {
      sink.handle.close();
      throw error;
    }
    return sink;
  }

  get kept() {
    return this.handle.getSize();
  }

  /** The offer was accepted: what is stored from now on is worth keeping. */
  async begin() {
    await this.note("receiving");
  }

  write(at, bytes) {
    writeAll(this.handle, bytes, at);
  }

  read(at, bytes) {
    return this.handle.read(bytes, { at });
  }

  truncate(length) {
    this.handle.truncate(length);
  }

  flush() {
    this.handle.flush();
  }

  /** The payload, once it is whole. The store stays locked, and so is not swept, as long as this worker lives. */
  async blob() {
    this.handle.close();
    await this.note("done");
    return this.file.getFile();
  }

  /** Leaves what is there for another session. */
  close() {
    this.handle.close();
    this.unlock();
  }

  async discard() {
    this.handle.close();
    await this.root.removeEntry(this.name, { recursive: true }).catch(() => {});
    this.unlock();
  }

  async note(state) {
    const file = await this.folder.getFileHandle(NOTE, { create: true });
    const handle = await file.createSyncAccessHandle();
    const bytes = new TextEncoder().encode(JSON.stringify({ identity: this.identity, state, at: Date.now() }));
    handle.truncate(0);
    handle.write(bytes, { at: 0 });
    handle.flush();
    handle.close();
  }
}

/** Blobs of the browser's memory, for pages without a private file system. */
class MemorySink {
  store = "memory";
  limit = MEMORY;
  groups = [];
  parts = [];
  grouped = 0;
  length = 0;

  async begin() {}

  write(at, bytes) {
    if (at !== this.length) throw new Error("memory is written in order");
    if (at + bytes.length > MEMORY) {
      const error = new Error("This page can take 1 GiB at most: it is not secure, so it may not use the disk.");
      error.name = "TooLargeError";
      throw error;
    }
    this.parts.push(bytes.slice());
    this.length += bytes.length;
    if (this.length - this.grouped >= GROUP) this.group();
  }

  get kept() {
    return this.length;
  }

  read(at, bytes) {
    this.group();
    const slice = new Blob(this.groups).slice(at, at + bytes.length);
    bytes.set(new Uint8Array(new FileReaderSync().readAsArrayBuffer(slice)));
    return slice.size;
  }

  truncate(length) {
    if (length === this.length) return;
    this.group();
    this.groups = [new Blob(this.groups).slice(0, length)];
    this.grouped = this.length = length;
  }

  flush() {
    this.group();
  }

  group() {
    this.groups.push(new Blob(this.parts));
    this.parts = [];
    this.grouped = this.length;
  }

  async blob() {
    return new Blob(this.groups);
  }

  close() {}

  async discard() {
    this.truncate(0);
  }
}

async function directory() {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(ROOT, { create: true });
}

/** A directory's name for an offer: the same after a reload, and telling nothing. */
async function nameOf(identity) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(identity));
  return Array.from(new Uint8Array(digest, 0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function lockName(name) {
  return `${ROOT}/${name}`;
}

/** Takes a lock that lasts until it is given back or this worker ends; null where somebody else keeps it. */
function lock(name) {
  return new Promise((resolve) => {
    navigator.locks
      .request(lockName(name), { signal: AbortSignal.timeout(FREE) }, () => new Promise((unlock) => resolve(unlock)))
      .catch(() => resolve(null));
  });
}

async function readNote(root, name) {
  try {
    const folder = await root.getDirectoryHandle(name);
    const file = await (await folder.getFileHandle(NOTE)).getFile();
    return JSON.parse(await file.text());
  } catch {
    return null;
  }
}

async function isKept(root, name) {
  const note = await readNote(root, name);
  return note?.state === "receiving" && Date.now() - note.at < KEEP;
}

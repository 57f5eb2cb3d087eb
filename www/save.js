// Ways out of the page for what was received: the browser's downloads, a picked folder, the system's share sheet.

import { mediaType, numbered, savable } from "./file-name.js";

/** A download may take long to be copied, and no event tells when it is. */
const REVOKE_AFTER = 15 * 60_000;

/** Most files that are handed to a share sheet at once. */
const MOST_SHARED = 20;

/** Hands one file to the browser's downloads. */
export function download(blob, wanted) {
  const name = savable(wanted);
  const url = URL.createObjectURL(blob.slice(0, blob.size, mediaType(name)));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_AFTER);
}

/** Whether a folder can be picked and written to. */
export const canPickFolder = () => typeof globalThis.showDirectoryPicker === "function";

/**
 * Asks for a folder and writes all files into it; nothing that is there already is replaced.
 * `saving` hears of each file before it is written.
 */
export async function saveToFolder(files, saving) {
  const folder = await showDirectoryPicker({ mode: "readwrite" });
  const tops = new Map();
  const taken = new Set();
  for (const [index, file] of files.entries()) {
    saving(index, file);
    const [top, ...below] = [...file.path.split("/").slice(0, -1), file.name];
    try {
      if (!tops.has(top)) tops.set(top, await freeName(folder, savable(top), [...tops.values()]));
      await write(folder, freePath([tops.get(top), ...below.map(savable)], taken), file.blob);
    } catch (error) {
      throw Object.assign(error, { path: file.path });
    }
  }
  return folder.name;
}

/** A name that neither `folder` holds yet nor is `given` away; names that differ only in case are one on many systems. */
async function freeName(folder, name, given) {
  for (let n = 1; ; n += 1) {
    const wanted = n === 1 ? name : numbered(name, n);
    if (given.some((other) => other.toLowerCase() === wanted.toLowerCase())) continue;
    try {
      await folder.getFileHandle(wanted);
    } catch (error) {
      if (error.name === "NotFoundError") return wanted;
      if (error.name !== "TypeMismatchError") throw error;
    }
  }
}

/** A path that no file has been written to, for names that differ only in case or in what was not savable. */
function freePath(path, taken) {
  const base = path.at(-1);
  for (let n = 1; ; n += 1) {
    const wanted = [...path.slice(0, -1), n === 1 ? base : numbered(base, n)];
    const key = wanted.join("/").toLowerCase();
    if (taken.has(key)) continue;
    taken.add(key);
    return wanted;
  }
}

async function write(folder, path, blob) {
  let place = folder;
  for (const name of path.slice(0, -1)) place = await place.getDirectoryHandle(name, { create: true });
  const handle = await place.getFileHandle(path.at(-1), { create: true });
  try {
    await blob.stream().pipeTo(await handle.createWritable());
  } catch (error) {
    // What is not whole is not there: until the end it was an empty file.
    await place.removeEntry(path.at(-1)).catch(() => {});
    throw error;
  }
}

const shareable = (files) => files.map(({ name: wanted, blob }) => {
  const name = savable(wanted);
  return new File([blob], name, { type: mediaType(name) });
});

/** Whether the share sheet takes these files. */
export function canShare(files) {
  if (!navigator.canShare || files.length === 0 || files.length > MOST_SHARED) return false;
  try {
    return navigator.canShare({ files: shareable(files) });
  } catch {
    return false;
  }
}

/** Opens the share sheet with these files; false where the person closed it again. */
export async function share(files) {
  try {
    await navigator.share({ files: shareable(files) });
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false;
    throw error;
  }
}

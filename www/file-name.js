// Names from the sender: how they are shown, and what they are saved as. They are hostile until they have been here.

import { t } from "./strings.js";

// Controls, bidi controls, zero-width and other invisible characters, separators, and halves of surrogate pairs.
// Joiners belong to emoji and to several scripts.
const HIDDEN = /(?![\u{200c}\u{200d}])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\u{34f}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}-\u{180f}\u{3164}\u{ffa0}\u{fe00}-\u{fe0e}]/gu;

// What Windows reads as a device, whatever the extension.
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i;

const MOST_SHOWN = 64;
const MOST_TITLE = 4096;
const MOST_SAVED_BYTES = 200;

/** The name with everything invisible or reordering written out, as the command line does. */
export function visible(name) {
  return String(name).replace(HIDDEN, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/** The name cut in the middle, so that its beginning and its ending are both seen. */
export function cut(name, most = MOST_SHOWN) {
  const letters = [...name];
  if (letters.length <= most) return name;
  const tail = Math.floor(most / 3);
  return `${letters.slice(0, most - tail - 1).join("")}…${letters.slice(-tail).join("")}`;
}

/** Puts a name into an element: isolated from the text around it, cut, and whole in the title. */
export function show(element, name, after = "") {
  const whole = visible(name);
  const isolated = document.createElement("bdi");
  isolated.textContent = cut(whole) || t("unnamed");
  if (isolated.textContent !== whole) isolated.title = whole.slice(0, MOST_TITLE);
  element.replaceChildren(isolated, after);
}

/** The name for use inside a sentence: isolated by characters instead of an element. */
export const quoted = (name) => `\u2068${cut(visible(name), 40)}\u2069`;

/** One component of a path as a name that any file system takes. */
export function savable(name) {
  let safe = String(name).normalize("NFC").replace(HIDDEN, "_").replace(/[\\/:*?"<>|]/g, "_").trim()
    .replace(/^\.+$/, "_").replace(/[. ]+$/, "");
  if (DEVICE.test(safe)) safe = `_${safe}`;
  return shorten(safe) || t("unnamed");
}

/** `name` with `(n)` before its extension. */
export function numbered(name, n) {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? `${name.slice(0, dot)} (${n})${name.slice(dot)}` : `${name} (${n})`;
}

// Kinds that a browser shows or shares as they are, and that cannot carry a script. All else is plain bytes: nothing
// that was received may ever run as a page of this origin.
const TYPES = {
  jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", gif: "image/gif", webp: "image/webp", avif: "image/avif",
  heic: "image/heic", mp4: "video/mp4", m4v: "video/mp4", mov: "video/quicktime", webm: "video/webm",
  mp3: "audio/mpeg", m4a: "audio/mp4", ogg: "audio/ogg", opus: "audio/ogg", flac: "audio/flac", wav: "audio/wav",
  pdf: "application/pdf", txt: "text/plain", md: "text/plain", csv: "text/csv",
};

/** The media type to save or share a file as. */
export function mediaType(name) {
  const extension = String(name).split(".").at(-1).toLowerCase();
  return Object.hasOwn(TYPES, extension) ? TYPES[extension] : "application/octet-stream";
}

function shorten(name) {
  const encoder = new TextEncoder();
  if (encoder.encode(name).length <= MOST_SAVED_BYTES) return name;
  const letters = [...name];
  const dot = letters.lastIndexOf(".");
  const ending = dot > 0 && letters.length - dot <= 12 ? letters.splice(dot) : [];
  while (encoder.encode(letters.join("") + ending.join("")).length > MOST_SAVED_BYTES) letters.pop();
  return letters.join("") + ending.join("");
}

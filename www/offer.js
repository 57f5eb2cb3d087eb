// The offer: what the sender proposes, shown before the person agrees to a byte of it.

import { show } from "./file-name.js";
import { bytes, number } from "./quantity.js";
import { t } from "./strings.js";

const SEVERAL = ["directory", "items"];

/** Whether what arrives is more than one file. */
export const isSeveral = (kind) => SEVERAL.includes(kind);

/** How the name of an offer is written: a directory ends in a slash, a text has none. */
export function showName(element, { kind, name }) {
  if (kind === "text") element.textContent = t("offerText");
  else show(element, name, kind === "directory" ? "/" : "");
}

/** Items and size, in a few words. */
export function facts({ kind, bytes: size, entries, files }) {
  const n = files?.length ?? entries;
  const count = isSeveral(kind) && n !== null ? t(files ? "files" : "entries", { count: n, n: number(n) }) : null;
  return [count, size === null ? t("sizeUnknown") : bytes(size)].filter(Boolean).join(" · ");
}

/** Fills the offer's section. `secureUrl` is where large things fit, on a page where they do not. */
export function showOffer(find, offer, secureUrl) {
  find("offer-lead").textContent = t("offerLead", {}, offer.kind);
  showName(find("offer-title"), offer);
  find("offer-facts").textContent = facts(offer);
  find("offer-kept").hidden = !offer.kept;
  find("offer-kept").textContent = t("offerKept", { size: bytes(offer.kept ?? 0) });
  find("offer-place").textContent = t(offer.kind === "text" ? "placeText" : offer.store === "disk" ? "placeDisk" : "placeMemory");
  const warning = limitWarning(offer);
  const note = find("offer-limit");
  note.hidden = warning === null;
  note.textContent = warning ?? "";
  if (warning && secureUrl) {
    const link = document.createElement("a");
    link.href = secureUrl;
    link.textContent = t("limitLink");
    note.append(" ", link);
  }
}

function limitWarning({ bytes: size, limit, fits, store }) {
  if (!fits) return t("overLimit", { limit: bytes(limit) });
  return size === null && store === "memory" ? t("limitUnknown", { limit: bytes(limit) }) : null;
}

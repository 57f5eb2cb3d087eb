// What a code phrase looks like, so that the field can complete it and mark a mistake while it is typed. The same
// rules as `shared::code`, which has the last word when the phrase is used.

const MIN_WORDS = 3;
const MAX_WORDS = 8;
const MAX_CHANNEL = 999;
const MAX_BYTES = 256;
const MIN_OWN = 8;

const SEPARATOR = /[\s\-_.,\u2010-\u2015\u2212]+/u;

/** All words that begin with `prefix`. `words` is sorted. */
export function complete(words, prefix) {
  const start = lowerBound(words, prefix);
  let end = start;
  while (end < words.length && words[end].startsWith(prefix)) end += 1;
  return words.slice(start, end);
}

/** The word that `part` is, or is the only possible beginning of. */
export function find(words, part) {
  const candidates = part ? complete(words, part) : [];
  return candidates.length === 1 || candidates[0] === part ? candidates[0] ?? null : null;
}

/** The last, unfinished part of what was typed, where words of the list are wanted; else "". */
export function unfinished(typed) {
  const parts = normal(typed).trimStart().split(SEPARATOR);
  return parts.length > 1 && /^\d+$/.test(parts[0]) ? parts.at(-1) : "";
}

/**
 * What is wrong with `typed`, as a key of the strings with its values; null where nothing is.
 * While it is still typed (`whole` false), only what more typing cannot mend is wrong.
 */
export function problem(words, typed, whole) {
  const text = normal(typed);
  if (new TextEncoder().encode(text).length > MAX_BYTES) return { key: "codeTooLong" };
  if (/\p{Cc}/u.test(text.trim())) return { key: "codeControl" };
  const parts = text.split(SEPARATOR).filter(Boolean);
  if (parts.length === 0) return whole ? { key: "codeEmpty" } : null;
  return /^\d+$/.test(parts[0])
    ? listed(words, parts, whole || SEPARATOR.test(text.at(-1)), whole)
    : own(words, parts, whole);
}

function listed(words, [channel, ...rest], ended, whole) {
  const n = Number(channel);
  if (n > MAX_CHANNEL || (n < 1 && (whole || rest.length > 0))) return { key: "codeChannel" };
  for (const [index, word] of rest.entries()) {
    if (find(words, word)) continue;
    const open = index === rest.length - 1 && !ended;
    const candidates = complete(words, word);
    if (candidates.length > 1 && open) continue;
    if (candidates.length > 1) return { key: "codeEither", values: { word, first: candidates[0], second: candidates[1] } };
    const near = open ? null : nearest(words, word);
    return { key: near ? "codeNear" : "codeUnknown", values: { word, near } };
  }
  if (rest.length > MAX_WORDS) return { key: "codeTooLong" };
  if (whole && rest.length < MIN_WORDS) return { key: "codeFewWords", values: { count: rest.length } };
  return null;
}

function own(words, parts, whole) {
  if (parts.length >= MIN_WORDS && parts.every((part) => find(words, part))) return { key: "codeNoChannel" };
  return whole && [...parts.join("-")].length < MIN_OWN ? { key: "codeTooShort" } : null;
}

/** The word of the list that differs least, where one is close enough to be a typing mistake. */
function nearest(words, typed) {
  let best = { distance: 3, word: null };
  for (const word of words) {
    if (Math.abs(word.length - typed.length) >= best.distance) continue;
    const distance = edits(typed, word);
    if (distance < best.distance) best = { distance, word };
  }
  return best.word;
}

/** Edits (insert, delete, replace, swap of neighbours) from one word to the other. */
function edits(a, b) {
  let beforeLast = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i += 1) {
    const row = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      let least = Math.min(last[j] + (a[i] === b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1);
      if (i > 0 && j > 0 && a[i] === b[j - 1] && a[i - 1] === b[j]) least = Math.min(least, beforeLast[j - 1] + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}

const normal = (typed) => typed.normalize("NFKC").toLowerCase();

function lowerBound(words, prefix) {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle] < prefix) low = middle + 1;
    else high = middle;
  }
  return low;
}

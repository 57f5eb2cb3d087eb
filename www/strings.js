// Every word that the page says of itself. Another language is one more table with the same keys; a sentence that
// counts has one form for each plural category of its language, and `direction` is "rtl" where it is written so. `{name}` is filled in by `t`.

const english = {
  direction: "ltr",

  receive: "Receive",
  decline: "Decline",
  cancel: "Cancel",
  save: "Save",
  saveAll: "Save all",
  saveFolder: "Save to a folder…",
  share: "Share",
  copy: "Copy",
  retry: "Try again",
  startOver: "Start over",

  idleTitle: "What is the code phrase?",
  idleLead: "It is on the screen of the computer that sends.",
  codeLabel: "Code phrase",
  codeWords: "Words that fit",
  codeHint: "The first letters of a word are enough.",
  codeEmpty: "Type the code phrase that the sender shows.",
  codeTooLong: "That is too long for a code phrase: it has at most 8 words.",
  codeControl: "There is a character in it that cannot be typed. Type the code phrase by hand.",
  codeChannel: "The number in front is between 1 and 999.",
  codeNoChannel: "The number in front is missing. A code phrase looks like 7-copper-lantern-violin.",
  codeFewWords: { one: "A code phrase has at least three words. This has one.", other: "A code phrase has at least three words. This has {count}." },
  codeTooShort: "A code phrase of your own has at least 8 characters.",
  codeUnknown: "“{word}” is not a word of code phrases. Look at the sender’s screen again.",
  codeNear: "“{word}” is not a word of code phrases. Did you mean “{near}”?",
  codeEither: "“{word}” may be “{first}” or “{second}”. Type more of it.",
  linkDamaged: "The link that opened this page is damaged. Type the code phrase, or scan the QR code again.",

  statusLoading: "Loading…",
  statusReady: "Ready.",
  statusConnecting: "Connecting to the sender…",
  statusConnectingOver: "Connecting over {transport}…",
  statusProving: "Connected over {transport}. Checking the code phrase…",
  statusOffer: "Connected over {transport}. The sender waits for your answer.",
  statusChecking: "Connected over {transport}. Checking what is already here…",
  statusReceiving: "Receiving over {transport}.",
  statusFinishing: "Received over {transport}. Checking all of it…",
  statusDone: "Received over {transport}, complete and checked.",
  statusDeclined: "Declined.",
  statusCancelled: "Cancelled.",
  statusFailed: "Stopped: {title}.",
  statusResuming: "Going on where it stopped.",
  statusCopied: "Copied. {before}",
  statusSaved: "“{name}” is with the browser’s downloads. {before}",
  statusDetail: "{percent}, {left}",

  offerLead: { file: "The sender offers a file", text: "The sender offers a text", directory: "The sender offers a folder", items: "The sender offers several things", stream: "The sender offers a stream" },
  offerText: "A text",
  entries: { one: "1 item", other: "{n} items" },
  files: { one: "1 file", other: "{n} files" },
  sizeUnknown: "size not known in advance",
  offerKept: "{size} of it is already here. It goes on from there.",
  placeDisk: "It is kept in this browser until you save it.",
  placeMemory: "It is kept in this page’s memory until you save it. Keep the page open.",
  placeText: "It is shown on this page.",
  overLimit: "This browser has room for {limit} here. The offer is larger than that.",
  limitUnknown: "This page has room for {limit}. Whether that is enough shows only on the way.",
  limitLink: "Open the https page for large files.",

  progressLabel: "Progress",
  connectingTitle: "Connecting",
  provingTitle: "Checking the code phrase",
  amountOf: "{done} of {total}",
  amountKnown: "{done}",
  rate: "{rate}/s",
  rateLeft: "{rate}/s, {left}",
  left: "{time} left",
  almost: "almost done",
  seconds: "{n} s",
  minutes: "{m} min {s} s",
  hours: "{h} h {m} min",
  pageTitle: "{percent} – Hayate",

  doneFile: "Received",
  doneText: "The text",
  textLabel: "Received text",
  filesLabel: "Received files",
  skipped: { one: "1 item was left out", other: "{n} items were left out" },
  hashTitle: "BLAKE3 hash",
  hashNote: "The sender shows the same one. It was compared already; b3sum prints it for the saved file.",
  saved: "saved",
  savingFolder: "Saving {n} of {count}…",
  savedFolder: { one: "Saved 1 file in “{name}”.", other: "Saved {n} files in “{name}”." },
  savedSome: "The browser may ask whether this page may save several files: allow it.",
  folderFailed: "“{path}” could not be saved: {why}. What was saved before it is complete; choose another folder or use Save all.",
  shareFailed: "Sharing did not work: {why}. Use Save instead.",
  copyFailed: "The browser does not let this page copy. The text is selected: copy it from the menu.",
  discard: "What was received is not saved yet. Throw it away?",
  unnamed: "unnamed",

  endedDeclined: "Declined",
  endedDeclinedMessage: "The sender was told. Nothing was received.",
  endedCancelled: "Cancelled",
  endedCancelledMessage: "The sender was told. No part of a file was saved.",
  errorTitle: {
    "wrong-code": "Wrong code phrase",
    "bad-code": "Not a code phrase",
    burned: "Too many tries",
    busy: "The sender is busy",
    network: "Sender not reached",
    gone: "Connection lost",
    disk: "No place to keep it",
    "too-large": "Too large for this browser",
    unsafe: "Unsafe content refused",
    declined: "Declined",
    cancelled: "Cancelled",
    failed: "The sender could not go on",
    version: "Versions do not fit",
    protocol: "It did not check out",
    browser: "This browser cannot",
    other: "It did not work",
  },
  workerMissing: "This browser has no {what}, which this page needs to decrypt what it receives.",
  workerFailed: "A part of this page did not load or stopped working.",
  workerNext: "Check that the sender is still running, then reload the page.",
  browserNext: "Open this page with a current Chrome, Firefox, Edge or Safari, or run “hayate receive” on a computer.",

  plainHint: "This is the plain http page, good for texts and smaller files.",
  plainLink: "Open the https page for large files and folders",
  limitTitle: "This page came from the sender over this network. What that means",
  limitFirst: "Browser mode protects against listeners. It cannot protect you from someone who controls this network at the moment you open the page.",
  limitSecond: "On an untrusted network use the command line on both ends, or compare the certificate’s SHA-256 fingerprint, as the browser shows it beside the address, with the one that “hayate send -v” shows.",
};

const tables = { en: english };

/** The language of the page: the first of the person's languages that there is a table for. */
export const language = (navigator.languages ?? [])
  .map((tag) => tag.toLowerCase().split("-")[0])
  .find((tag) => Object.hasOwn(tables, tag)) ?? "en";

const plural = new Intl.PluralRules(language);

/** The text of `key`, or of its form `form`; a `count` chooses the plural form. */
export function t(key, values = {}, form = null) {
  let text = tables[language][key] ?? english[key];
  if (typeof text === "object") {
    const wanted = form ?? plural.select(values.count);
    text = Object.hasOwn(text, wanted) ? text[wanted] : text.other;
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Fills every element that carries `data-t` or `data-t-label`, once. */
export function translate(root) {
  document.documentElement.lang = language;
  document.documentElement.dir = t("direction");
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
}

// The page: draws what the Worker tells, and tells the Worker what the person decides. No protocol lives here.

import { CodeField } from "./code-field.js";
import { startWorker } from "./courier.js";
import { Done } from "./done.js";
import { forget, remember, remembered, takeLink } from "./link.js";
import { showName, showOffer } from "./offer.js";
import { Progress } from "./progress.js";
import { Status } from "./status.js";
import { t, translate } from "./strings.js";
import { stayAwake } from "./wake.js";

const VIEWS = ["idle", "offer", "transfer", "done", "ended"];

/** Errors after which the same code phrase is of no use. */
const RETYPE = ["wrong-code", "bad-code"];

const find = (id) => document.getElementById(id);

translate(document);

const status = new Status(find("status"));
const field = new CodeField(find("code"), find("code-words"), find("code-note"));
const progress = new Progress(find("bar"), find("amount"), find("speed"));
const done = new Done(find, status);
const secureUrl = location.protocol === "http:" && !isSecureContext
  ? `https://${location.host}${location.pathname}` : null;

/** The transfer under way: `{code, host, auto, accepted, transport, offer}`; null while there is none. */
let run = null;
/** What "Try again" starts from, and the kind of the last error. */
let last = null;
let failed = null;
/** Whether the Worker still stops a transfer that is over here; and what it is to be told when it has. */
let stopping = false;
let waiting = null;
let view = null;
/** The message of a Worker that is gone; nothing can be received any more without a reload. */
let broken = null;

const post = startWorker((message) => heard(message));

for (const [id, pressed] of [["accept", accept], ["decline", decline], ["cancel", cancel], ["retry", retry]]) {
  find(id).addEventListener("click", pressed);
}
for (const button of document.querySelectorAll("[data-start-over]")) button.addEventListener("click", startOver);
find("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (field.check()) begin({ code: field.value, host: last?.host ?? null });
  else field.focus();
});
addEventListener("hashchange", open);
addEventListener("beforeunload", (event) => {
  if ((run?.accepted && view === "transfer") || (view === "done" && !done.saved)) event.preventDefault();
});

open();

/** Starts with the link, with what a reload interrupted, or with an empty field. */
function open() {
  const link = takeLink();
  if (run) return;
  const kept = remembered();
  tellWhereFrom(Boolean(link?.host ?? kept?.host));
  if (link?.damaged) {
    idle();
    field.complain("linkDamaged");
  } else if (link) {
    begin({ ...link, auto: kept?.code === link.code });
  } else if (kept) {
    begin({ ...kept, auto: true });
  } else if (view === null) {
    idle();
  }
}

function idle() {
  run = null;
  status.say(t("statusReady"), "calm");
  turnTo("idle");
  // A phone's keyboard would hide half of the page before anything was read.
  if (matchMedia("(pointer: fine)").matches) field.focus();
}

function begin({ code, host, auto = false }) {
  run = { code, host, auto, accepted: auto, transport: null, offer: null, stage: null };
  last = run;
  field.value = code;
  if (!auto) forget();
  if (broken) {
    fail(broken);
    return;
  }
  const start = { type: "start", code, host, transport: "auto", auto };
  if (stopping) waiting = start;
  else post(start);
  find("transfer-title").textContent = t(auto ? "statusResuming" : "connectingTitle");
  progress.wait();
  status.say(auto ? `${t("statusResuming")} ${t("statusConnecting")}` : t("statusConnecting"), "busy");
  turnTo("transfer");
}

function heard(message) {
  if (message.type === "ready") {
    field.words = message.words;
  } else if (message.broken) {
    broken = message;
    // What was received already is whole and stays.
    if (view !== "done") fail(message);
  } else if (stopping) {
    if (message.type === "error" || message.type === "done") stopped();
  } else if (run || (message.type === "error" && message.kind === "browser")) {
    ({ status: stage, offer: offered, progress: moved, done: finish, error: fail })[message.type]?.(message);
  }
}

/** The Worker is free again. */
function stopped() {
  stopping = false;
  if (waiting) post(waiting);
  waiting = null;
}

function stage({ stage: name, transport }) {
  run.transport = transport ?? (name === "connecting" ? null : run.transport);
  const words = { transport: run.transport };
  const sentence = {
    connecting: () => t(run.transport ? "statusConnectingOver" : "statusConnecting", words),
    proving: () => t("statusProving", words),
    offer: () => t("statusOffer", words),
    checking: () => t("statusChecking", words),
    receiving: () => t("statusReceiving", words),
    finishing: () => t("statusFinishing", words),
  }[name];
  if (!sentence) return;
  const resuming = run.auto && ["connecting", "proving"].includes(name);
  // Where the bar moves, nothing else has to: an animation costs as much as a cipher.
  const mood = { offer: "calm", receiving: "moving" }[name] ?? "busy";
  status.say(resuming ? `${t("statusResuming")} ${sentence()}` : sentence(), mood);
  if (name === "offer" && !run.auto) return;
  if (name !== run.stage) {
    run.stage = name;
    progress.wait();
    if (run.offer) showName(find("transfer-title"), run.offer);
    else if (!run.auto) find("transfer-title").textContent = t(name === "proving" ? "provingTitle" : "connectingTitle");
  }
  stayAwake(run.accepted);
  turnTo("transfer");
}

function offered(offer) {
  run.offer = offer;
  // What a reload interrupted was agreed to; anything else is asked, however the code came.
  if (run.accepted && offer.resumes) return;
  run.auto = false;
  run.accepted = false;
  showOffer(find, offer, secureUrl);
  status.say(t("statusOffer", { transport: run.transport }), "calm");
  turnTo("offer");
}

function moved({ done: bytes, total }) {
  const figures = progress.update(bytes, total);
  if (!figures || run.stage !== "receiving") return;
  status.detail(figures.text);
  document.title = t("pageTitle", { percent: figures.percent });
}

function finish(result) {
  const said = t("statusDone", { transport: run.transport });
  // The payload of a folder is longer than its files.
  const size = run.offer?.bytes ?? result.bytes;
  leave();
  forget();
  done.show({ ...result, bytes: size }, said);
  status.say(said, "good");
  turnTo("done");
}

function fail({ kind, message, next, retry: again }) {
  leave();
  if (!again) forget();
  const title = t("errorTitle", {}, kind);
  end("bad", title, message, next);
  status.say(t("statusFailed", { title }), "bad");
  find("retry").hidden = !again;
  failed = kind;
}

function accept(event) {
  if (isEcho(event)) return;
  run.accepted = true;
  remember(run);
  post({ type: "accept" });
  stayAwake(true);
  showName(find("transfer-title"), run.offer);
  progress.wait();
  turnTo("transfer");
}

function decline(event) {
  if (isEcho(event)) return;
  stop("decline");
  end("calm", t("endedDeclined"), t("endedDeclinedMessage"));
  status.say(t("statusDeclined"), "calm");
}

function cancel() {
  stop("cancel");
  end("calm", t("endedCancelled"), t("endedCancelledMessage"));
  status.say(t("statusCancelled"), "calm");
}

function stop(how) {
  if (waiting) waiting = null;
  else post({ type: how });
  stopping = true;
  leave();
  forget();
}

/** What "Try again" does after an error of this kind. */
function retry() {
  if (failed === "browser") {
    location.reload();
  } else if (!last || RETYPE.includes(failed)) {
    idle();
    field.focus();
  } else {
    begin({ code: last.code, host: last.host, auto: last.accepted });
  }
}

function startOver() {
  if (!done.saved && !confirm(t("discard"))) return;
  done.clear();
  forget();
  field.value = "";
  idle();
  field.focus();
}

/** The transfer is over; what the Worker still says of it is not heard. */
function leave() {
  run = null;
  stayAwake(false);
  document.title = "Hayate";
}

function end(mood, title, message, next = "") {
  find("ended").dataset.mood = mood;
  find("ended-title").textContent = title;
  find("ended-message").textContent = message;
  find("ended-next").textContent = next ?? "";
  find("ended-next").hidden = !next;
  find("retry").hidden = true;
  turnTo("ended");
}

/** The second half of a double click was meant for what was there before, and decides nothing. */
const isEcho = (event) => event.detail > 1;

/** Shows one section. The focus goes to its title, so that no key pressed a moment too late decides anything. */
function turnTo(next) {
  if (view === next) return;
  const first = view === null;
  view = next;
  for (const id of VIEWS) find(id).hidden = id !== next;
  if (next !== "idle" && !first) find(`${next}-title`).focus({ preventScroll: true });
  if (!first) scrollTo(0, 0);
}

/** What this page's origin is worth, said once and calmly. */
function tellWhereFrom(hosted) {
  find("limit").hidden = hosted;
  find("plain-hint").hidden = secureUrl === null;
  if (secureUrl) find("plain-link").href = secureUrl;
}

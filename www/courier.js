// The Worker that receives, and the messages to and from it.

import { t } from "./strings.js";
import { workerUrl } from "./worker-url.js";

/** How long the Worker may take to load, in milliseconds. */
const READY_WITHIN = 30_000;

/** What this browser lacks for receiving anything; null where it lacks nothing. */
function missing() {
  if (typeof Worker === "undefined") return "Worker";
  return typeof WebAssembly === "undefined" ? "WebAssembly" : null;
}

/**
 * Starts the Worker. `heard` gets each of its messages, and an error message of the same form when the Worker itself
 * fails. Returns what sends a message to it.
 */
export function startWorker(heard) {
  const what = missing();
  if (what) {
    queueMicrotask(() => heard(failure(t("workerMissing", { what }), t("browserNext"))));
    return () => {};
  }
  const worker = new Worker(workerUrl("worker.js"), { type: "module" });
  const fail = () => {
    clearTimeout(late);
    worker.terminate();
    heard({ ...failure(t("workerFailed"), t("workerNext")), retry: true });
  };
  const late = setTimeout(fail, READY_WITHIN);
  worker.addEventListener("error", fail);
  worker.addEventListener("messageerror", fail);
  worker.addEventListener("message", ({ data }) => {
    clearTimeout(late);
    heard(data);
  });
  return (message) => worker.postMessage(message);
}

function failure(message, next) {
  return { type: "error", kind: "browser", message, next, left: null, retry: false, broken: true };
}

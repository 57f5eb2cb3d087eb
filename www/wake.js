// Keeps the screen on while something is received: a phone that sleeps loses the connection.

let wanted = false;
let lock = null;

/** Asks for the screen to stay on, or lets it go. Browsers without it, and plain http, do without. */
export async function stayAwake(on) {
  wanted = on;
  if (!on) {
    lock?.release().catch(() => {});
    lock = null;
    return;
  }
  if (lock || !navigator.wakeLock || document.visibilityState !== "visible") return;
  try {
    const granted = await navigator.wakeLock.request("screen");
    granted.addEventListener("release", () => { if (lock === granted) lock = null; });
    if (wanted && !lock) lock = granted;
    else await granted.release();
  } catch {
    // Low battery or a setting: the transfer goes on without it.
  }
}

// The browser takes the lock away whenever the page is hidden.
document.addEventListener("visibilitychange", () => {
  if (wanted && document.visibilityState === "visible") stayAwake(true);
});

// How the page learns the code phrase without typing: from the link that opened it, or from itself before a reload.

const KEY = "hayate";

/** `#7-copper-lantern-violin`, or `#code=…&host=…&cert=…&wt=…` on a page that is hosted elsewhere. */
function parse(fragment) {
  if (!/^(code|host|cert|wt)=/.test(fragment)) return { code: decode(fragment), host: null };
  const fields = new URLSearchParams(fragment);
  const code = fields.get("code");
  const host = fields.get("host");
  const cert = fields.get("cert")?.toLowerCase();
  const wt = Number(fields.get("wt"));
  const whole = /^([\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/.test(host ?? "") && /^[0-9a-f]{64}$/.test(cert ?? "")
    && Number.isInteger(wt) && wt > 0 && wt < 65536;
  return code && whole ? { code, host: { host, cert, wt } } : { damaged: true };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What the address bar's fragment holds, and takes it out of there; null where it holds nothing. */
export function takeLink() {
  const fragment = location.hash.slice(1);
  if (!fragment) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return parse(fragment);
}

/** Keeps an accepted transfer for a reload of this tab. */
export function remember({ code, host }) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ code, host }));
  } catch {
    // A browser that keeps nothing only loses the going on after a reload.
  }
}

/** The transfer that a reload interrupted; null where there is none. */
export function remembered() {
  try {
    const { code, host } = JSON.parse(sessionStorage.getItem(KEY));
    return typeof code === "string" ? { code, host: host ?? null } : null;
  } catch {
    return null;
  }
}

/** The transfer is over, one way or the other. */
export function forget() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Then nothing was kept either.
  }
}

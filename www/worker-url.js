// Where Workers are loaded from: relative, because the page may be hosted anywhere, and through Trusted Types where the
// browser has them.

const own = ["worker.js", "writer.js"].map((name) => new URL(name, import.meta.url).href);

const policy = globalThis.trustedTypes?.createPolicy("hayate", {
  createScriptURL: (wanted) => {
    if (!own.includes(wanted)) throw new TypeError("only the page's own Workers are trusted");
    return wanted;
  },
});

/** The address of a Worker of this page, for `new Worker`. */
export function workerUrl(name) {
  const url = new URL(name, import.meta.url).href;
  return policy ? policy.createScriptURL(url) : url;
}

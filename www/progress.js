// The progress bar and its figures: how much, how fast, how long still.

import { bytes, duration, percent } from "./quantity.js";
import { t } from "./strings.js";

/** The rate is that of the last 5 seconds. */
const WINDOW = 5_000;

/** Milliseconds between two drawings, at least; as often as the worker tells of more, which may be a little early. */
const DRAW_EVERY = 180;

export class Progress {
  #bar;
  #amount;
  #speed;
  #samples = [];
  #drawn = 0;

  constructor(bar, amount, speed) {
    this.#bar = bar;
    this.#amount = amount;
    this.#speed = speed;
  }

  /** Something goes on, nobody knows how far. */
  wait() {
    this.#samples = [];
    this.#drawn = 0;
    this.#amount.textContent = "";
    this.#speed.textContent = "";
    this.#unknown();
    this.#bar.removeAttribute("aria-valuetext");
  }

  /** `done` of `total` bytes; a `total` of null is not known. Returns the figures as text when it drew them, else null. */
  update(done, total) {
    const now = performance.now();
    this.#samples.push({ now, done });
    while (this.#samples.length > 2 && this.#samples[1].now < now - WINDOW) this.#samples.shift();
    const whole = total !== null && done >= total;
    if (now - this.#drawn < DRAW_EVERY && !whole) return null;
    this.#drawn = now;
    return total === null ? this.#drawUnknown(done) : this.#draw(done, total);
  }

  #draw(done, total) {
    const share = total > 0 ? Math.min(1, done / total) : 1;
    const rate = this.#rate();
    const left = rate ? this.#left((total - done) / rate) : "";
    this.#bar.classList.remove("unknown");
    this.#bar.style.setProperty("--done", share.toFixed(4));
    this.#bar.setAttribute("aria-valuenow", String(Math.floor(share * 100)));
    const amount = t("amountOf", { done: bytes(done), total: bytes(total) });
    const text = [percent(share), amount, left].filter(Boolean).join(", ");
    this.#bar.setAttribute("aria-valuetext", text);
    this.#amount.textContent = `${percent(share)} · ${amount}`;
    this.#speed.textContent = rate ? t("rateLeft", { rate: bytes(rate), left }) : "";
    return { text, percent: percent(share) };
  }

  #drawUnknown(done) {
    const rate = this.#rate();
    this.#unknown();
    this.#bar.setAttribute("aria-valuetext", bytes(done));
    this.#amount.textContent = bytes(done);
    this.#speed.textContent = rate ? t("rate", { rate: bytes(rate) }) : "";
    return { text: bytes(done), percent: bytes(done) };
  }

  #unknown() {
    this.#bar.classList.add("unknown");
    this.#bar.removeAttribute("aria-valuenow");
  }

  #left(seconds) {
    return seconds < 1 ? t("almost") : t("left", { time: duration(seconds) });
  }

  /** Bytes per second; 0 where it cannot be told yet. */
  #rate() {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    const span = last.now - first.now;
    return span < 500 ? 0 : ((last.done - first.done) * 1000) / span;
  }
}

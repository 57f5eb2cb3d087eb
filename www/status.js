// The one status region: a visible sentence about what is going on, and figures that only a screen reader gets, seldom.

/** Milliseconds between two figures read out loud. */
const DETAIL_EVERY = 15_000;

export class Status {
  #element;
  #sentence = document.createElement("span");
  #detail = document.createElement("span");
  #lastDetail = 0;

  constructor(element) {
    this.#element = element;
    this.#detail.className = "unseen";
    element.replaceChildren(this.#sentence, this.#detail);
  }

  get text() {
    return this.#sentence.textContent;
  }

  /** Says a sentence; `mood` ("calm", "busy", "moving", "good", "bad") colours the dot before it. */
  say(text, mood) {
    this.#element.dataset.mood = mood;
    if (this.text === text) return;
    this.#sentence.textContent = text;
    this.#detail.textContent = "";
    this.#lastDetail = performance.now();
  }

  /** Adds how far it is, at most every 15 seconds. */
  detail(text) {
    const now = performance.now();
    if (now - this.#lastDetail < DETAIL_EVERY) return;
    this.#lastDetail = now;
    this.#detail.textContent = ` ${text}`;
  }
}

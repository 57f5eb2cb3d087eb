// The field for the code phrase: an editable combobox (WAI-ARIA 1.2) that completes the word being typed.

import { complete, find, problem, unfinished } from "./code-phrase.js";
import { t } from "./strings.js";

const MOST_SHOWN = 6;
const MIN_LETTERS = 2;

export class CodeField {
  #input;
  #list;
  #note;
  #words = [];
  #active = -1;

  constructor(input, list, note) {
    this.#input = input;
    this.#list = list;
    this.#note = note;
    input.addEventListener("input", (event) => this.#typed(event));
    input.addEventListener("keydown", (event) => this.#pressed(event));
    input.addEventListener("blur", () => this.#close());
    // The field keeps the focus while something beside it is pressed: a list that closed on the way would move the
    // button away from under the finger, and the keyboard of a phone stays open.
    input.form.addEventListener("mousedown", (event) => {
      if (event.target !== input) event.preventDefault();
    });
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#take(option.dataset.word);
    });
    this.#tell(null);
  }

  /** The words that are completed; before they are known, nothing is completed or marked. */
  set words(words) {
    this.#words = words;
    if (this.#input.value) this.#tell(this.#problem(false));
  }

  get value() {
    return this.#input.value;
  }

  set value(code) {
    this.#input.value = code;
    this.#close();
    this.#tell(null);
  }

  /** Says what is wrong with the phrase as it stands; true where nothing is. */
  check() {
    this.#close();
    const wrong = this.#problem(true);
    this.#tell(wrong);
    return wrong === null;
  }

  /** Shows a sentence under the field, as a mistake. */
  complain(key) {
    this.#tell({ key });
  }

  focus() {
    this.#input.focus();
    this.#input.select();
  }

  #problem(whole) {
    return this.#words.length > 0 ? problem(this.#words, this.#input.value, whole) : null;
  }

  #typed(event) {
    const atEnd = this.#input.selectionStart === this.#input.value.length;
    if (atEnd && !event.isComposing && event.inputType === "insertText") this.#finishWord();
    const prefix = atEnd ? unfinished(this.#input.value) : "";
    const options = prefix.length >= MIN_LETTERS ? complete(this.#words, prefix) : [];
    if (options.length > 0 && options[0] !== prefix) this.#open(options.slice(0, MOST_SHOWN), prefix.length);
    else this.#close();
    this.#tell(this.#problem(false));
  }

  /** A separator after the only possible beginning of a word writes the rest of the word. */
  #finishWord() {
    const typed = this.#input.value;
    const separator = typed.at(-1);
    const prefix = unfinished(typed.slice(0, -1));
    if (!/[\s\-.,_]/.test(separator)) return;
    const word = find(this.#words, prefix);
    const numbered = /^\s*\d+$/.test(typed.slice(0, -1));
    if (word) this.#input.value = `${typed.slice(0, -1 - prefix.length)}${word}-`;
    else if (numbered) this.#input.value = `${typed.slice(0, -1)}-`;
  }

  #take(word) {
    const typed = this.#input.value;
    const before = typed.slice(0, typed.length - unfinished(typed).length);
    // Three words are the rule; the separator invites the next one only before that.
    const finished = before.split(/[\s\-_.,]+/).filter(Boolean).length >= 3;
    this.#input.value = `${before}${word}${finished ? "" : "-"}`;
    this.#close();
    this.#tell(this.#problem(false));
    this.#input.focus();
  }

  #pressed(event) {
    const options = this.#list.children;
    if (event.key === "Escape" && !this.#list.hidden) {
      event.preventDefault();
      this.#close();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !this.#list.hidden) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      const places = options.length + 1;
      this.#activate(((this.#active + 1 + step + places) % places) - 1);
    } else if ((event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) && this.#active >= 0) {
      event.preventDefault();
      this.#take(options[this.#active].dataset.word);
    }
  }

  #activate(index) {
    this.#active = index;
    for (const [place, option] of [...this.#list.children].entries()) option.setAttribute("aria-selected", String(place === index));
    if (index >= 0) this.#input.setAttribute("aria-activedescendant", this.#list.children[index].id);
    else this.#input.removeAttribute("aria-activedescendant");
  }

  #open(words, typed) {
    this.#list.replaceChildren(...words.map((word, index) => {
      const option = document.createElement("li");
      option.role = "option";
      option.id = `code-word-${index}`;
      option.dataset.word = word;
      const given = document.createElement("b");
      given.textContent = word.slice(0, typed);
      option.append(given, word.slice(typed));
      return option;
    }));
    this.#list.hidden = false;
    this.#input.setAttribute("aria-expanded", "true");
    this.#activate(-1);
  }

  #close() {
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#input.setAttribute("aria-expanded", "false");
    this.#activate(-1);
  }

  #tell(wrong) {
    this.#input.setAttribute("aria-invalid", String(wrong !== null));
    const text = wrong ? t(wrong.key, wrong.values) : t("codeHint");
    // The note is a live region only while it complains, so that a mistake is heard while typing.
    this.#note.setAttribute("aria-live", wrong ? "polite" : "off");
    if (this.#note.textContent !== text) this.#note.textContent = text;
  }
}

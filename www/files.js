// The list of received files. Rows are made as they are scrolled to, so that ten thousand files stay quick.

import { show } from "./file-name.js";
import { bytes } from "./quantity.js";
import { t } from "./strings.js";

const ROWS_AT_ONCE = 100;

export class FileList {
  #list;
  #end;
  #files = [];
  #onSave;
  #watch;

  /** `end` is an empty element after the list; whenever it comes into sight, more rows are made. */
  constructor(list, end, onSave) {
    this.#list = list;
    this.#end = end;
    this.#onSave = onSave;
    this.#watch = new IntersectionObserver(([entry]) => {
      if (entry.isIntersecting) this.#more();
    }, { rootMargin: "800px" });
  }

  show(files) {
    this.#files = files;
    this.#list.replaceChildren();
    this.#list.hidden = files.length === 0;
    this.#watch.disconnect();
    if (files.length > 0) this.#more();
  }

  #more() {
    const start = this.#list.children.length;
    const files = this.#files.slice(start, start + ROWS_AT_ONCE);
    this.#list.append(...files.map((file, index) => this.#row(file, start + index)));
    // Watching anew reports again where the end is still in sight.
    this.#watch.disconnect();
    if (this.#list.children.length < this.#files.length) this.#watch.observe(this.#end);
  }

  #row(file, index) {
    const row = document.createElement("li");
    row.setAttribute("aria-setsize", String(this.#files.length));
    row.setAttribute("aria-posinset", String(index + 1));
    const what = document.createElement("div");
    what.id = `file-${index}`;
    const name = document.createElement("span");
    const size = document.createElement("small");
    const slash = file.path.lastIndexOf("/");
    show(name, file.path.slice(slash + 1));
    size.textContent = bytes(file.size);
    what.append(name, size);
    if (slash > 0) {
      const folder = document.createElement("small");
      show(folder, file.path.slice(0, slash));
      what.append(folder);
    }
    const save = document.createElement("button");
    save.type = "button";
    save.textContent = t("save");
    save.setAttribute("aria-describedby", what.id);
    save.addEventListener("click", () => {
      this.#onSave(file);
      size.textContent = `${bytes(file.size)} · ${t("saved")}`;
    });
    row.append(what, save);
    return row;
  }
}

// What was received, and the ways to keep it.

import { quoted, show, visible } from "./file-name.js";
import { FileList } from "./files.js";
import { facts, isSeveral, showName } from "./offer.js";
import { bytes, number } from "./quantity.js";
import { canPickFolder, canShare, download, saveToFolder, share } from "./save.js";
import { t } from "./strings.js";
import { copyText } from "./text.js";

/** Milliseconds between two downloads, so that the browser takes them for several and not for one. */
const BETWEEN_DOWNLOADS = 400;

const MOST_SKIPPED_SHOWN = 200;

export class Done {
  #find;
  #status;
  #said = "";
  #result = null;
  #saved = true;
  /** Of several files those that were saved one by one. */
  #savedFiles = new Set();
  #list;

  constructor(find, status) {
    this.#find = find;
    this.#status = status;
    this.#list = new FileList(find("files"), find("files-end"), (file) => this.#saveOne(file));
    find("copy").addEventListener("click", () => this.#copy());
    find("save-one").addEventListener("click", () => this.#save(this.#result.files[0].blob, this.#result.files[0].name));
    find("save-all").addEventListener("click", () => this.#saveAll());
    find("save-folder").addEventListener("click", () => this.#saveFolder());
    find("share").addEventListener("click", () => this.#share());
  }

  /** Whether everything that matters has left the page. */
  get saved() {
    return this.#saved;
  }

  /** Shows a result; `said` is the sentence of the status region that goes with it. */
  show(result, said) {
    this.#result = result;
    this.#said = said;
    const text = result.kind === "text";
    const several = !text && (isSeveral(result.kind) || result.files.length > 1);
    this.#saved = text || result.files.length === 0;
    this.#savedFiles = new Set();
    const find = this.#find;
    find("done-lead").textContent = t("doneFile");
    if (text) find("done-title").textContent = t("doneText");
    else showName(find("done-title"), result);
    find("done-facts").textContent = facts(result);
    find("text-box").hidden = !text;
    find("text").textContent = text ? result.text ?? "" : "";
    find("copy").hidden = !text;
    find("save-one").hidden = text || several || result.files.length === 0;
    find("save-all").hidden = !several || result.files.length === 0;
    find("save-folder").hidden = find("save-all").hidden || !canPickFolder();
    find("share").hidden = text || !canShare(result.files);
    this.#note("");
    this.#list.show(several ? result.files : []);
    this.#showSkipped(result.skipped ?? []);
    find("hash").hidden = !result.blake3 || several;
    find("blake3").textContent = result.blake3 ?? "";
  }

  /** Lets go of everything received. */
  clear() {
    if (this.#result) this.show({ kind: "text", name: "", bytes: 0, files: [], text: "" }, "");
    this.#result = null;
    this.#saved = true;
  }

  #showSkipped(skipped) {
    this.#find("skipped").hidden = skipped.length === 0;
    this.#find("skipped-title").textContent = t("skipped", { count: skipped.length, n: number(skipped.length) });
    this.#find("skipped-list").replaceChildren(...skipped.slice(0, MOST_SKIPPED_SHOWN).map(({ path, why }) => {
      const row = document.createElement("li");
      const name = document.createElement("span");
      show(name, path);
      const reason = document.createElement("small");
      reason.textContent = visible(why);
      row.append(name, reason);
      return row;
    }));
  }

  #note(text) {
    this.#find("save-note").textContent = text;
    this.#find("save-note").hidden = text === "";
  }

  #save(blob, name, all = true) {
    download(blob, name);
    this.#saved ||= all;
    this.#status.say(t("statusSaved", { name: quoted(name), before: this.#said }), "good");
  }

  /** One of several: what is lost by starting over is asked about until none is missing. */
  #saveOne(file) {
    this.#savedFiles.add(file);
    this.#save(file.blob, file.name, this.#savedFiles.size === this.#result.files.length);
  }

  async #saveAll() {
    const { files, zip, zipName } = this.#result;
    if (zip) {
      this.#save(zip, zipName);
      return;
    }
    this.#note(t("savedSome"));
    for (const file of files) {
      this.#save(file.blob, file.name);
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_DOWNLOADS));
    }
  }

  async #saveFolder() {
    const { kind, name, files } = this.#result;
    // What lay in one directory at the sender lies in one here.
    const placed = kind === "directory" ? files.map((file) => ({ ...file, path: `${name}/${file.path}` })) : files;
    const button = this.#find("save-folder");
    button.disabled = true;
    try {
      const folder = await saveToFolder(placed, (index) => {
        if (index % 10 === 0) this.#note(t("savingFolder", { n: number(index + 1), count: number(files.length) }));
      });
      this.#saved = true;
      this.#note("");
      this.#status.say(t("savedFolder", { count: files.length, n: number(files.length), name: quoted(folder) }) + ` ${this.#said}`, "good");
    } catch (error) {
      // AbortError without a path: the person closed the picker again.
      const closed = error.name === "AbortError" && !error.path;
      this.#note(closed ? "" : t("folderFailed", { path: quoted(error.path ?? name), why: error.message }));
    }
    button.disabled = false;
  }

  async #share() {
    try {
      if (await share(this.#result.files)) this.#saved = true;
    } catch (error) {
      this.#note(t("shareFailed", { why: error.message }));
    }
  }

  async #copy() {
    if (await copyText(this.#find("text"))) this.#status.say(t("statusCopied", { before: this.#said }), "good");
    else this.#note(t("copyFailed"));
  }
}

import { watch } from "node:fs";
import { join } from "node:path";

/** Editors write a file in several steps. */
const SETTLE_MS = 100;
/** Hidden files, backups of editors, and tests. */
const IGNORED = /(^|\/)\.|~$|\.test\.ts$/;

/** Watches folders and passes the changed files to a handler, one burst of changes at a time. */
export class Changes {
  readonly #handle: (files: readonly string[]) => Promise<void>;
  readonly #files = new Set<string>();
  /** Settles when the bursts so far have been handled. The next burst waits for it. */
  #handled: Promise<unknown>;

  /** @param after the first burst waits for this promise */
  constructor(after: Promise<unknown>, handle: (files: readonly string[]) => Promise<void>) {
    this.#handled = after;
    this.#handle = handle;
  }

  watch(root: string, folders: readonly string[]): void {
    for (const folder of folders) {
      watch(join(root, folder), { recursive: true }, (_event, file) => {
        if (file && !IGNORED.test(file)) this.#add(join(folder, file));
      });
    }
  }

  /** Wait until an editor has probably written all of its files. */
  settle(): Promise<void> {
    return Bun.sleep(SETTLE_MS);
  }

  /** Drop the changes that have not been handled yet, if their file matches. */
  forget(pattern: RegExp): void {
    for (const file of this.#files) if (pattern.test(file)) this.#files.delete(file);
  }

  #add(file: string): void {
    if (this.#files.size === 0) {
      this.#handled = this.#handled
        .then(() => this.settle())
        .then(() => {
          const files = [...this.#files];
          this.#files.clear();
          return files.length === 0 ? undefined : this.#handle(files);
        });
    }
    this.#files.add(file);
  }
}

// What was decided and is not known to be stored. Each entry stands under its own key in the
// browser's storage from the moment of the key press until the server acknowledges it, so that a
// reload, a closed tab or a dead server loses nothing, and two tabs never write over each other.
//
// Entries keep a count of their own (`order`): the clock may be moved back.

const STORAGE = "hedgerow/1";
const MAX_SENT = 200;
const RETRY_MS = [1500, 3000, 6000, 8000];

/**
 * What the browser's storage would not take, by id: kept by the page itself as long as it is open.
 * Not by a desk, for Streamlit may take one off the page and put another there, as when a connection
 * breaks in the middle of a rerun.
 */
function keptByPage(name) {
  if (!globalThis.hedgerowKept) {
    globalThis.hedgerowKept = new Map();
    addEventListener("beforeunload", (event) => {
      if ([...globalThis.hedgerowKept.values()].some(({ size }) => size)) event.preventDefault();
    });
  }
  const kept = globalThis.hedgerowKept;
  if (!kept.has(name)) kept.set(name, new Map());
  return kept.get(name);
}

/** A random (version 4) UUID; crypto.randomUUID is missing where the page is not https. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}

class Outbox {
  constructor(store, reviewer) {
    this.home = `${STORAGE}/${encodeURIComponent(store)}/`;
    this.prefix = `${this.home}${encodeURIComponent(reviewer)}/`;
    this.savedKey = this.prefix.replace(STORAGE, `${STORAGE}-saved`);
    this.lastSaved = null;
    this.entries = new Map();
    this.unkept = keptByPage(this.prefix); // id -> entry
    this.refused = new Map();
    this.lastOrder = 0;
    this.adopt();
    this.readSaved();
  }

  /** The newest record known to be stored: {sequence, stored_at}; other tabs and reloads share it. */
  saved(stored) {
    if (this.lastSaved && stored.sequence <= this.lastSaved.sequence) return;
    this.lastSaved = stored;
    try {
      localStorage.setItem(this.savedKey, JSON.stringify(stored));
    } catch {
      // The receipt of this tab is right all the same.
    }
  }

  readSaved() {
    try {
      this.lastSaved = parsed(localStorage.getItem(this.savedKey)) ?? this.lastSaved;
    } catch {
      // No storage: nothing was shared.
    }
  }

  /** Take in what stands in storage: from before a reload, or from another tab or desk. */
  adopt() {
    for (const [id, entry] of this.unkept) {
      this.entries.set(id, entry);
      this.lastOrder = Math.max(this.lastOrder, entry.order);
    }
    for (const [key, value] of stored(this.prefix)) {
      const id = key.slice(this.prefix.length);
      if (this.entries.has(id)) continue;
      const entry = parsed(value);
      if (entry?.decision_id !== id) continue;
      this.entries.set(id, entry);
      this.lastOrder = Math.max(this.lastOrder, entry.order ?? 0);
    }
  }

  /** How many entries of other reviewers of this store wait in this browser, by name. */
  others() {
    const names = new Map();
    for (const [key] of stored(this.home)) {
      if (key.startsWith(this.prefix)) continue;
      const name = decodeURIComponent(key.slice(this.home.length).split("/")[0]);
      names.set(name, (names.get(name) ?? 0) + 1);
    }
    return names;
  }

  /** Keep an entry until it is acknowledged. */
  add(entry) {
    this.lastOrder = Math.max(this.lastOrder, this.storedOrder()) + 1;
    entry.order = this.lastOrder;
    this.entries.set(entry.decision_id, entry);
    this.keep(entry);
    return entry;
  }

  /**
   * Write an entry down. Where an earlier one found no room this one waits too: another tab sends
   * what it finds in storage, and would send it before what it cannot see.
   */
  keep(entry) {
    for (const { order } of this.unkept.values()) {
      if (order < entry.order) {
        this.unkept.set(entry.decision_id, entry);
        return;
      }
    }
    try {
      localStorage.setItem(`${this.prefix}${entry.decision_id}`, JSON.stringify(entry));
      localStorage.setItem(`${STORAGE}-order`, String(entry.order));
      this.unkept.delete(entry.decision_id);
    } catch {
      this.unkept.set(entry.decision_id, entry);
    }
  }

  /** Try again to write down what found no room. */
  keepAgain() {
    if (!this.unkept.size) return;
    for (const entry of this.inOrder()) if (this.unkept.has(entry.decision_id)) this.keep(entry);
  }

  storedOrder() {
    try {
      return Number(localStorage.getItem(`${STORAGE}-order`)) || 0;
    } catch {
      return 0;
    }
  }

  /** The server has it on disk. */
  acknowledge(id) {
    const was = this.entries.delete(id);
    this.unkept.delete(id);
    this.refused.delete(id);
    try {
      localStorage.removeItem(`${this.prefix}${id}`);
    } catch {
      // Storage that cannot be written holds nothing to remove.
    }
    return was;
  }

  /** Storage changed under another tab's hands: what it saw acknowledged, we need not send. */
  onStorage(event) {
    if (event.key === null) {
      for (const entry of this.entries.values()) this.keep(entry); // cleared: keep ours again
      return null;
    }
    if (event.key === this.savedKey) this.readSaved();
    if (!event.key.startsWith(this.prefix)) return null;
    const id = event.key.slice(this.prefix.length);
    if (event.newValue === null) {
      this.entries.delete(id);
      return null;
    }
    const entry = parsed(event.newValue);
    if (entry?.decision_id !== id || this.entries.has(id)) return null;
    this.entries.set(id, entry);
    this.lastOrder = Math.max(this.lastOrder, entry.order ?? 0);
    return entry;
  }

  /** What is to be sent, oldest first; refused entries stay behind until one asks again. */
  waiting() {
    return this.inOrder().filter((entry) => !this.refused.has(entry.decision_id));
  }

  inOrder() {
    return [...this.entries.values()].sort(
      (a, b) => a.order - b.order || (a.decision_id < b.decision_id ? -1 : 1),
    );
  }
}

/** [key, value] of everything in the browser's storage under a prefix. */
function stored(prefix) {
  const found = [];
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      if (key?.startsWith(prefix)) found.push([key, localStorage.getItem(key)]);
    }
  } catch {
    // No storage at all (a browser that blocks it): entries live in memory only.
  }
  return found;
}

function parsed(text) {
  try {
    const entry = JSON.parse(text);
    return entry && typeof entry === "object" ? entry : null;
  } catch {
    return null;
  }
}

/** Sends the outbox, and again until it is answered: at once, after a while, on a connection. */
class Courier {
  constructor(outbox, onChange) {
    this.outbox = outbox;
    this.onChange = onChange;
    this.nonce = 0;
    this.tries = 0;
    this.sentAt = 0;
    this.tab = uuid();
    this.extra = () => ({});
    this.set = null; // Streamlit's setStateValue, renewed with each run
    this.timer = null;
  }

  /** Send soon, after the next paint, so that nothing of it delays the next card. */
  sendSoon() {
    if (this.soon) return;
    this.soon = true;
    requestAnimationFrame(() =>
      setTimeout(() => {
        this.soon = false;
        this.send();
      }, 0),
    );
    // A page in the background paints nothing: then the frame never comes.
    if (document.visibilityState === "hidden") {
      this.soon = false;
      this.send();
    }
  }

  send() {
    clearTimeout(this.timer);
    this.outbox.keepAgain();
    const entries = this.outbox.waiting();
    if (this.set) {
      this.nonce += 1;
      this.sentAt = performance.now();
      this.set("outbox", {
        ...this.extra(),
        nonce: `${this.tab}:${this.nonce}`,
        entries: entries.slice(0, MAX_SENT),
      });
    }
    if (entries.length || this.isWanting?.()) {
      const wait = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)];
      this.tries += 1;
      this.timer = setTimeout(() => {
        this.outbox.adopt();
        this.send();
      }, wait);
    }
    this.onChange();
  }

  /** The server spoke: what is still waiting may go soon again. */
  onAnswer() {
    this.tries = 0;
    clearTimeout(this.timer);
    if (this.outbox.waiting().length || this.isWanting?.()) {
      this.timer = setTimeout(() => this.send(), RETRY_MS[0]);
    }
  }

  close() {
    clearTimeout(this.timer);
  }
}

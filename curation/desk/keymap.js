// Which key does what in this browser: the table of keys.js with what its reviewer has changed.
//
// The code names a key by what it is until somebody changes it: `keyWord("a")` is the key that
// accepts. So every action in KEYS can be changed, and whatever names a key (a cap, a shortcut, a
// sentence) says the one in use. What the browser's storage holds is read with suspicion.

const RESERVED = new Map([
  ["c", "Streamlit clears its caches with it"],
  ["r", "Streamlit runs the page again with it"],
  ["Escape", "it leaves a field and closes this sheet"],
  ["Enter", "it presses the button that has the focus"],
  ["Tab", "it moves the focus"],
  ["Dead", "it writes nothing before the next key"],
]);
/** Keys with a name of their own that neither the browser nor a screen reader needs. */
const NAMED = new Map([
  ["space", "space"],
  ["Backspace", "backspace"],
  ["Delete", "delete"],
  ["Insert", "insert"],
  ["ArrowLeft", "←"],
  ["ArrowRight", "→"],
]);
const CAPS = new Map([...NAMED, ["-", "−"], ["Escape", "esc"]]);
const ARIA_KEYS = new Map([
  ["+", "Plus"],
  ["space", "Space"],
]);
const ACTIONS = new Map(KEYS.filter(({ action }) => action).map((row) => [row.action, row]));
const ACTION_OF = new Map(
  [...ACTIONS.values()].flatMap(({ key, also = [], action }) =>
    [key, ...also].map((name) => [name, action]),
  ),
);

function capOf(name) {
  return CAPS.get(name) ?? name;
}

/** Why a key, named as keyName does, can be no action's; null where it can. */
function whyReserved(name) {
  if (name === null) return "That press is no key of its own: take one without Shift, Ctrl or Alt.";
  const why = /^[1-9]$/.test(name)
    ? "it rejects with that reason"
    : (RESERVED.get(name) ??
      (name.length > 1 && !NAMED.has(name) ? "the browser needs it" : undefined));
  return why === undefined ? null : `${capOf(name)} is reserved: ${why}.`;
}

/** action -> key from a line of text. Throws an Error that says what is wrong with it. */
function readKeys(line) {
  const said = parsed(line);
  if (said === null || typeof said !== "object" || Array.isArray(said))
    throw new Error('This is no line of keys: expected {"accept":"q"} or the like.');
  const own = new Map();
  for (const [action, name] of Object.entries(said)) {
    if (!ACTIONS.has(action)) throw new Error(`The desk has no action "${plain(action, 40)}".`);
    const isName = typeof name === "string" && (/^[!-~]$/.test(name) || NAMED.has(name));
    if (!isName || /[A-Z]/.test(name.length > 1 ? "" : name))
      throw new Error(`"${plain(String(name), 40)}" is no key for ${action}.`);
    const why = whyReserved(name);
    if (why) throw new Error(why);
    if ([...own.values()].includes(name))
      throw new Error(`${capOf(name)} stands there for two actions.`);
    own.set(action, name);
  }
  return own;
}

class Keymap {
  constructor() {
    this.load();
  }

  /** Take what the browser holds; what cannot be read leaves the keys as they are by default. */
  load() {
    this.own = new Map();
    try {
      const line = localStorage.getItem(`${STORAGE}-keys`);
      if (line) this.own = readKeys(line);
    } catch {
      // The defaults hold.
    }
    this.bind();
  }

  bind() {
    const taken = new Set(this.own.values());
    this.keys = new Map(); // action -> names of its keys
    this.bound = new Map(); // name -> {action, repeats, digit}
    for (let digit = 1; digit <= 9; digit++)
      this.bound.set(String(digit), { action: "reason", digit });
    for (const [action, { key, also = [], repeats = false }] of ACTIONS) {
      // A default that came with a newer desk gives way to what the reviewer had chosen before.
      const names = this.own.has(action)
        ? [this.own.get(action)]
        : [key, ...also].filter((name) => !taken.has(name));
      this.keys.set(action, names);
      for (const name of names) this.bound.set(name, { action, repeats });
    }
  }

  /** Give an action this key and no other; why not, where it is refused. `says`: action -> words. */
  change(action, name, says) {
    const why = whyReserved(name);
    if (why) return why;
    const holder = this.bound.get(name)?.action ?? action;
    if (holder !== action)
      return `${capOf(name)} is taken: ${says(holder)}. Give that another key first.`;
    const { key, also = [] } = ACTIONS.get(action);
    if (name === key && !also.length) this.own.delete(action);
    else this.own.set(action, name);
    this.keep();
    return null;
  }

  reset() {
    this.own.clear();
    this.keep();
  }

  /** What was changed, as a line that another browser takes. */
  get line() {
    return JSON.stringify(Object.fromEntries([...this.own].sort()));
  }

  /** Take such a line; the actions that no key is left for. Throws an Error that says what is wrong. */
  take(line) {
    this.own = readKeys(line);
    this.keep();
    return [...this.keys].filter(([, names]) => !names.length).map(([action]) => action);
  }

  keep() {
    prefer("keys", this.line);
    this.bind();
  }

  /** The keys of an action as the sheet shows them. */
  shown(action) {
    const { key, also = [], shown } = ACTIONS.get(action);
    const names = this.keys.get(action);
    const isDefault = names.length === 1 + also.length && names[0] === key;
    return isDefault && shown ? shown : names.map(capOf).join(" or ") || "no key";
  }
}

const keymap = new Keymap();

/** Today's names of the key that is `name` by default: its own, or those of its action. */
function namesNow(name) {
  const names = keymap.keys.get(ACTION_OF.get(name));
  return !names || names.includes(name) ? [name] : names;
}

/** What stands on the cap of the key that is `name` by default; a dash where no key is left. */
function keyWord(name) {
  return namesNow(name).map(capOf)[0] ?? "–";
}

/** A sentence with keys, each named by its default in braces: `{u} takes it back`. */
function keyed(text) {
  return text.replace(/\{([^{}]+)\}/g, (_, name) => keyWord(name));
}

/** The value of aria-keyshortcuts for keys named by their defaults, with spaces between. */
function ariaKeys(names) {
  const now = String(names).split(" ").flatMap(namesNow);
  return [...new Set(now)].map((name) => ARIA_KEYS.get(name) ?? name).join(" ");
}

/** Name the keys anew on everything under `root` that `el` and `keycap` made. */
function relabel(root) {
  for (const cap of root.querySelectorAll("kbd[data-key]"))
    cap.textContent = keyWord(cap.dataset.key);
  for (const node of root.querySelectorAll("[data-keys]"))
    node.setAttribute("aria-keyshortcuts", ariaKeys(node.dataset.keys));
}

// Keys: which press means what, and when a press is none of the desk's business.

const KEYS = [
  { key: "a", action: "accept" },
  { key: "x", action: "reject" },
  { key: "space", action: "skip", shown: "space" },
  { key: "f", action: "flag" },
  {
    key: "u",
    also: ["Backspace"],
    action: "undo",
    says: "undo the last decision, again and again",
    shown: "u or backspace",
  },
  { key: "1-9", says: "the same as {x}, with that reason" },
  { key: "t", action: "note", says: "write a note" },
  { key: "d", action: "directive", says: "write a directive: how the trace should change" },
  {
    key: "e",
    action: "edit",
    says: "edit the trace: Ctrl or ⌘ and Enter accepts it so, esc keeps a draft",
  },
  { key: "Escape", says: "leave a field, close this sheet", shown: "esc" },
  { key: "j", action: "stepNext", says: "next step", repeats: true },
  { key: "k", action: "stepBack", says: "previous step", repeats: true },
  {
    key: "+",
    also: ["=", "g"],
    action: "stepGood",
    says: "this step is good; the same key again takes it back",
    shown: "+ or g",
  },
  { key: "0", action: "stepNeutral", says: "this step is neither good nor bad" },
  { key: "-", also: ["b"], action: "stepBad", says: "this step is bad", shown: "− or b" },
  {
    key: "s",
    action: "span",
    says: "label the selected words, else the token or step; digits choose the label, esc leaves",
  },
  { key: "y", action: "confidence", says: "how sure you are: unsure, fairly sure, sure, not said" },
  { key: ".", action: "tokenNext", says: "next token, with its exact values", repeats: true },
  { key: ",", action: "tokenBack", says: "previous token", repeats: true },
  {
    key: "n",
    also: ["ArrowRight"],
    action: "cardNext",
    says: "next card, undecided",
    shown: "n or →",
  },
  { key: "p", also: ["ArrowLeft"], action: "cardBack", says: "previous card", shown: "p or ←" },
  { key: "h", action: "heat", says: "heatmap: off, surprisal, rank, entropy, hedges, privilege" },
  { key: "m", action: "markers", says: "markers on or off" },
  { key: "w", action: "view", says: "rendered Markdown and formulas, or the exact text" },
  { key: "[", action: "textSmaller", says: "smaller text", repeats: true },
  { key: "]", action: "textLarger", says: "larger text", repeats: true },
  {
    key: "l",
    action: "beside",
    says: "open the other traces of this problem beside this one, in a tab of their own",
  },
  { key: "v", action: "reveal", says: "show the scores of a card that hides them (blind first)" },
  { key: "i", action: "guide", says: "the guidelines: what reviewers go by" },
  { key: "?", action: "sheet", says: "this sheet" },
];

/** What a blind desk does not do: it shows nothing but the text. */
const SIGHTED = new Set(["heat", "markers", "tokenNext", "tokenBack", "directive", "reveal", "beside"]);
/** What a card that hides its scores does not do. */
const SCORED = new Set(["heat", "markers", "tokenNext", "tokenBack"]);

/** Whether a question is about the trace as training text: then its steps are judged too. */
function isAboutTraining(question) {
  return question === "train";
}

/** What the keys beside the letters write where the layout is Latin. */
const SIGNS = new Map([
  ["BracketLeft", "["],
  ["BracketRight", "]"],
  ["Semicolon", ";"],
  ["Quote", "'"],
  ["Backslash", "\\"],
  ["Backquote", "`"],
]);

/**
 * The name of the key pressed, whatever the layout; null when it cannot be one of ours.
 *
 * What the key writes counts where it writes a Latin letter, a digit, `? . , +`, or another sign of
 * ASCII without Shift; else the key's place (a Russian А-key, the German Ü where [ is, the unshifted
 * digit row of a French keyboard, where - lies on the 6).
 */
function keyName(event) {
  if (event.isComposing || event.keyCode === 229) return null;
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  if (event.getModifierState?.("AltGraph")) return null;
  const { key, code, shiftKey } = event;
  // With shift, arrows select text.
  if (key.length > 1) return shiftKey && key.startsWith("Arrow") ? null : key;
  if (key === " ") return shiftKey ? null : "space";
  if (/[a-z]/i.test(key)) return shiftKey ? null : key.toLowerCase();
  if (/[0-9?.,]/.test(key)) return key;
  if (key === "+" && (shiftKey || !code.startsWith("Digit"))) return key;
  if (/[!-/:-@[-`{-~]/.test(key) && !shiftKey && !code.startsWith("Digit")) return key;
  if (shiftKey) return code === "Slash" && key > "\u007f" ? "?" : null;
  const place = /^(?:Key([A-Z])|Digit([0-9]))$/.exec(code);
  if (place?.[2]) return place[2];
  return key > "\u007f" ? (place?.[1].toLowerCase() ?? SIGNS.get(code) ?? null) : null;
}

const TYPING_ROLES = new Set([
  "textbox",
  "searchbox",
  "combobox",
  "listbox",
  "option",
  "slider",
  "spinbutton",
  "menu",
  "menuitem",
  "grid",
  "gridcell",
  "tree",
  "treeitem",
  "radiogroup",
  "radio",
  "tab",
]);

function isTypingPlace(node) {
  return (
    ["INPUT", "TEXTAREA", "SELECT", "IFRAME", "CANVAS"].includes(node.tagName) ||
    node.isContentEditable ||
    TYPING_ROLES.has(node.getAttribute("role"))
  );
}

function isPressable(node) {
  return (
    ["BUTTON", "A", "SUMMARY", "LABEL", "VIDEO", "AUDIO"].includes(node.tagName) ||
    ["button", "link", "switch", "checkbox"].includes(node.getAttribute("role"))
  );
}

/**
 * Whether a modal dialog that is not ours stands before the page. Streamlit's word on a lost connection
 * is none: it stands for moments longer than the loss, and a key pressed then would be lost too.
 */
function isModalOpen() {
  const open = document.querySelectorAll(
    '[role="dialog"][aria-modal="true"], [data-testid="stDialog"]',
  );
  return [...open].some(
    (dialog) => dialog.checkVisibility() && !dialog.textContent.includes("Connection error"),
  );
}

/**
 * What a press asks of the desk under `root`: {action, digit}, or null when it is not for us.
 *
 * The event comes through shadow roots, so where it happened is its composed path. Letters work
 * from anywhere that takes no text; keys that move or press things belong to what has the focus.
 */
function commandOf(event, root) {
  if (event.defaultPrevented) return null;
  const name = keyName(event);
  const bound = name === null ? undefined : keymap.bound.get(name);
  if (!bound || (event.repeat && !bound.repeats)) return null;
  const path = event.composedPath().filter((node) => node instanceof Element);
  if (path.some(isTypingPlace)) return null;
  const isInside = path.includes(root);
  if (name === "space" && path.some(isPressable)) return null;
  if (!isInside && name.length > 1 && path.some(isPressable)) return null;
  // Streamlit says with a modal that it lost the server: the desk works on without one.
  if (!root.checkVisibility() || (isModalOpen() && isConnected())) return null;
  return bound;
}

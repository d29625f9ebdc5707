// Untrusted text to nodes. Text enters the page as text nodes and nothing else; characters that
// are invisible or that reorder what follows are replaced by small badges that name them, so that
// no trace can rearrange the desk around it.

const EPISTEMIC = ["hedge", "reflection", "alternative", "verification", "retrospective"];
const CATEGORIES = [...EPISTEMIC, "booster", "evidential", "privilege"];

/** An element with attributes (`on…` are handlers) and children; strings become text nodes. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node[name] = value;
    else if (name === "aria-keyshortcuts") {
      node.dataset.keys = value; // as they are by default; `relabel` names them anew
      node.setAttribute(name, ariaKeys(value));
    } else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat())
    if (child !== null && child !== undefined) node.append(child);
  return node;
}

const ICONS = {
  accept: "M3 8.5l3.2 3.2L13 4.8",
  reject: "M4 4l8 8M12 4l-8 8",
  skip: "M4 4l4 4-4 4M8.5 4l4 4-4 4",
  flag: "M4.5 14V2.5h7l-2 3 2 3h-7",
  left: "M10 3.5L5 8l5 4.5",
  right: "M6 3.5L11 8l-5 4.5",
  tie: "M3 6h10M3 10h10",
  one: "M5.8 5.2L8.5 3.2v9.6",
  two: "M5.4 5.6a2.6 2.6 0 015.2 0c0 2.3-5.2 4.4-5.2 7.2h5.4",
  three: "M5.4 3.4h5.2L7.9 7a2.9 2.9 0 11-2.7 4",
  four: "M9.6 12.8V3.2L5 9.8h6.4",
  undo: "M6 4L3 7l3 3M3 7h6.5a3.5 3.5 0 010 7H7",
  edit: "M3 13l.7-3L11 2.8 13.2 5 6 12.3 3 13zM9.5 4.3l2.2 2.2",
};

/** A small drawing of a verdict or choice, hidden from screen readers. */
function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// C0 and C1 controls but tab, newline and the CR of CRLF; soft hyphen; joiners and fillers without
// ink; line and paragraph separators; bidi marks, embeddings, overrides and isolates; tags;
// surrogates without a partner.
const HIDDEN = new RegExp(
  "[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160" +
    "\\u17b4\\u17b5\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0" +
    "\\ufff9-\\ufffb]|\\r(?!\\n)|\\udb40[\\udc00-\\udc7f]" +
    "|[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]",
  "g",
);

const NAMES = {
  "00AD": "soft hyphen",
  "061C": "Arabic letter mark",
  "200B": "zero-width space",
  "200C": "zero-width non-joiner",
  "200D": "zero-width joiner",
  "200E": "left-to-right mark",
  "200F": "right-to-left mark",
  2028: "line separator",
  2029: "paragraph separator",
  "202A": "left-to-right embedding",
  "202B": "right-to-left embedding",
  "202C": "pop directional formatting",
  "202D": "left-to-right override",
  "202E": "right-to-left override",
  2060: "word joiner",
  2066: "left-to-right isolate",
  2067: "right-to-left isolate",
  2068: "first strong isolate",
  2069: "pop directional isolate",
  FEFF: "byte order mark",
};

// Each is asked of one character: V8 of Chromium 156 misses an astral character in `[class]$`.
const PICTURE = /\p{Extended_Pictographic}/u;
const PICTURE_TAIL = /\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f/u;
const JOINING = /(?!\p{Script=Latin})[\p{L}\p{M}]/u;
const FLAG_TAGS = /\ud83c\udff4(?:\udb40[\udc00-\udc7f])*$/;

/** Whether a joiner or tag does honest work: inside an emoji, a flag, a script that joins. */
function isHonest(text, at, length) {
  const before = text.slice(Math.max(0, at - 24), at);
  if (length === 2) return FLAG_TAGS.test(before);
  const code = text.charCodeAt(at);
  if (code !== 0x200c && code !== 0x200d) return false;
  const last = [...before].at(-1) ?? "";
  const next = [...text.slice(at + length, at + length + 2)][0] ?? "";
  if (code === 0x200d && PICTURE_TAIL.test(last) && PICTURE.test(next)) return true;
  return JOINING.test(last) && JOINING.test(next);
}

/** Call `onText(piece)` and `onHidden(hex)` for the pieces of `text[from:to]`, in order. */
function eachPiece(text, from, to, onText, onHidden) {
  HIDDEN.lastIndex = from;
  let done = from;
  for (let found = HIDDEN.exec(text); found && found.index < to; found = HIDDEN.exec(text)) {
    const length = found[0].length;
    const at = found.index;
    if (isHonest(text, at, length)) continue;
    if (at > done) onText(text.slice(done, at));
    onHidden(text.codePointAt(at).toString(16).toUpperCase().padStart(4, "0"));
    done = at + length;
    HIDDEN.lastIndex = done;
  }
  if (to > done) onText(text.slice(done, to));
}

/** Append `text[from:to]` to `parent` as text, what is hidden in it shown as badges. */
function appendText(parent, text, from = 0, to = text.length) {
  eachPiece(
    text,
    from,
    to,
    (piece) => parent.append(piece),
    (hex) =>
      parent.append(
        el("span", {
          class: "hidden-char",
          "data-u": `U+${hex}`,
          role: "img",
          "aria-label": `U+${hex} ${NAMES[hex] ?? "control character"}`,
          title: `U+${hex} ${NAMES[hex] ?? "control character"}`,
        }),
      ),
  );
  return parent;
}

/** `text` with what is hidden in it written out: for labels and titles, which hold no elements. */
function plain(text, limit = 120) {
  let out = "";
  const cut = text.length > limit ? text.slice(0, limit) : text;
  eachPiece(
    cut,
    0,
    cut.length,
    (piece) => (out += piece),
    (hex) => (out += `⟨U+${hex}⟩`),
  );
  return text.length > limit ? `${out}…` : out;
}

/** A block of untrusted text whose direction is its own affair. */
function textBlock(text, attributes = {}) {
  return appendText(
    el("div", { dir: "auto", ...attributes, class: `text ${attributes.class ?? ""}` }),
    text,
  );
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// Letters and ideographs that never join what stands before them: no need to ask the segmenter.
const LETTERS =
  "\u00a1-\u02ff\u0391-\u03ff\u0400-\u0482\u048a-\u052f\u05d0-\u05ea\u0621-\u063a" +
  "\u0641-\u064a\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff\uac00-\ud7a3";
const STANDS_ALONE = new RegExp(`[\\u0020-\\u007e${LETTERS}\\uff01-\\uff60]`);
const NEVER_JOINS = new RegExp(`[\\u0000-\\u00a0${LETTERS}\\u3001-\\u303f]`);

/** Whether the character at `at` is a picture or a rare ideograph behind another such. */
function isPicturePair(text, at) {
  const before = at > 1 ? text.codePointAt(at - 2) : 0;
  return isPlainPicture(before) && isPlainPicture(text.codePointAt(at));
}

function isPlainPicture(code) {
  return (
    (code >= 0x1f300 && code <= 0x1faff && !(code >= 0x1f3fb && code <= 0x1f3ff)) ||
    (code >= 0x20000 && code <= 0x3ffff)
  );
}

/** Whether `text` may be cut at `at` without tearing what a reader sees as one character. */
function isCut(text, at) {
  if (at <= 0 || at >= text.length) return true;
  if (text[at - 1] === "\r" && text[at] === "\n") return false;
  if (STANDS_ALONE.test(text[at]) && NEVER_JOINS.test(text[at - 1])) return true;
  if (isPicturePair(text, at)) return true;
  // A window is enough, but it must not begin inside a cluster itself: back to plain ground.
  let from = at - 1;
  while (from > 0 && at - from < 64 && !/[\u0000-\u007f]/.test(text[from])) from--;
  const window = text.slice(from, at + 32);
  return segmenter.segment(window).containing(at - from).index === at - from;
}

/** The nearest place at or after `at` where `text` may be cut. */
function nextCut(text, at) {
  while (at < text.length && !isCut(text, at)) at++;
  return Math.min(at, text.length);
}

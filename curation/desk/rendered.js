// The rendered view: what the server made of a card's Markdown and formulas, beside the exact text.
//
// The server has sanitised it. Here it is read into a document that runs and loads nothing, and
// copied from there element by element through the same lists (RENDERED, which comes with the code):
// whatever is not in them becomes its text. Asked for only while this view is on.

const RENDERED_AHEAD = 2; // cards behind the one on screen whose rendering is fetched with it
const HTML_SPACE = "http://www.w3.org/1999/xhtml";
const MATH_SPACE = "http://www.w3.org/1998/Math/MathML";
const MAX_RICH_DEPTH = 400;
const RICH_HTML = new Set(RENDERED.html);
const RICH_MATH = new Set(RENDERED.math);
const RICH_CLASSES = new Set(RENDERED.classes);

/** Nodes of sanitised HTML; nothing of `html` itself enters the page. */
function richNodes(html) {
  const inert = new DOMParser().parseFromString(html, "text/html");
  const nodes = document.createDocumentFragment();
  copyRich(inert.body, nodes, 0);
  return nodes;
}

function copyRich(from, to, depth) {
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) appendText(to, child.data);
    if (child.nodeType !== Node.ELEMENT_NODE) continue;
    const copy = depth < MAX_RICH_DEPTH ? richElement(child) : null;
    if (copy) {
      copyRich(child, copy, depth + 1);
      to.append(copy);
    } else appendText(to, child.textContent);
  }
}

/** A new element of the same name with what is listed of its attributes; null if it is not listed. */
function richElement({ localName: tag, namespaceURI: space, attributes }) {
  const isListed =
    (space === HTML_SPACE && RICH_HTML.has(tag)) || (space === MATH_SPACE && RICH_MATH.has(tag));
  if (!isListed) return null;
  const copy = document.createElementNS(space, tag);
  for (const { name, value } of attributes) {
    if (name === "class") {
      const ours = value.split(/\s+/).filter((one) => RICH_CLASSES.has(one));
      if (ours.length) copy.setAttribute("class", ours.join(" "));
    } else if (RENDERED.attributes[tag]?.includes(name) && /^[a-z0-9.]{1,12}$/.test(value))
      copy.setAttribute(name, value);
  }
  return copy;
}

class RenderedView {
  constructor(parts, deck, send) {
    this.parts = parts;
    this.deck = deck;
    this.send = send;
    this.known = new Map(); // trace id -> {prompt, steps, why_not}
    this.isOn = preference("view", ["exact", "rendered"], "exact") === "rendered";
    this.paint(null);
  }

  /** Traces whose rendering is to be fetched: the one on screen and those that come next. */
  wishes(shown) {
    if (!this.isOn) return [];
    const next = this.deck.open().filter((id) => id !== shown);
    return [shown, ...next.slice(0, RENDERED_AHEAD)].filter((id) => id && !this.known.has(id));
  }

  isWanting(shown) {
    return this.isOn && Boolean(shown) && !this.known.has(shown) && this.deck.cards.has(shown);
  }

  receive(renderings, shown, trace) {
    for (const [id, rendering] of Object.entries(renderings ?? {})) {
      if (this.known.has(id)) continue;
      this.known.set(id, rendering);
      if (id === shown) this.show(id, trace);
    }
    for (const id of [...this.known.keys()].slice(0, -HOLD)) if (id !== shown) this.known.delete(id);
  }

  toggle(id, trace) {
    this.isOn = !this.isOn;
    prefer("view", this.isOn ? "rendered" : "exact");
    this.show(id, trace);
    return this.isOn ? "Rendered view" : "Exact text";
  }

  /** Put the rendering of the card on screen beside its exact text, if this view is on. */
  show(id, trace) {
    const rendering = id ? this.known.get(id) : undefined;
    this.paint(id ? rendering : null);
    if (!this.isOn || !id) return;
    if (!rendering) {
      this.send();
      return;
    }
    for (const [i, item] of (trace.leaf?.items ?? []).entries())
      this.place(item.querySelector(".body"), rendering.steps?.[i]);
    this.place(this.parts.problem.querySelector(".prompt"), rendering.prompt);
  }

  /** Before a block of exact text, its rendering, once. */
  place(exact, html) {
    if (!exact || typeof html !== "string") return;
    if (exact.previousElementSibling?.classList.contains("rich")) return;
    const rich = el("div", { class: "rich", dir: "auto" });
    rich.append(richNodes(html));
    exact.before(rich);
  }

  /** Say which view is on; `rendering`: of the card on screen, undefined while it is fetched. */
  paint(rendering) {
    const { root, view, viewNote } = this.parts;
    root.dataset.view = this.isOn ? "rendered" : "exact";
    view.setAttribute("aria-pressed", String(this.isOn));
    viewNote.hidden = !this.isOn || rendering === null;
    viewNote.textContent =
      rendering === undefined
        ? "Exact text, until its rendering is here."
        : rendering?.why_not
          ? `Not rendered. ${rendering.why_not}`
          : keyed("Rendered. Heat, markers and tokens stand on the exact text: {w}.");
  }
}

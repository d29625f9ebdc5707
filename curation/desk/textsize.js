// How large the trace and the problem are written: five sizes, kept by the browser.

const TEXT_SIZES = ["0.875", "1", "1.15", "1.35", "1.6"];

/** The two buttons, by action; `press(action, event)` is called. */
function sizeButtons(press) {
  const made = (action, key, sign, says) =>
    button(
      { class: "segment", "aria-keyshortcuts": key },
      (event) => press(action, event),
      sign,
      unseen(says),
    );
  return {
    textSmaller: made("textSmaller", "[", "A−", " smaller text"),
    textLarger: made("textLarger", "]", "A+", " larger text"),
  };
}

class TextSize {
  constructor(root, buttons) {
    this.root = root;
    this.buttons = buttons; // action -> its button
    this.size = preference("text-size", TEXT_SIZES, "1");
    this.paint();
  }

  /** One size larger (1) or smaller (-1); what is so now, in words. */
  step(by) {
    const at = TEXT_SIZES.indexOf(this.size) + by;
    if (TEXT_SIZES[at] === undefined) return `This is the ${by > 0 ? "largest" : "smallest"} text.`;
    this.size = prefer("text-size", TEXT_SIZES[at]);
    this.paint();
    return `Text size ${at + 1} of ${TEXT_SIZES.length}`;
  }

  paint() {
    const at = TEXT_SIZES.indexOf(this.size);
    this.root.style.setProperty("--text-scale", this.size);
    this.root.dataset.textSize = String(at + 1);
    for (const [action, node] of Object.entries(this.buttons)) {
      const isEnd = at === (action === "textLarger" ? TEXT_SIZES.length - 1 : 0);
      node.setAttribute("aria-disabled", String(isEnd));
    }
  }
}

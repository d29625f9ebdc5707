// The parts of the desk for pairs around its two texts. Each takes data and fills its place.

/** What a key of the desk does here, where that is not what it does there. */
const PAIR_SAYS = {
  skip: "neither is better: a tie",
  flag: "flag the pair: somebody should look at it",
  undo: "undo the last choice, again and again",
  note: "write a note",
  stepNext: "next step; where linked, the other side goes along",
  stepBack: "previous step",
  cardNext: "next pair, undecided",
  cardBack: "previous pair",
  markers: "mark what differs, or not",
  beside: "scroll and step both sides together, or each on its own",
  reveal: "show teachers, contexts and scores of this pair",
  guide: "the guidelines: what reviewers go by",
  textSmaller: "smaller text",
  textLarger: "larger text",
  sheet: "this sheet",
};

/** What the desk for pairs shows and says. */
const PAIRS = {
  title: "Two traces side by side",
  names: ["left", "right"],
  shown: [
    { said: "left", key: "1" },
    { said: "tie", key: "space" },
    { said: "flag", key: "f" },
    { said: "right", key: "2" },
  ],
  words: PAIR_WORDS,
  says: PAIR_SAYS,
  digits: [
    { key: "1", says: "left is better" },
    { key: "2", says: "right is better" },
  ],
  undoes: "choice",
  tools: [],
};

/** The rows of the key sheet: digits first, then what `says` knows. */
function choiceKeys(digits, says) {
  return [...digits, ...KEYS.filter(({ action, key }) => action in says || key === "Escape")];
}

/** The empty desk for traces side by side: every place that is filled later, by name. */
function sidesSkeleton(act, sides, { title, shown, words, undoes, tools }) {
  const parts = {};
  const part = (name, node) => (parts[name] = node);
  const press = (attributes, action, ...children) =>
    button(attributes, ({ detail }) => act(action, { isPointer: detail > 0 }), ...children);
  const toggle = (name, key, action, label) =>
    part(
      name,
      press(
        { class: "segment", "aria-pressed": "false", "aria-keyshortcuts": key },
        action,
        label,
        keycap(key),
      ),
    );
  const choices = shown.map(({ said, key }) =>
    press(
      { class: `verdict ${said}`, "data-said": said, "aria-keyshortcuts": key },
      said,
      ...(SIDES[said]?.heading === key ? [] : [icon(said)]), // its number stands on it twice already
      el("span", {}, words[said][0]),
      keycap(key),
    ),
  );
  parts.choices = choices;
  const sizes = sizeButtons((action, { detail }) => act(action, { isPointer: detail > 0 }));
  Object.assign(parts, sizes);
  parts.root = el(
    "div",
    { class: shown.length > 4 ? "desk pairs groups" : "desk pairs", "data-phase": "fetching" },
    el(
      "header",
      { class: "top" },
      el("h2", { class: "unseen" }, title),
      part("why", el("p", { class: "why" })),
      el(
        "div",
        { class: "tools" },
        part("share", el("span", { class: "dim share" })),
        toggle("diff", "m", "markers", "differences"),
        toggle("linked", "l", "beside", "linked"),
        ...tools.map(([name, key, action, label]) => toggle(name, key, action, label)),
        toggle("open", "v", "reveal", "who wrote it"),
        el("div", { class: "segments sizes", role: "group", "aria-label": "Text size" }, ...Object.values(sizes)),
        press(
          { class: "segment", "aria-keyshortcuts": "?", "aria-haspopup": "dialog" },
          "sheet",
          "keys",
          keycap("?"),
        ),
      ),
    ),
    part(
      "problem",
      el("section", { class: "problem", "aria-label": "Problem and reference", tabindex: "0" }),
    ),
    part("banner", el("div", { class: "banner", hidden: true })),
    part("sides", el("div", { class: "sides" }, ...sides)),
    part("notice", el("div", { class: "notice", hidden: true })),
    el(
      "section",
      { class: "choosing", "aria-label": "Which is better" },
      ...choices,
      part(
        "undo",
        press(
          { class: "undo quiet", "aria-keyshortcuts": "u Backspace" },
          "undo",
          icon("undo"),
          el("span", {}, "Undo last", unseen(` ${undoes}`)),
          keycap("u"),
        ),
      ),
      el(
        "label",
        { class: "field" },
        el("span", { class: "label" }, "Note", keycap("t")),
        part(
          "note",
          el("textarea", {
            rows: 1,
            maxlength: 20000,
            placeholder: "why this one",
            "aria-keyshortcuts": "t",
            spellcheck: "true",
          }),
        ),
      ),
    ),
    el(
      "footer",
      { class: "foot" },
      part("progress", el("div", { class: "progress" })),
      part(
        "recent",
        el("div", { class: "recent", role: "group", "aria-label": "Your last choices" }),
      ),
      part("guideButton", guideButton(act)),
      part("receipt", el("div", { class: "receipt", role: "status", "aria-live": "polite" })),
    ),
    part("spoken", el("div", { class: "spoken", "aria-live": "polite" })),
    part("sheet", el("dialog", { class: "sheet", "aria-labelledby": "keys-title" })),
    part("guide", guidePanel()),
  );
  return parts;
}

/** Prompt and reference answer: what both traces are about. */
function paintPairProblem(place, card) {
  if (!card) {
    place.replaceChildren();
    return;
  }
  place.replaceChildren(
    fact("Prompt", textBlock(card.prompt, { class: "prompt" })),
    fact(
      "Reference answer",
      card.reference_answer === null
        ? el("p", { class: "dim" }, "none given")
        : textBlock(card.reference_answer, { class: "answer" }),
    ),
  );
}

/** Above a side: whose it is and its numbers, or that they are hidden. */
function paintAbout(place, name, side, isOpen) {
  const head = el("h3", { class: "label" }, SIDES[name].heading);
  if (!side || !isOpen) {
    place.replaceChildren(
      head,
      el("span", { class: "dim" }, side ? "teacher, context and scores hidden" : ""),
    );
    return;
  }
  const { about } = side;
  place.replaceChildren(
    head,
    appendText(el("b", { dir: "auto" }), about.teacher, 0, Math.min(about.teacher.length, 80)),
    el("span", { class: "badge", "data-context": about.context.name }, about.context.name),
    el("span", { class: "dim" }, about.context.says),
    el("span", { class: `badge ${about.match.state}`, title: about.match.says }, MATCH[about.match.state]),
    ...about.numbers.map(([label, value, unit]) =>
      el("span", { class: "number-of" }, `${label} `, el("b", {}, String(value)), unit ? ` ${unit}` : ""),
    ),
    ...(about.numbers.length ? [] : [el("span", { class: "dim" }, "no scores yet")]),
  );
}

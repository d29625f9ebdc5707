// A trace under a steered student: each token tinted by its shift in nats, a line telling the sign
// without any colour. One token is chosen (pointer, arrow keys, or a button of the most changed
// places), and its likeliest alternatives before and after stand below. Text nodes only.

const MOST_SHIFT = 3; // nats that get the full tint
const N_CHANGED = 8;

export default function ({ data, parentElement }) {
  const made = (tag, name, words) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (words !== undefined) node.textContent = words;
    return node;
  };
  const signed = (nats) => (nats > 0 ? "+" : nats < 0 ? "−" : "") + Math.abs(nats).toFixed(2);
  const percent = (nats) => (100 * Math.exp(nats)).toFixed(1) + " %";
  const seen = (words) => JSON.stringify(words);

  const box = made("div", "steered");
  const legend = made("p", "legend");
  legend.append(
    made("span", "up", "likelier when steered"), " ",
    made("span", "down", "less likely"), " ", "the stronger the tint, the more (3 nats: full)",
  );
  const changed = made("p", "changed", "Most changed: ");
  const text = made("div", "tokens");
  text.tabIndex = 0;
  text.setAttribute("role", "region");
  text.setAttribute("aria-label", "The trace in tokens; arrow keys choose one");
  const detail = made("div", "detail");
  detail.setAttribute("aria-live", "polite");

  const tokens = data.pieces.map((said, at) => {
    const shift = data.shift_nats[at];
    const size = Math.min(Math.abs(shift) / MOST_SHIFT, 1);
    const token = made("span", size < 0.02 ? "same" : shift > 0 ? "up" : "down", said);
    token.style.setProperty("--size", size.toFixed(3));
    token.dataset.at = at;
    text.append(token);
    return token;
  });

  let chosen = -1;
  const table = (title, rows) => {
    const side = made("table");
    side.append(made("caption", "", title));
    for (const [said, nats] of rows) {
      const row = made("tr");
      row.append(made("td", "said", seen(said)), made("td", "", percent(nats)));
      side.append(row);
    }
    return side;
  };
  const choose = (at) => {
    if (at < 0 || at >= tokens.length) return;
    tokens[chosen]?.classList.remove("chosen");
    chosen = at;
    tokens[at].classList.add("chosen");
    tokens[at].scrollIntoView({ block: "nearest" });
    const words = made(
      "p", "",
      `Token ${at + 1}, ${seen(data.pieces[at])}: ${percent(data.base_nats[at])} before, ` +
        `${percent(data.steered_nats[at])} steered (${signed(data.shift_nats[at])} nats); ` +
        `the place as a whole moves by ${data.divergence_nats[at].toFixed(2)} nats (KL).`,
    );
    const sides = made("div", "sides");
    sides.append(
      table("Likeliest before", data.base_top[at]),
      table("Likeliest when steered", data.steered_top[at]),
    );
    detail.replaceChildren(words, sides);
  };
  text.onclick = (event) => {
    const token = event.target.closest("[data-at]");
    if (token) choose(Number(token.dataset.at));
  };
  text.onkeydown = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    choose(chosen + by < 0 ? 0 : chosen + by);
  };
  const order = data.divergence_nats
    .map((nats, at) => [nats, at])
    .sort((one, other) => other[0] - one[0] || one[1] - other[1])
    .slice(0, N_CHANGED);
  for (const [, at] of order) {
    const button = made("button", "", data.pieces[at].trim() || seen(data.pieces[at]));
    button.type = "button";
    button.onclick = () => choose(at);
    changed.append(button, " ");
  }
  box.append(legend, changed, text, detail);
  parentElement.querySelector(".steered")?.remove();
  parentElement.append(box);
  if (order.length) {
    choose(order[0][1]);
    text.scrollTop = 0;
  }
}

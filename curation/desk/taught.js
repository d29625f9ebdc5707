// A row as the trainer reads it: every token a span of its own, its text only ever a text node.
// What carries loss stands on a tint with a line under it, the rest is dimmed and struck with dots:
// the difference is in line and weight too, for eyes that do not tell the colours apart. What counts
// for less than 1 has a broken line and a tint as strong as its weight.

export default function ({ data, parentElement }) {
  const box = document.createElement("div");
  box.className = "taught";
  const legend = document.createElement("p");
  legend.className = "legend";
  for (const [name, words] of data.legend) {
    const sample = document.createElement("span");
    sample.className = name;
    sample.textContent = words;
    legend.append(sample, " ");
  }
  const text = document.createElement("div");
  text.className = "tokens";
  text.tabIndex = 0;
  text.setAttribute("role", "region");
  text.setAttribute("aria-label", data.label);
  data.pieces.forEach(([said, weight], at) => {
    const token = document.createElement("span");
    const kind = weight === 0 ? "silent" : weight < 1 ? "loss part" : "loss";
    token.className = kind + (at % 2 ? " odd" : "");
    if (kind === "loss part") {
      token.style.setProperty("--weight", weight);
      token.title = `weight ${weight}`;
    }
    token.textContent = said;
    text.append(token);
  });
  box.append(legend, text);
  parentElement.querySelector(".taught")?.remove();
  parentElement.append(box);
}

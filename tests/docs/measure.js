// What is seen of a page: how far it is too wide, texts that are cut off, and its pictures. Run by browser.py in the page.
() => {
  const LEAST = 1; // pixels; less is rounding
  const words = (node) => node.textContent.replace(/\s+/g, " ").trim().slice(0, 60);

  const overlap = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > LEAST &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > LEAST;

  const outside = (inner, outer) =>
    inner.left < outer.left - LEAST || inner.right > outer.right + LEAST ||
    inner.top < outer.top - LEAST || inner.bottom > outer.bottom + LEAST;

  // the box of a font leaves room above and below the letters
  const box = (text) => {
    const { left, right, top, bottom } = text.getBoundingClientRect();
    const upright = text.getBBox().width * 0.5 < right - left || text.getBBox().height > text.getBBox().width;
    const rest = upright ? (bottom - top) * 0.15 : 0, side = upright ? 0 : (right - left) * 0.15;
    return { left: left + side, right: right - side, top: top + rest, bottom: bottom - rest };
  };

  // WCAG 2.1, on white: what pictures stand on
  const contrast = (text) => {
    const parts = getComputedStyle(text).fill.match(/[\d.]+/g).slice(0, 3).map((value) => value / 255);
    const [r, g, b] = parts.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05);
  };

  const problems = (svg) => {
    const texts = [...svg.querySelectorAll("text")].filter((text) => words(text));
    const boxes = texts.map(box), frame = svg.getBoundingClientRect();
    const found = texts.filter((_, i) => outside(boxes[i], frame)).map((text) => `${words(text)} sticks out`);
    found.push(...texts.filter((text) => contrast(text) < 4.5).map((text) => `${words(text)} is faint`));
    texts.forEach((text, i) => {
      for (let j = i + 1; j < texts.length; j++)
        if (overlap(boxes[i], boxes[j])) found.push(`${words(text)} covers ${words(texts[j])}`);
    });
    return found;
  };

  // curves and intervals that run through the words of a legend; lines of the grid may
  const crossed = (svg) => {
    const legend = [...svg.querySelectorAll(".legend text")].map((text) => [words(text), text.getBBox()]);
    const curves = legend.length ? [...svg.querySelectorAll("path")].filter(
      (path) => !path.closest("defs, .legend") && !["none", "rgb(221, 221, 221)"].includes(getComputedStyle(path).stroke)
    ) : [];
    const points = curves.flatMap((path) => {
      const length = path.getTotalLength(), steps = Math.ceil(length / 3);
      return Array.from({ length: steps }, (_, i) => path.getPointAtLength((i * length) / steps));
    });
    const within = ({ x, y, width, height }) => (point) =>
      point.x > x && point.x < x + width && point.y > y + 2 && point.y < y + height - 2;
    return legend.filter(([, place]) => points.some(within(place))).map(([name]) => `${name} is crossed`);
  };

  const smallest = (svg) => {
    const scale = svg.viewBox.baseVal ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    const sizes = [...svg.querySelectorAll("text")].map((text) => parseFloat(getComputedStyle(text).fontSize) * scale);
    return sizes.length ? Math.min(...sizes) : 0;
  };

  // colour, and what can be told without it: the outline of the mark, whether it is filled, and its dashes
  const look = (mark) => {
    const style = getComputedStyle(mark), { width, height } = mark.getBBox();
    const filled = style.fill !== "none" && style.fill !== "rgb(255, 255, 255)";
    const source = mark.tagName === "use" ? document.querySelector(mark.getAttribute("href") ?? mark.getAttribute("xlink:href")) : null;
    const outline = source ? (source.getAttribute("d").match(/[A-Z]/g) ?? []).join("") : "";
    const shape = [outline, width.toFixed(0), height.toFixed(0), filled, style.strokeDasharray].join(" ");
    return [filled ? style.fill : style.stroke, shape];
  };

  const legend = (svg) => {
    const entries = [];
    let marks = [];
    for (const node of svg.querySelectorAll(".legend path:not(defs path), .legend use, .legend text")) {
      if (node.tagName !== "text") marks.push(look(node));
      else { if (marks.length) entries.push([words(node), marks]); marks = []; }
    }
    return entries;
  };

  const figure = (svg) => {
    const { left, top, right, bottom } = svg.getBoundingClientRect();
    const title = svg.closest("figure")?.querySelector("h3");
    return {
      name: svg.getAttribute("aria-label") ?? "",
      title: title ? words(title) : "",
      box: [Math.max(left, 0), top + scrollY, Math.min(right, innerWidth), bottom + scrollY].map(Math.round),
      smallest: smallest(svg),
      problems: [...problems(svg), ...crossed(svg)],
      legend: legend(svg),
    };
  };

  const paper = matchMedia("print").matches; // nothing scrolls there
  const scrolls = (node) => node.closest("details:not([open])") || !paper && ["auto", "scroll"].includes(getComputedStyle(node).overflowX);
  const cut = [...document.querySelectorAll("body *:not(svg *)")].filter(
    (node) => node.clientWidth > 0 && node.scrollWidth > node.clientWidth + LEAST && !scrolls(node)
  );
  const visible = (svg) => {
    const { left, right, height } = svg.getBoundingClientRect();
    return Math.min(right, innerWidth) - Math.max(left, 0) > 60 && height > 60;
  };
  const drawn = [...document.querySelectorAll("svg.plot, svg.main-svg")].filter(visible);
  return {
    overflow: document.documentElement.scrollWidth - innerWidth,
    height: document.documentElement.scrollHeight,
    cut: cut.map(words),
    figures: drawn.map(figure),
  };
}

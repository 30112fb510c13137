// What is wrong with an open page, each as a list of words that is empty when all is well.
(() => {
  const name = (one) => one.closest("[id]:not(svg, svg *)")?.id ?? "a figure";
  const ends = (one) => Math.round(one.getBoundingClientRect().right);
  const clips = (one) => getComputedStyle(one).overflowX !== "visible";
  const above = (one) => {
    const found = [];
    for (let up = one.parentElement; up && up !== document.body; up = up.parentElement) found.push(up);
    return found;
  };
  const beside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1;
  const within = (a, b) => beside(a, b) && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  const figures = () => [...document.querySelectorAll("svg:not(svg svg)")].filter((svg) => svg.checkVisibility());
  const labels = (svg) => [...svg.querySelectorAll("text")].filter((one) => one.getBoundingClientRect().width);

  return {
    // rules that axe-core finds broken, with the first elements that break them
    async broken(levels) {
      const options = {runOnly: {type: "tag", values: levels}, resultTypes: ["violations"], preload: false};
      const {violations} = await axe.run(document, options);
      return violations.map(({id, help, nodes}) => `${id} (${help}), ${nodes.length}×: ` +
        nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join("; "));
    },

    // what makes the page wider than its window; what scrolls within a box of its own does not
    over() {
      const wide = document.documentElement.clientWidth;
      const past = document.documentElement.scrollWidth - wide;
      if (past <= 0) return [];
      const found = [...document.body.querySelectorAll("*")]
        .filter((one) => !one.ownerSVGElement && ends(one) > wide + 1 && !above(one).some(clips))
        .map((one) => `<${one.localName}> in ${name(one)} ends at ${ends(one)} of ${wide} px: ` +
          one.textContent.trim().slice(0, 60));
      return [`the page is ${past} px wider than its window`, ...found];
    },

    // figures wider than a box that they are in, and their labels that reach out of them
    cut() {
      return figures().flatMap((svg) => {
        const box = svg.getBoundingClientRect();
        const boxes = above(svg).filter((up) => up.matches(".card") || clips(up));
        const tight = boxes.find((up) => !beside(box, up.getBoundingClientRect()));
        const out = labels(svg).filter((one) => !within(one.getBoundingClientRect(), box));
        return [
          ...(tight ? [`${name(svg)}: a figure of ${Math.round(box.width)} px in a box of ${tight.clientWidth} px`] : []),
          ...out.map((one) => `${name(svg)}: its figure cuts “${one.textContent.trim()}”`),
        ];
      });
    },

    // links and references within the page to what is not there
    dangling() {
      const link = (one) => one.getAttribute("href") ?? one.getAttributeNS("http://www.w3.org/1999/xlink", "href");
      const links = [...document.querySelectorAll("[href], [*|href]")].filter((one) => link(one)?.startsWith("#"))
        .map((one) => [one, decodeURIComponent(link(one).slice(1))]);
      const references = ["aria-labelledby", "aria-describedby", "aria-controls", "for"].flatMap((kind) =>
        [...document.querySelectorAll(`[${kind}]`)].flatMap((one) =>
          one.getAttribute(kind).split(/\s+/).map((id) => [one, id])));
      return [...links, ...references].filter(([, id]) => id && !document.getElementById(id))
        .map(([one, id]) => `<${one.localName}> in ${name(one)} leads to #${id}, which is not there`);
    },

    // boxes that take the focus though they do not scroll
    idle() {
      const scrolls = (one) => one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1;
      return [...document.querySelectorAll("div[tabindex='0'], pre[tabindex='0']")]
        .filter((one) => one.checkVisibility() && !scrolls(one))
        .map((one) => `<${one.localName}> in ${name(one)} takes the focus and does not scroll`);
    },

    // the size in pixels of each figure's smallest label, by figure
    smallest() {
      const size = (one) => parseFloat(getComputedStyle(one).fontSize) * Math.hypot(one.getScreenCTM().a, one.getScreenCTM().b);
      return figures().filter((svg) => labels(svg).length).map((svg) => [name(svg), Math.min(...labels(svg).map(size))]);
    },
  };
})()

// On a narrow page a long legend gets two columns, before Bokeh draws it: afterwards all would be laid out twice.
"use strict";
(function () {
  if (innerWidth >= 700 || !window.Bokeh) return;
  const embed = Bokeh.embed.embed_items;
  function narrow(node) {
    if (Array.isArray(node)) return node.forEach(narrow);
    if (!node || typeof node !== "object") return undefined;
    if (node.name === "Legend" && node.attributes && node.attributes.items.length > 3) node.attributes.ncols = 2;
    return Object.values(node).forEach(narrow);
  }
  Bokeh.embed.embed_items = (given, items) => {
    const documents = typeof given === "string" ? JSON.parse(given) : given;
    narrow(documents);
    return embed(documents, items);
  };
})();

// The stand-in for workers, docs/iframe-worker.js, with the theme's own search worker, in a world that
// has what both need of a browser. Prints the places that a search finds.
// node search_without_server.js STAND_IN WORKER QUERY
const fs = require("fs");
const vm = require("vm");

const [standIn, worker, query] = process.argv.slice(2);
const DOCS = [
  {location: "a.html", title: "Task vectors", text: "<p>a difference of weights</p>"},
  {location: "b.html", title: "Seeds", text: "<p>of random draws</p>"},
];
const CONFIG = {
  lang: ["en"],
  separator: "[\\s\\-]+",
  pipeline: ["stopWordFilter"],
  fields: {title: {boost: 1000}, text: {boost: 1}, tags: {boost: 1}},
};

class MessageEvent extends Event {
  constructor(type, {data}) {
    super(type);
    this.data = data;
  }
}

function page() {
  const found = {};
  const inner = new EventTarget();
  const world = {frameElement: found, addEventListener: inner.addEventListener.bind(inner), URL};
  for (const name of ["self", "window", "parent"]) world[name] = world;
  vm.createContext(world);
  const scripts = [];
  const run = markup => {
    const file = markup.match(/src="([^"]+)" onload="([^"]+)"/);
    const texts = file ? [fs.readFileSync(file[1], "utf8"), file[2]] : [markup.replace(/<[^>]*script>/g, "")];
    for (const text of texts) vm.runInContext(text, world);
  };
  const document = {
    open() {},
    write: markup => scripts.push(markup),
    close: () => setTimeout(() => scripts.forEach(run)),
  };
  found.contentWindow = {document, dispatchEvent: event => inner.dispatchEvent(event)};
  return found;
}

const browser = {location: {protocol: "file:"}, EventTarget, MessageEvent};
browser.window = browser;
browser.document = {createElement: page, body: {append() {}}};
vm.runInContext(fs.readFileSync(standIn, "utf8"), vm.createContext(browser));

const search = new browser.Worker(worker);
search.addEventListener("message", ({data}) => {
  if (data.type === 1) search.postMessage({type: 2, data: query}); // the index is ready
  if (data.type === 3) console.log(data.data.items.map(group => group[0].location).join("\n"));
});
search.postMessage({type: 0, data: {config: CONFIG, docs: DOCS, options: {}}});

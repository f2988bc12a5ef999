// The search runs in a worker, which browsers refuse to start from a file. There, a hidden frame takes its place.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.answer = data => this.answer(data);
      this.ready = new Promise(resolve => { this.frame.ready = resolve; });
      document.body.append(this.frame);
      const page = this.frame.contentWindow.document;
      page.open();
      page.write("<script>postMessage = data => frameElement.answer(data)</" + "script>");
      page.write(`<script src="${url}" onload="frameElement.ready()"></` + "script>");
      page.close();
    }

    answer(data) {
      const event = new MessageEvent("message", {data});
      this.dispatchEvent(event);
      if (this.onmessage) this.onmessage(event);
    }

    postMessage(data) {
      const message = () => new MessageEvent("message", {data});
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(message()));
    }

    terminate() {
      this.frame.remove();
    }
  };
}

// Files on their way into a conversation: a first look at one of them, then all of them, then what comes back; and
// calling it off. Knows the routes of uploads; knows no element, no notice and no viewer.
import { glance } from "./glance.js";
import { transfer } from "./transfer.js";

export class Arrival {
  calledOff = false;
  #files; #on; #ticket = crypto.randomUUID?.() ?? String(Math.random()).slice(2); #leaving = new AbortController(); #gone = false;

  /** `on`: {progress({kind, done, total}), early(picture), event(object)}; see glance.js, and _lines in app/routes.py. */
  constructor(files, on) {
    this.#files = files;
    this.#on = on;
  }

  /** Sends what `request({ticket, glanced})` gives, {url, body}. Resolves with a refusal's sentence or null; rejects when it
   * breaks off or is called off before everything has gone up. */
  async carry(request) {
    const early = await glance(this.#files, this.#leaving.signal);
    if (early) this.#on.early(early);
    const { url, body } = request({ ticket: this.#ticket, glanced: early?.index });
    let whole = false;
    const answer = await transfer(url, body, {
      signal: this.#leaving.signal,
      sent: (done, total) => this.#sent(done, total),
      line: (event) => {
        if (event.event === "progress") this.#on.progress({ kind: "reading", done: event.done, total: event.total });
        else if (event.event === "done") whole = true;
        else this.#on.event(event);
      },
    });
    if (answer.refusal?.sentence) return answer.refusal.sentence;
    if (!answer.ok || !(whole || this.calledOff)) throw new Error("cut short");
    return null;
  }

  #sent(done, total) {
    this.#gone = done === total;
    if (this.#files.length && !this.#gone) this.#on.progress({ kind: "sending", done, total });
  }

  /** Before all bytes have gone up the request is given up; after that the server is asked to stop and take back. */
  async callOff() {
    this.calledOff = true;
    if (this.#gone) {
      const answer = await fetch(`/api/upload/${this.#ticket}/cancel`, { method: "POST" }).catch(() => null);
      if (answer?.ok && (await answer.json()).cancelled) return; // the answer to the upload then ends by itself
    }
    this.#leaving.abort();
  }
}

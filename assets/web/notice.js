// Sentences about what just went wrong or is under way, in the language of the page, until they are closed. What is
// said of the files of one conversation is shown in that one only.
import { icon, node } from "./dom.js";
import { both, inOrder, onSpeak, pick, say } from "./words.js";

export function drawNotice(part, room) {
  const text = node("span", { class: "notice-text" });
  const more = node("button", { class: "link more", type: "button", hidden: true });
  const close = node("button", { class: "quiet icon-button", type: "button" }, icon("x"));
  const box = node("div", { class: "notice", role: "status", hidden: true }, icon("triangle-alert"), text, more, close);
  part.element.firstElementChild.append(box);
  let notices = [];

  // Up to three files' names before the sentence about them.
  function named(notice) {
    const names = notice.names ?? [];
    const more = names.length > 3 ? [` +${names.length - 3}`] : [];
    const shown = names.slice(0, 3).flatMap((name, k) => [k ? (document.documentElement.lang === "ar" ? "، " : ", ") : "", node("bdi", {}, inOrder(name))]);
    return names.length ? [node("span", { class: "file-names" }, ...shown, ...more), " "] : [];
  }

  const here = (notice) => notice.conversation === undefined || notice.conversation === room.conversation;

  function draw() {
    const shown = notices.filter(here);
    const kind = shown.at(-1)?.kind ?? "";
    box.hidden = shown.length === 0;
    if (box.hidden) unfold(false);
    box.dataset.kind = kind;
    box.setAttribute("role", kind === "error" ? "alert" : "status");
    text.replaceChildren(...shown.reverse().map((notice) => node("p", {}, ...named(notice), pick(notice.sentence))));
    close.setAttribute("aria-label", say("close"));
    offerMore();
  }

  // Two lines, and the rest when asked for: the conversation above must stay readable on a phone.
  function unfold(on) {
    box.dataset.whole = on ? "yes" : "no";
    more.setAttribute("aria-expanded", String(on));
  }

  function offerMore() {
    const whole = box.dataset.whole === "yes";
    more.hidden = !whole && text.scrollHeight <= text.clientHeight + 1;
    more.textContent = say(whole ? "notice-less" : "notice-more");
  }

  more.addEventListener("click", () => {
    unfold(box.dataset.whole !== "yes");
    offerMore();
  });
  new ResizeObserver(offerMore).observe(text);

  room.tell = (notice) => {
    const same = JSON.stringify(notice.sentence);
    const before = notices.find(
      (each) => each.kind === notice.kind && each.conversation === notice.conversation && JSON.stringify(each.sentence) === same,
    );
    const names = [...new Set([...(before?.names ?? []), ...(notice.names ?? [])])];
    const kept = (each) => each.stays || (each.kind === "error" && notice.kind === "error"); // "47 %" takes the place of "46 %"
    notices = [...notices.filter((each) => each !== before && kept(each)), { ...notice, names }].slice(-4);
    draw();
  };
  room.hush = (kind) => {
    notices = notices.filter((each) => each.kind !== kind);
    draw();
  };
  // A question was taken: what was wrong with an earlier one is over; what happened to files stays.
  room.forgive = () => {
    notices = notices.filter((each) => each.kind !== "error" || each.stays);
    draw();
  };
  room.unreachable = (lost) => {
    if (lost) room.tell({ kind: "lost", sentence: both("server-lost") });
    else room.hush("lost");
  };
  room.drawNotices = draw;
  close.addEventListener("click", () => {
    notices = notices.filter((each) => !here(each));
    draw();
  });
  part.watch("value", () => {
    const notice = part.props.value;
    if (notice?.sentence) room.tell(notice);
    else {
      notices = notices.filter((each) => each.kind === "lost" || each.kind === "error");
      draw();
    }
  });
  onSpeak(draw);
  draw();
}

// Knows hands: mouse, wheel, touch and pen on the image, as movements in CSS pixels. Knows nothing of what
// they change; that is `act`: {drag(kind, dx, dy), dragEnd(), zoom(factor, x, y), steps(n), fit(), hover(x, y)}.
// Kinds of dragging: "tool" (whatever tool is chosen), "window", "move".

const NOTCH = 50; // wheel pixels that make one step: below a mouse's notch, above a trackpad's trickle
const LINE = 40; // wheel "lines" as pixels (Firefox)
const SECOND_TAP_MS = 300;
const TAP_PIXELS = 8;

export function attachGestures(stage, act) {
  const down = new Map(); // pointer id → last position
  let kind = null;
  let pinch = null;
  let wheeled = 0;
  let tapped = 0; // when the last tap was
  let still = null; // where the only finger came down, while it may yet be a tap

  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  const pinchOf = () => {
    const [a, b] = [...down.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, span: Math.hypot(a.x - b.x, a.y - b.y) };
  };

  const begin = (event) => {
    if (event.target.closest("button, a, input, .bv-empty")) return;
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, place(event));
    still = down.size === 1 ? place(event) : null;
    if (down.size === 2) pinch = pinchOf();
    else if (down.size > 2) kind = null;
    else if (event.button === 2) kind = "window";
    else if (event.button === 1 || event.shiftKey) kind = "move";
    else kind = "tool";
    if (event.button === 1) event.preventDefault(); // no autoscroll
    stage.focus({ preventScroll: true });
  };

  const move = (event) => {
    const to = place(event);
    if (event.pointerType !== "touch") act.hover(to.x, to.y);
    const from = down.get(event.pointerId);
    if (!from) return;
    down.set(event.pointerId, to);
    if (still && Math.hypot(to.x - still.x, to.y - still.y) > TAP_PIXELS) still = null;
    if (down.size === 2 && pinch) {
      const now = pinchOf();
      act.drag("move", now.x - pinch.x, now.y - pinch.y);
      if (pinch.span > 0) act.zoom(now.span / pinch.span, now.x, now.y);
      pinch = now;
    } else if (down.size === 1 && kind) {
      act.drag(kind, to.x - from.x, to.y - from.y);
      if (event.pointerType === "touch") act.hover(to.x, to.y);
    }
  };

  const end = (event) => {
    if (!down.delete(event.pointerId)) return;
    if (pinch && down.size < 2) {
      pinch = null;
      kind = null; // the finger that stays behind must not start dragging
    }
    if (down.size === 0) {
      kind = null;
      act.dragEnd();
    }
  };

  const tap = (event) => {
    if (event.pointerType !== "touch" || !still) return;
    if (event.timeStamp - tapped < SECOND_TAP_MS) act.fit();
    tapped = event.timeStamp;
  };

  const wheel = (event) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? LINE : 1);
    if (event.ctrlKey || event.metaKey || !act.hasSteps()) { // a trackpad's pinch arrives as ctrl + wheel
      const { x, y } = place(event);
      act.zoom(Math.exp(-Math.max(-100, Math.min(100, pixels)) / 500), x, y);
      return;
    }
    if (Math.sign(pixels) !== Math.sign(wheeled)) wheeled = 0;
    wheeled += pixels;
    if (Math.abs(wheeled) < NOTCH) return;
    act.steps(Math.sign(wheeled) * Math.max(1, Math.floor(Math.abs(wheeled) / (2 * NOTCH))));
    wheeled = 0;
  };

  stage.addEventListener("pointerdown", begin);
  stage.addEventListener("pointermove", move);
  stage.addEventListener("pointerup", tap);
  stage.addEventListener("pointerup", end);
  stage.addEventListener("pointercancel", end);
  stage.addEventListener("pointerleave", () => act.hover(null, null));
  stage.addEventListener("wheel", wheel, { passive: false });
  stage.addEventListener("dblclick", (event) => { if (!event.target.closest("button, a, input")) act.fit(); });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
}

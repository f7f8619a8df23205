// @ts-check
/** What an event proves itself with: a place and photos. */
import * as photo from "./camera.js";
import { fill, h, sign } from "./dom.js";
import { say, t } from "./i18n.js";
import { plain } from "./parts.js";
import * as position from "./position.js";

/** Where we are, as a line that tells what is found; `value` is what the event says. @param {() => void} onChange */
export function place(onChange) {
  /** @type {position.Found} */
  let found = { best: null, error: null, enough: false };
  let waived = false;
  const line = h("p", { class: "place" }, sign("place"), h("span", null, t("place_looking")));
  const skip = plain(t("no_place"), () => {
    waived = true;
    skip.hidden = true;
    onChange();
  });
  const stop = position.look((now) => {
    found = now;
    const metres = now.best && Math.round(now.best.acc_dm / 10);
    const text = now.best ? t(/** @type {number} */ (metres) <= position.FAIR_M ? "place_found" : "place_poor", { n: /** @type {number} */ (metres) }) : say(`place_${now.error}`);
    line.className = `place ${now.best && /** @type {number} */ (metres) <= position.FAIR_M ? "good" : "poor"}`;
    fill(line, sign("place"), h("span", null, text));
    skip.hidden = now.enough;
    onChange();
  });
  return { view: h("section", null, h("h2", null, t("place")), line, skip), ready: () => found.enough || waived, value: () => position.told(found), stop };
}

/** A place for one photo. @param {"KPM" | "KTP" | "RUMAH"} kind @param {() => void} onChange @param {(error: unknown) => void} onRefused */
export function slot(kind, onChange, onRefused) {
  /** @type {import("./chain.js").Shot | null} */
  let shot = null;
  /** @type {MediaStream | null} */
  let stream = null;
  const box = h("div", { class: "slot", "data-kind": kind });
  const close = () => {
    photo.stop(stream);
    stream = null;
  };
  const idle = () => {
    close();
    const picture = shot && h("img", { src: URL.createObjectURL(shot.blob), alt: say(`ph_${kind}`) });
    fill(box, picture, h("button", { class: shot ? "plain" : "shoot", type: "button", onclick: open }, sign("photo"), h("span", null, say(`ph_${kind}`)), shot ? h("small", null, t("retake")) : null));
  };
  const open = async () => {
    const video = h("video", { muted: true, playsinline: true });
    const told = h("p", { class: "told", role: "status" });
    const shutter = h("button", { class: "shutter", type: "button", disabled: true, onclick: take }, sign("photo"), t("take"));
    fill(box, video, told, shutter);
    let warned = false;
    async function take() {
      shutter.disabled = true; // one press, one photo
      const wrong = await photo.fault(video);
      if (wrong && !warned) {
        warned = true; // a second press takes it all the same: night and rain are no reason not to pay
        told.textContent = say(`shot_${wrong}`);
        shutter.disabled = false;
        return;
      }
      shot = await photo.shoot(video, kind);
      idle();
      onChange();
    }
    try {
      stream = await photo.start(video);
      shutter.disabled = false;
      shutter.scrollIntoView({ block: "center" });
    } catch (error) {
      idle();
      onRefused(error);
    }
  };
  idle();
  return { view: box, shot: () => shot, stop: close };
}

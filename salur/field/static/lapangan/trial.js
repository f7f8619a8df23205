// @ts-check
/** The phone on trial (`/uji`): is it quick and sound enough for two hundred families a day? Runs before and after enrolment, keeps nothing. */
import { random, utf8 } from "./bytes.js";
import { newSigningKey, aesKey, encrypt, sha256, sign } from "./crypto.js";
import { write } from "./db.js";
import { elapsed } from "./platform.js";
import * as scan from "./scan.js";

/** A QR, a number for each row; what it says is `TEXT`. */
const SIDE = 21;
const TEXT = "UJI";
const ROWS = [0x1fc97f, 0x104f41, 0x17495d, 0x17435d, 0x175d5d, 0x104041, 0x1fd57f, 0x1300, 0x67ed0, 0xf38ce, 0x5e348, 0x1c18f4, 0xbfc26, 0x1f4b, 0x1fd2e1, 0x1041f6, 0x1744b9, 0x1756fe, 0x175e60, 0x104224, 0x1fcfd2];

const TURNS = 20;
/** @typedef {{ ok: boolean, p50: number, p95: number }} Timed milliseconds */

/** @param {number[]} times @param {boolean} ok @returns {Timed} */
function timed(times, ok) {
  const sorted = [...times].sort((one, other) => one - other);
  /** @param {number} share */
  const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
  return { ok, p50: at(0.5), p95: at(0.95) };
}

/** Twenty payments with a photo of 40 KB each: signed, hidden, on the disk. @returns {Promise<Timed>} */
export async function payments() {
  const [key, hiding] = [(await newSigningKey()).privateKey, await aesKey(random(32))];
  const times = [];
  try {
    for (let turn = 0; turn < TURNS; turn++) {
      const began = elapsed();
      const body = utf8(JSON.stringify({ turn, filled: "x".repeat(700) }));
      await sha256(body);
      await sign(key, body);
      const [event, photo] = [await encrypt(hiding, body, "trial"), await encrypt(hiding, random(40_000), "trial")];
      await write(["bytes"], (tx) => {
        tx.objectStore("bytes").put({ sha: "trial", event, photo });
      });
      times.push(elapsed() - began);
    }
    await write(["bytes"], (tx) => void tx.objectStore("bytes").delete("trial"));
    return timed(times, true);
  } catch {
    return timed(times, false);
  }
}

/** Twenty codes read. @returns {Promise<Timed>} */
export async function codes() {
  const scale = 12;
  const side = (SIDE + 8) * scale;
  const canvas = new OffscreenCanvas(side, side);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.fillStyle = "#000";
  ROWS.forEach((row, y) => {
    for (let x = 0; x < SIDE; x++) if ((row >> (SIDE - 1 - x)) & 1) context.fillRect((x + 4) * scale, (y + 4) * scale, scale, scale);
  });
  const image = context.getImageData(0, 0, side, side);
  const times = [];
  let ok = true;
  for (let turn = 0; turn < TURNS && ok; turn++) {
    const began = elapsed();
    ok = (await scan.read(new ImageData(new Uint8ClampedArray(image.data), side))) === TEXT; // a copy: the decoder keeps what it is given
    times.push(elapsed() - began);
  }
  return timed(times, ok);
}

/** What the browser says of the phone. @returns {Promise<Record<string, string | number | boolean>>} */
export async function facts() {
  const it = /** @type {any} */ (navigator);
  const estimate = (await it.storage?.estimate?.()) ?? {};
  return {
    agent: it.userAgent,
    memory_gb: it.deviceMemory ?? 0,
    cores: it.hardwareConcurrency ?? 0,
    free_mb: Math.round(((estimate.quota ?? 0) - (estimate.usage ?? 0)) / 1e6),
    persisted: Boolean(await it.storage?.persisted?.()),
  };
}

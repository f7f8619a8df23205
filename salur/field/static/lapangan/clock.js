// @ts-check
/** What time it is: the phone's clock is a claim, the server's time the measure. */
import { meta, setMeta } from "./db.js";
import { BOOT, elapsed, now } from "./platform.js";

/** @typedef {{ server_ms: number, mono_ms: number, measured_ms: number, boot: string }} Measured */

export const MAX_DRIFT_MS = 120_000;

/** @type {Measured | null} */
let measured = null;

export async function loadClock() {
  measured = (await meta("clock")) ?? null;
}

const KEPT_FOR_MS = 60_000;
const KEPT_WITHIN_MS = 1_000;
/** What lies on the disk: what was measured last when it was worth a write. @type {Measured | null} */
let kept = null;

/** Remembers the server's time; half of the round trip has passed since it was told. @param {number} serverMs @param {number} sentMono */
export async function measure(serverMs, sentMono) {
  const mono = elapsed();
  measured = { server_ms: Math.round(serverMs + (mono - sentMono) / 2), mono_ms: mono, measured_ms: now(), boot: BOOT };
  // Every answer tells the time, and a write is the dearest thing that a phone does: the next start needs it to the minute.
  const apart = kept && kept.boot === BOOT ? measured.server_ms - measured.measured_ms - (kept.server_ms - kept.measured_ms) : Infinity;
  if (kept && Math.abs(apart) <= KEPT_WITHIN_MS && mono - kept.mono_ms < KEPT_FOR_MS) return;
  kept = measured;
  await setMeta("clock", measured);
}

/** Server minus phone, in whole milliseconds, and how old that knowledge is in seconds; null when never learnt. */
export function skew() {
  if (!measured) return { skew_ms: 0, skew_age_s: null };
  if (measured.boot === BOOT) {
    // Within one start the clock may be moved by hand: only the even count of milliseconds is trusted.
    const passed = elapsed() - measured.mono_ms;
    return { skew_ms: Math.round(measured.server_ms + passed - now()), skew_age_s: Math.floor(passed / 1000) };
  }
  const age = Math.max(0, now() - measured.measured_ms);
  return { skew_ms: Math.round(measured.server_ms - measured.measured_ms), skew_age_s: Math.floor(age / 1000) };
}

/** The best guess of the true time; turning the clock back does not turn it back below what the server last said. */
export function trusted() {
  const guess = now() + skew().skew_ms;
  return measured ? Math.max(guess, measured.server_ms) : guess;
}

// @ts-check
/** Where we are: fixes from now on, the best one kept; never a cached one. */
import { watchPosition } from "./platform.js";

export const GOOD_M = 20;
export const FAIR_M = 100;

/** @typedef {{ lat_e7: number, lon_e7: number, acc_dm: number, fix_ms: number, n: number }} Geo as in the wire format */
/** @typedef {{ best: Geo | null, error: number | null, enough: boolean }} Found `enough`: no need to wait any longer */

/**
 * @param {(found: Found) => void} onChange
 * @returns {() => void} stops looking
 */
export function look(onChange) {
  /** @type {Geo | null} */
  let best = null;
  let fixes = 0;
  const stop = watchPosition(
    ({ coords, timestamp }) => {
      fixes += 1;
      const accuracy = Math.round(coords.accuracy * 10);
      if (!best || accuracy <= best.acc_dm) {
        best = {
          lat_e7: Math.round(coords.latitude * 1e7),
          lon_e7: Math.round(coords.longitude * 1e7),
          acc_dm: accuracy,
          fix_ms: Math.round(timestamp),
          n: fixes,
        };
      }
      best = { ...best, n: fixes };
      onChange({ best, error: null, enough: best.acc_dm <= FAIR_M * 10 });
      if (best.acc_dm <= GOOD_M * 10) stop();
    },
    (code) => onChange({ best, error: code, enough: true }),
  );
  return stop;
}

/** What an event says about the place. @param {Found} found */
export const told = ({ best, error }) => (best ? { geo: best } : { geo_err: error ?? 3 });

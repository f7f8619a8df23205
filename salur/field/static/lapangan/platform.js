// @ts-check
/** The phone itself, in one place: were the app wrapped one day (TWA, WebView), only this file would change. */

/** Changes with every start of the app: orders events even when the clock is moved. */
export const BOOT = crypto.randomUUID();

export const now = () => Date.now();

/** Milliseconds since the app started; goes on evenly whatever happens to the clock. */
export const elapsed = () => performance.now();

export const zone = () => -new Date().getTimezoneOffset();

/** @param {number | number[]} pattern */
export function vibrate(pattern) {
  if (navigator.vibrate) navigator.vibrate(pattern);
}

/** @template T @param {string} name @param {() => Promise<T>} work @returns {Promise<T>} */
export const alone = (name, work) => navigator.locks.request(name, work);

/**
 * Does the work unless somebody else, in this tab or another, is at it.
 * @param {string} name @param {() => Promise<void>} work @returns {Promise<boolean>} whether it was done
 */
export const aloneOrNot = (name, work) =>
  navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock) await work();
    return lock !== null;
  });

/** Asks the browser never to throw our data away. @returns {Promise<boolean>} */
export async function persist() {
  if (!navigator.storage || !navigator.storage.persist) return false;
  return (await navigator.storage.persisted()) || (await navigator.storage.persist());
}

/** @param {number} ms @returns {Promise<void>} */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * The camera. A phone that is busy gives up on its own camera at times (it is still held by the screen before, or did not wake in the browser's ten
 * seconds): that is asked for again. What the officer or the phone forbids is not.
 * @param {MediaTrackConstraints | true} wish @returns {Promise<MediaStream>}
 */
export async function camera(wish) {
  for (let left = CAMERA_TRIES; ; left--) {
    try {
      return await navigator.mediaDevices.getUserMedia({ video: wish, audio: false });
    } catch (error) {
      const busy = error instanceof DOMException && ["AbortError", "NotReadableError", "TimeoutError"].includes(error.name);
      if (!busy || left <= 1) throw error;
      await pause(CAMERA_PAUSE_MS);
    }
  }
}
const CAMERA_TRIES = 5;
const CAMERA_PAUSE_MS = 500;

/**
 * @param {(fix: GeolocationPosition) => void} onFix @param {(code: number) => void} onError 1 refused, 2 no position, 3 too slow, -3 no such device
 * @returns {() => void} stops watching
 */
export function watchPosition(onFix, onError) {
  if (!navigator.geolocation) {
    onError(-3);
    return () => {};
  }
  // A cached position is somewhere else: maximumAge 0.
  const options = { enableHighAccuracy: true, maximumAge: 0, timeout: 30_000 };
  const watch = navigator.geolocation.watchPosition(onFix, (error) => onError(error.code), options);
  return () => navigator.geolocation.clearWatch(watch);
}

/** Whether the app may know where it is; under a roof it need not know it now. @returns {Promise<boolean>} */
export const mayLocate = () =>
  new Promise((resolve) => {
    if (!navigator.geolocation) return resolve(false);
    const options = { maximumAge: 0, timeout: 8_000 };
    navigator.geolocation.getCurrentPosition(() => resolve(true), (error) => resolve(error.code !== 1), options);
  });

/** Keeps the screen on while a family is served. @returns {Promise<() => void>} */
export async function stayAwake() {
  try {
    const lock = await /** @type {any} */ (navigator).wakeLock.request("screen");
    return () => lock.release();
  } catch {
    return () => {};
  }
}

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @type {{ createScriptURL(url: string): string } | null} */
let policy = null;

/** The address of one of our own scripts, as Trusted Types wants it. @param {string} name @returns {string} */
export function ownScript(name) {
  const types = /** @type {any} */ (globalThis).trustedTypes;
  if (!types) return name;
  policy ??= types.createPolicy("salur", {
    /** @param {string} url */
    createScriptURL(url) {
      if (!["sw.js", "decoder.js"].includes(url)) throw new TypeError(`${url} is not a script of this app`);
      return url;
    },
  });
  return /** @type {NonNullable<typeof policy>} */ (policy).createScriptURL(name);
}

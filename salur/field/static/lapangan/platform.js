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

/** @param {MediaTrackConstraints} wish */
export const camera = (wish) => navigator.mediaDevices.getUserMedia({ video: wish, audio: false });

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

// @ts-check
/** Reading a letter's code from the camera: the phone's own detector where there is one, else the WebAssembly decoder in a worker. */
import { pixels } from "./camera.js";
import { ownScript } from "./platform.js";

const CROP = 520; // what a larger picture is drawn down to
const LARGEST_COPY = 800;
const FRAME_MS = 100;
const DECODER = ["decoder.js", "vendored/zxing-reader-3.1.4.js", "vendored/zxing-reader-3.1.4.wasm"];

/** @typedef {(video: HTMLVideoElement) => Promise<string | null>} Reader */

/** @type {Worker | null} */
let worker = null;
let asked = 0;

/** @param {ImageData | null} image is handed over @returns {Promise<{ text: string | null, error?: string }>} */
function decode(image) {
  worker ??= new Worker(ownScript("decoder.js"));
  const it = worker;
  const id = ++asked;
  return new Promise((resolve) => {
    /** @param {{ text: string | null, error?: string }} data */
    const end = (data) => {
      it.removeEventListener("message", hear);
      it.removeEventListener("error", fail);
      resolve(data);
    };
    /** @param {MessageEvent} event */
    const hear = ({ data }) => {
      if (data.pixels && worker === it) room = data.pixels; // for the next frame
      if (data.id === id) end(data);
      if (data.error && worker === it) release(); // one of its files did not come, and it will not ask for it again: the next question starts another
    };
    const fail = () => {
      end({ text: null, error: "decoder" });
      if (worker === it) release();
    };
    it.addEventListener("message", hear);
    it.addEventListener("error", fail);
    if (image) it.postMessage({ id, image }, [image.data.buffer]); // handed over, not copied: ten frames a second are ten megabytes
    else it.postMessage({ id, image });
  });
}

/** The text of a still picture's code. @param {ImageData} image @returns {Promise<string | null>} */
export async function read(image) {
  const Detector = (await native()) && /** @type {any} */ (globalThis).BarcodeDetector;
  if (!Detector) return (await decode(image)).text;
  return (await new Detector({ formats: ["qr_code"] }).detect(image))[0]?.rawValue ?? null;
}

/** Whether codes can be read here; loads the decoder on the way. */
export async function works() {
  return (await native()) !== null || (await decode(null)).error === undefined;
}

/** Keeps the decoder for a day without signal, on phones that need it: fetched through the service worker, which keeps it. */
export async function prepare() {
  if ((await native()) === null) for (const part of DECODER) await fetch(part).catch(() => {});
}

/** @returns {Promise<Reader | null>} */
async function native() {
  const Detector = /** @type {any} */ (globalThis).BarcodeDetector;
  if (!Detector || !(await Detector.getSupportedFormats()).includes("qr_code")) return null;
  const detector = new Detector({ formats: ["qr_code"] });
  return async (video) => (await detector.detect(video))[0]?.rawValue ?? null;
}

/** The one canvas that frames are drawn on, and the one buffer they are copied into. @type {OffscreenCanvas | null} */
let canvas = null;
/** @type {ArrayBuffer | null} */
let room = null;
let copies = true;

/** The middle of what the camera sees, by way of a canvas: for browsers that cannot copy frames. @param {HTMLVideoElement} video @param {number} side */
function drawn(video, side) {
  const to = Math.min(CROP, side);
  if (canvas?.width !== to) canvas = new OffscreenCanvas(to, to);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.drawImage(video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side, 0, 0, to, to);
  return context.getImageData(0, 0, to, to);
}

/** @type {Reader} */
async function withWorker(video) {
  const side = Math.min(video.videoWidth, video.videoHeight);
  if (!side) return null;
  const even = side & ~1;
  const middle = { x: ((video.videoWidth - even) >> 1) & ~1, y: ((video.videoHeight - even) >> 1) & ~1, width: even, height: even };
  const small = side <= LARGEST_COPY;
  const image = copies && small ? await pixels(video, middle, room ?? undefined) : null;
  copies &&= image !== null || !small;
  return (await decode(image ?? drawn(video, side))).text;
}

/**
 * Looks at the video until a code is read.
 * @param {HTMLVideoElement} video @param {(text: string) => void} onCode @returns {() => void} stops looking
 */
export function watch(video, onCode) {
  let on = true;
  performance.mark("camera on");
  void (async () => {
    const read = (await native()) ?? withWorker;
    while (on) {
      const began = performance.now();
      const text = await read(video).catch(() => null);
      if (text && on) onCode(text);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, FRAME_MS - (performance.now() - began))));
    }
  })();
  return () => {
    on = false;
  };
}

/** The decoder's memory goes back to the phone; who still waits for an answer hears that there is none. */
export function release() {
  const it = worker;
  worker = null;
  canvas = null;
  room = null;
  it?.terminate();
  it?.dispatchEvent(new Event("error"));
}

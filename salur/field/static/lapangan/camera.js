// @ts-check
/** Photos: taken here and now, never picked from a gallery; small enough to travel, sharp enough to prove something. */
import { hex } from "./bytes.js";
import { sha256 } from "./crypto.js";
import { camera, now } from "./platform.js";

const MAX_BYTES = 150 * 1024;
const LONG_EDGE = 1280;
const DARK = 28; // mean luma of 255
const BLURRED = 18; // variance of the Laplacian on 160 px

/** What a photo is taken from. */
const PHOTO = { width: { ideal: 1280 }, height: { ideal: 720 } };
/** What a code is read from: the reader looks at some 500 pixels, and each picture of a larger one is three times the memory. */
export const CODE = { width: { ideal: 640 }, height: { ideal: 480 } };

/** @param {HTMLVideoElement} video @param {MediaTrackConstraints} [size] @returns {Promise<MediaStream>} */
export async function start(video, size = PHOTO) {
  const stream = await camera({ facingMode: "environment", ...size });
  video.srcObject = stream;
  video.muted = true;
  video.setAttribute("playsinline", "");
  await video.play();
  return stream;
}

/** @param {MediaStream | null} stream */
export const stop = (stream) => stream?.getTracks().forEach((track) => track.stop());

/**
 * Some of what the camera sees, as pixels in a buffer of our own. Drawn on a canvas, each frame would stay in the browser's cache of decoded images, up to 4 MB
 * of them at a time, until the phone is full. @param {HTMLVideoElement} video @param {DOMRectInit} part even numbers @param {ArrayBuffer} [room] to be used again
 * @returns {Promise<ImageData | null>} null: this browser cannot, or the picture would have to be turned
 */
export async function pixels(video, { x = 0, y = 0, width = 0, height = 0 }, room) {
  if (!("VideoFrame" in globalThis)) return null;
  const frame = new VideoFrame(video);
  try {
    const seen = frame.visibleRect;
    if (!seen || seen.width !== video.videoWidth || seen.height !== video.videoHeight || /** @type {any} */ (frame).rotation) return null;
    const as = /** @type {VideoFrameCopyToOptions} */ ({ rect: { x: seen.x + x, y: seen.y + y, width, height }, format: "RGBA" });
    const size = 4 * width * height;
    if (frame.allocationSize(as) !== size) return null; // a browser that knows no formats counts another
    const into = room?.byteLength === size ? room : new ArrayBuffer(size);
    await frame.copyTo(into, as);
    return new ImageData(new Uint8ClampedArray(into), width, height);
  } catch {
    return null;
  } finally {
    frame.close();
  }
}

/** What the camera sees now. @param {HTMLVideoElement} video */
async function still(video) {
  const [width, height] = [video.videoWidth, video.videoHeight];
  const image = await pixels(video, { width, height });
  const { canvas, context } = drawn(image ? null : video, width, height);
  if (image) context.putImageData(image, 0, 0);
  return canvas;
}

/** @param {CanvasImageSource | null} source @param {number} width @param {number} height */
function drawn(source, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: width <= 320 }));
  if (source) context.drawImage(source, 0, 0, width, height);
  return { canvas, context };
}

/** What is wrong with the picture now: "dark", "blurred" or nothing. @param {HTMLVideoElement} video @returns {Promise<"dark" | "blurred" | null>} */
export async function fault(video) {
  const width = 160;
  const height = Math.max(1, Math.round((width * video.videoHeight) / video.videoWidth));
  const { data } = drawn(await still(video), width, height).context.getImageData(0, 0, width, height);
  const luma = new Float32Array(width * height);
  let sum = 0;
  for (let at = 0; at < luma.length; at++) {
    luma[at] = 0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2];
    sum += luma[at];
  }
  if (sum / luma.length < DARK) return "dark";
  let [total, squares, count] = [0, 0, 0];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      const edge = luma[at - 1] + luma[at + 1] + luma[at - width] + luma[at + width] - 4 * luma[at];
      total += edge;
      squares += edge * edge;
      count += 1;
    }
  }
  return squares / count - (total / count) ** 2 < BLURRED ? "blurred" : null;
}

/** A photo of what the camera sees. @param {HTMLVideoElement} video @param {"KPM" | "KTP" | "RUMAH" | "DOKUMEN"} kind @returns {Promise<import("./chain.js").Shot>} */
export async function shoot(video, kind) {
  const scale = Math.min(1, LONG_EDGE / Math.max(video.videoWidth, video.videoHeight));
  const w = Math.round(video.videoWidth * scale);
  const h = Math.round(video.videoHeight * scale);
  const whole = await still(video);
  const canvas = scale === 1 ? whole : drawn(whole, w, h).canvas;
  let blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.6 });
  // Some browsers answer a PNG when asked for WebP.
  const type = blob.type === "image/webp" ? "image/webp" : "image/jpeg";
  for (let quality = 0.65; (blob.type !== type || blob.size > MAX_BYTES) && quality > 0.15; quality -= 0.1) {
    blob = await canvas.convertToBlob({ type, quality });
  }
  const bytes = await blob.arrayBuffer();
  return { k: kind, sha: hex(await sha256(bytes)), n: blob.size, w, h, mime: type, cap_ms: now(), blob, bytes };
}

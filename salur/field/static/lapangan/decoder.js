// @ts-check
/** A worker that reads codes: zxing-cpp as WebAssembly, for browsers without a BarcodeDetector. */
/// <reference lib="webworker" />

const types = /** @type {any} */ (self).trustedTypes;
const policy = types?.createPolicy("salur", {
  /** @param {string} url */
  createScriptURL: (url) => {
    if (url !== "vendored/zxing-reader-3.1.4.js") throw new TypeError(url);
    return url;
  },
});
const script = "vendored/zxing-reader-3.1.4.js";
importScripts(policy ? policy.createScriptURL(script) : script);

const reader = /** @type {any} */ (self).ZXingWASM;
const ready = reader.prepareZXingModule({
  overrides: { locateFile: () => new URL("vendored/zxing-reader-3.1.4.wasm", self.location.href).href },
  fireImmediately: true,
});

/** Answers ``{ id, text, error, pixels }``; the pixels go back to be filled again. */
self.onmessage = async ({ data }) => {
  const { id, image } = data;
  const pixels = image ? image.data.buffer : null;
  const back = pixels ? [pixels] : [];
  try {
    await ready;
    const found = image
      ? await reader.readBarcodes(image, { formats: ["QRCode", "Code128"], tryHarder: true, tryRotate: true, maxNumberOfSymbols: 1 })
      : [];
    self.postMessage({ id, text: found[0]?.text ?? null, ready: true, pixels }, back);
  } catch (error) {
    self.postMessage({ id, text: null, error: String(error), pixels }, back);
  }
};

// @ts-check
/** The day's work, which no first screen needs: loaded after it. */
export * as scan from "./scan.js";
export { SCREENS } from "./screens.js";
export * as sync from "./sync.js";
export * as worklist from "./worklist.js";

// What a reader would stumble over in the officer's app; types are checked by tsc.
const browser = ["window", "document", "navigator", "location", "history", "crypto", "performance", "indexedDB", "fetch", "caches", "self", "URL", "Blob", "Response", "Request",
  "Worker", "Event", "OffscreenCanvas", "VideoFrame", "TextEncoder", "TextDecoder", "CompressionStream", "AbortController", "DOMException", "IDBKeyRange", "Intl", "Node", "SVGElement", "HTMLScriptElement", "HTMLLinkElement", "dispatchEvent", "setTimeout",
  "clearTimeout", "setInterval", "clearInterval", "addEventListener", "removeEventListener", "scrollTo", "atob", "btoa", "importScripts", "ImageData", "console", "globalThis", "isSecureContext"];

export default [
  {
    files: ["**/*.js"],
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: Object.fromEntries(browser.map((name) => [name, "readonly"])) },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "error", "no-unused-vars": ["error", { args: "after-used", caughtErrors: "none", ignoreRestSiblings: true }], "no-const-assign": "error", "no-dupe-keys": "error",
      "no-unreachable": "error", "no-fallthrough": "error", "no-self-assign": "error", "no-shadow-restricted-names": "error", "no-unsafe-finally": "error",
      "no-eval": "error", "no-implied-eval": "error", "no-new-func": "error", "no-var": "error", "prefer-const": "error", eqeqeq: "error", "no-debugger": "error",
      "no-console": "error", "no-alert": "error", "no-promise-executor-return": "off", "no-loss-of-precision": "error", "valid-typeof": "error", "use-isnan": "error",
      "no-constant-binary-expression": "error", "no-unused-private-class-members": "error", "no-duplicate-imports": "error",
      "no-restricted-properties": ["error", { property: "innerHTML", message: "A name that holds a script stays a name: use dom.js." }, { property: "outerHTML" }, { property: "insertAdjacentHTML" }],
    },
  },
];

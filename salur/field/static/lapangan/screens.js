// @ts-check
/** The screens, in the order of an officer's day. Each is a function from facts to a `Screen` (app.js). */
import { go, lock, offer } from "./app.js";
import { uuid7 } from "./bytes.js";
import * as photo from "./camera.js";
import { append } from "./chain.js";
import { skew, trusted } from "./clock.js";
import { Full, all, hasRoom, having, meta } from "./db.js";
import { Overtaken, device, readInvitation, renewOutboxKey } from "./device.js";
import { fill, h, sign } from "./dom.js";
import { place, slot } from "./evidence.js";
import { languageSwitch, saveExport, sentence } from "./first.js";
import { day, hour, moment, number, rupiah, words } from "./format.js";
import { say, t } from "./i18n.js";
import { choice, notice, plain, primary, toggle } from "./parts.js";
import { now, stayAwake, vibrate } from "./platform.js";
import * as scan from "./scan.js";
import * as sync from "./sync.js";
import * as worklist from "./worklist.js";

/** @typedef {import("./app.js").Screen} Screen */
/** @typedef {{ id: string, float_rp: number, channel: "KTR" | "KOM" | "D2D", opened_ms: number }} Shift */

const REASONS = /** @type {const} */ (["TIDAK_HADIR", "SAKIT", "BEPERGIAN", "BELUM_DIAMBIL", "DATA_BEDA", "MENINGGAL", "PINDAH", "TIDAK_DIKENAL", "GANDA", "TIDAK_BERHAK", "MENOLAK"]);
const PAGE = 40;
const FAR_OFF_MS = 86_400_000;
const FIRST_YEAR = 2022; // a phone whose battery was empty for long wakes up in 1970 or 2020
/** The officer's cash in this shift. */
export async function cash() {
  const shift = /** @type {Shift | null} */ (await meta("shift"));
  if (!shift || !device) return { shift: null, received: 0, paid: 0, left: 0, count: 0 };
  const events = /** @type {import("./chain.js").Kept[]} */ (await all("outbox", IDBKeyRange.bound([device.id], [device.id, []])));
  const mine = events.filter((event) => event.shift === shift.id);
  const back = new Set(mine.filter((event) => event.typ === "VOID").map((event) => event.asg));
  const pays = mine.filter((event) => event.typ === "PAY" && !back.has(event.asg));
  const paid = pays.reduce((sum, event) => sum + event.amt, 0);
  const received = shift.float_rp + mine.filter((event) => event.typ === "CASH").reduce((sum, event) => sum + event.amt, 0);
  return { shift, received, paid, left: received - paid, count: pays.length };
}

/** @type {Record<string, (facts: any) => Promise<Screen>>} */
export const SCREENS = {
  async home() {
    const { shift, received, paid, left } = await cash();
    const done = await worklist.whatWasDone();
    const all = worklist.families.length;
    const paidCount = worklist.families.filter((one) => done.get(one.asg)?.paid || one.paidElsewhere).length;
    const minutes = Math.round(Math.abs(skew().skew_ms) / 60_000);
    /** @type {(Node | null)[]} */
    const body = [minutes > 2 ? notice(t("drift_warn", { n: number(minutes) }), "bad") : null];
    const message = h("div");
    if (!worklist.lists.length) {
      body.push(h("section", { class: "card" }, h("h2", null, t("no_list")), h("p", null, t("no_list_text"))), message);
      const fetching = async () => {
        fill(message, notice(t("working")));
        try {
          await sync.fetchLists();
          if (worklist.lists.length) return go("home", {}, true);
          fill(message, notice(t("no_list_text")));
        } catch (error) {
          fill(message, notice(say(`sync_${error instanceof Error ? error.message : "offline"}`), "bad"));
        }
      };
      return { title: t("home"), body, foot: [primary(t("fetch"), fetching)] };
    }
    for (const list of worklist.lists) {
      body.push(
        h("button", { class: "card list-head", onclick: () => go("list") }, h("small", null, `${list.programme} · ${day(list.day)}`), h("strong", null, t("list_count", { n: number(list.count), sum: rupiah(list.sum_rp) })), h("progress", { max: all, value: paidCount, "aria-label": t("paid_of", { n: paidCount, all }) }), h("span", null, t("paid_of", { n: number(paidCount), all: number(all) })), shift ? null : h("small", null, t("list_compare"))),
      );
    }
    if (!shift) return { title: t("home"), body, foot: [primary(t("open_shift"), () => go("open"))] };
    /** @param {string} label @param {number} amount @param {string} name */
    const line = (label, amount, name) => h("div", { "data-cash": name }, h("dt", null, label), h("dd", null, rupiah(amount)));
    body.push(
      h("dl", { class: "card cash" }, line(t("cash_received"), received, "received"), line(t("cash_paid"), paid, "paid"), line(t("cash_left"), left, "left")),
      h("div", { class: "grid" }, plain(t("search_family"), () => go("list"), "search", { "data-go": "list" }), plain(t("geotag_visits"), () => go("list", { filter: "house" }), "house", { "data-go": "houses" }), plain(t("cash_change"), () => go("cash"), "cash"), plain(t("close_shift"), () => go("close"), "lock")),
    );
    return { title: t("home"), body, foot: [primary(t("scan_pay"), () => go("scan"), { "data-go": "scan" })] };
  },

  async open() {
    const amount = h("input", { id: "float", inputmode: "numeric", autocomplete: "off" });
    const spoken = h("p", { class: "words" });
    amount.addEventListener("input", () => {
      const value = typed(amount);
      amount.value = value === null ? "" : number(value);
      spoken.textContent = value ? words(value) : "";
    });
    /** @type {"KTR" | "KOM" | "D2D"} */
    let channel = "KOM";
    const message = h("div");
    const begin = async () => {
      const float_rp = typed(amount);
      if (float_rp === null) return fill(message, notice(t("amount_needed"), "bad"));
      // A wrong clock never stops a payment, but a day is not begun on it.
      const year = new Date(trusted()).getUTCFullYear();
      if (year < FIRST_YEAR) return fill(message, notice(t("year_block", { year }), "bad"));
      if (Math.abs(skew().skew_ms) > FAR_OFF_MS) return fill(message, notice(t("drift_block"), "bad"));
      await renewOutboxKey();
      /** @type {Shift} */
      const shift = { id: uuid7(now()), float_rp, channel, opened_ms: now() };
      await append({ typ: "OPEN", float_rp, shift: shift.id }, [], (store) => void store.put(shift, "shift"));
      void sync.run();
      return go("home", {}, true);
    };
    return {
      title: t("shift_title"),
      back: true,
      body: [message, h("label", { for: "float" }, t("shift_float")), amount, spoken, h("p", { class: "muted" }, t("shift_count")), choice(t("shift_channel"), /** @type {const} */ (["KOM", "KTR", "D2D"]), channel, (value) => (channel = value))],
      foot: [primary(t("shift_begin"), begin)],
    };
  },

  async list({ filter = "all", query = "" }) {
    const done = await worklist.whatWasDone();
    const field = h("input", { type: "search", id: "query", placeholder: t("search_hint"), "aria-label": t("search_family"), autocomplete: "off", enterkeyhint: "search" });
    field.value = query;
    const houses = filter === "house";
    const found = h("p", { class: "muted", role: "status" });
    const rows = h("ul", { class: "families" });
    let most = PAGE;
    const tests = /** @type {Record<string, (one: import("./worklist.js").Family) => boolean>} */ ({
      all: () => true,
      open: (one) => !done.get(one.asg)?.paid && !done.get(one.asg)?.unpaid && !one.paidElsewhere,
      paid: (one) => Boolean(done.get(one.asg)?.paid),
      failed: (one) => Boolean(done.get(one.asg)?.unpaid && !done.get(one.asg)?.paid),
      house: (one) => !done.get(one.asg)?.house,
    });
    const show = () => {
      const hits = worklist.search(field.value).filter(tests[filter]);
      found.textContent = hits.length ? t(houses ? "houses_left" : "found", { n: number(hits.length) }) : t("found_none");
      fill(rows, ...hits.slice(0, most).map((one) => h("li", null, familyRow(one, done, filter === "house" ? "geotag" : "family"))), hits.length > most ? h("li", null, plain(t("show_more", { n: PAGE }), () => ((most += PAGE), show()))) : null);
      history.replaceState({ name: "list", facts: { filter, query: field.value } }, "");
    };
    field.addEventListener("input", show);
    const tabs = h("div", { class: "tabs" }, ...Object.keys(tests).map((name) => h("button", { "aria-pressed": String(name === filter), onclick: () => go("list", { filter: name, query: field.value }, true) }, say(`filter_${name}`))));
    show();
    return { title: t(houses ? "houses_title" : "list_title"), back: true, body: [field, houses ? null : tabs, found, rows], foot: [primary(t("scan_title"), () => go("scan", houses ? { to: "geotag" } : {}), { "data-go": "scan" })] };
  },

  async scan({ enrol: enrolling = false, to = "family" }) {
    const video = h("video", { muted: true, playsinline: true });
    const message = h("div");
    const code = h("input", { id: "typed", maxlength: 9, autocomplete: "off", autocapitalize: "characters", "aria-label": t("scan_typed"), placeholder: t("scan_typed") });
    /** @type {MediaStream | null} */
    let stream = null;
    let watching = () => {};
    let left = false;
    const leave = () => {
      left = true;
      watching();
      photo.stop(stream);
      scan.release();
    };
    /** @param {string} text @param {"QR" | "TYPED"} how */
    const take = (text, how) => {
      if (left) return;
      if (enrolling) {
        if (readInvitation(text)) go("enrol", { code: text }, true);
        return;
      }
      const one = worklist.familyOfLetter(text);
      if (!one) return fill(message, notice(t(worklist.isFalseLetter(text) ? "scan_false" : "scan_unknown"), "bad"));
      vibrate(40);
      go(to, { asg: one.asg, inv: how }, true);
    };
    code.addEventListener("input", () => {
      if (worklist.codeIsSound(worklist.plainCode(code.value))) take(code.value, "TYPED");
    });
    void scan.works(); // the decoder gets ready while the camera starts
    photo.start(video, photo.CODE).then(
      (started) => {
        stream = started;
        if (left) return photo.stop(stream);
        watching = scan.watch(video, (text) => take(text, "QR"));
      },
      () => fill(message, notice(t("camera_refused"), "bad")),
    );
    return { title: t(enrolling ? "enrol_scan" : "scan_title"), back: true, body: [h("div", { class: "finder" }, video, h("i")), h("p", { class: "center" }, t("scan_hint")), message, enrolling ? null : code], foot: enrolling ? undefined : [plain(t("search_family"), () => go("list", {}, true), "search")], leave };
  },

  async family({ asg, inv = "NONE" }) {
    const one = /** @type {import("./worklist.js").Family} */ (worklist.family(asg));
    const done = (await worklist.whatWasDone()).get(asg);
    const { shift, left } = await cash();
    const stopped = one.held ? t("st_held") : worklist.closed(one) ? t("st_closed") : one.paidElsewhere ? t("st_elsewhere") : null;
    const open = !done?.paid && !stopped;
    const body = [familyCard(one), done?.paid ? notice(`${t("st_paid")} · ${done.paid.receipt}`, "good") : null, stopped ? notice(stopped, "bad") : null, done?.unpaid && !done.paid ? notice(`${t("st_unpaid")}: ${say(done.unpaid.sub)}`) : null, done?.house ? notice(t("house_done"), "good") : null];
    if (!shift) body.push(notice(t("shift_first")));
    else if (open && left < one.amount_rp) body.push(notice(t("short_of_cash", { sum: rupiah(left) }), "bad"));
    const may = Boolean(shift);
    body.push(h("div", { class: "grid" }, done?.paid ? null : plain(t("not_paid"), () => go("unpaid", { asg }), "no", { disabled: !may }), plain(t("geotag"), () => go("geotag", { asg }), "house", { disabled: !may })));
    if (done?.paid?.state === "queued" && may) body.push(plain(t("take_back"), () => go("takeBack", { asg }), "erase"));
    return { title: t("family_title"), back: true, body, foot: open ? [primary(t("pay", { sum: rupiah(one.amount_rp) }), () => go("pay", { asg, inv }), { id: "pay", disabled: !may || left < one.amount_rp })] : [primary(t("next_family"), () => go("scan", {}, true), { "data-go": "scan" })] };
  },

  async pay({ asg, inv }) {
    const one = /** @type {import("./worklist.js").Family} */ (worklist.family(asg));
    const { shift } = await cash();
    if (!shift) return SCREENS.family({ asg, inv });
    const atHome = shift.channel === "D2D";
    const facts = { who: /** @type {"SELF" | "KK" | "WAKIL"} */ ("SELF"), ktp: false, kk: false, sig: false, bare: false };
    const message = h("div");
    const name = h("input", { id: "who", autocomplete: "off", maxlength: 100 });
    const reason = h("input", { id: "why", autocomplete: "off", maxlength: 200 });
    const other = h("div", { hidden: true }, h("label", { for: "who" }, t("who_name")), name);
    const why = h("div", { hidden: true }, h("label", { for: "why" }, t("who_reason")), reason);
    const proxy = worklist.listOf(one.list)?.proxy;
    const may = proxy === "none" ? /** @type {const} */ (["SELF"]) : proxy === "same_family" ? /** @type {const} */ (["SELF", "KK"]) : /** @type {const} */ (["SELF", "KK", "WAKIL"]);
    const button = primary(t("hand_over", { sum: rupiah(one.amount_rp) }), pay, { id: "hand-over" });
    const hint = h("p", { class: "hint", role: "status" });
    const refused = () => {
      fill(message, notice(t("camera_refused"), "bad"));
      facts.bare = true;
      ready();
    };
    const slots = [slot("KPM", ready, refused), ...(atHome ? [slot("RUMAH", ready, refused)] : [])];
    const where = place(ready);
    const bare = toggle(t("no_photo"), (on) => ((facts.bare = on), ready()), "bare");
    const awake = stayAwake();
    void hasRoom().then((room) => {
      if (!room) {
        fill(message, notice(t("full"), "bad"));
        button.disabled = true;
      }
    });
    function ready() {
      /** @type {import("./i18n.js").Key | null} */
      const missing = facts.who !== "SELF" && !name.value.trim() ? "need_name" : facts.who === "WAKIL" && !reason.value.trim() ? "need_reason" : !facts.ktp && !facts.kk ? "need_ktp" : !slots[0].shot() && facts.who === "WAKIL" ? "need_proxy_photo" : !slots[0].shot() && !facts.bare ? "need_photo" : atHome && !slots[1].shot() && !facts.bare ? "need_house" : !where.ready() ? "need_place" : null;
      button.disabled = missing !== null;
      hint.textContent = missing ? t(missing) : facts.bare && !slots[0].shot() ? t("no_photo_note") : "";
    }
    async function pay() {
      const tapped = performance.now();
      button.disabled = true; // one tap, one payment
      const shots = /** @type {import("./chain.js").Shot[]} */ (slots.map((one) => one.shot()).filter(Boolean));
      const pay_to = { who: facts.who, name: facts.who === "SELF" ? "" : name.value.trim(), reason: facts.who === "WAKIL" ? reason.value.trim() : "" };
      const ver = { inv, ktp: facts.ktp ? "SEEN" : "NONE", kk: facts.kk ? "SEEN" : "NONE", sig: facts.sig ? "PAPER" : "NONE" };
      try {
        const kept = await append({ typ: "PAY", wl: one.list, asg, amt: one.amount_rp, cur: "IDR", ch: /** @type {Shift} */ (shift).channel, pay_to, ver, ...where.value() }, shots);
        performance.measure("tap to durable receipt", { start: tapped, end: performance.now() });
        vibrate(60);
        go("receipt", { seq: kept.seq }, true);
        void sync.run();
      } catch (error) {
        fill(message, notice(sentence(error), "bad"));
        ready();
        if (error instanceof Overtaken) button.disabled = true;
        else if (!(error instanceof Full)) throw error;
      }
    }
    for (const field of [name, reason]) field.addEventListener("input", ready);
    ready();
    return {
      title: t("pay_title"),
      back: true,
      body: [familyCard(one, true), choice(t("who"), may, "SELF", (who) => ((facts.who = who), (other.hidden = who === "SELF"), (why.hidden = who !== "WAKIL"), ready())), proxy === "none" ? h("p", { class: "muted" }, t("proxy_none")) : null, other, why, h("section", null, h("h2", null, t("checked")), h("div", { class: "toggles" }, toggle(t("ktp"), (on) => ((facts.ktp = on), ready()), "ktp"), toggle(t("kk"), (on) => ((facts.kk = on), ready()), "kk"), toggle(t("signed"), (on) => (facts.sig = on), "sig"))), h("section", null, h("h2", null, t("evidence")), h("div", { class: "slots" }, ...slots.map((one) => one.view)), bare), where.view, message],
      foot: [hint, button],
      leave: () => (where.stop(), slots.forEach((one) => one.stop()), void awake.then((release) => release())),
    };
  },

  async receipt({ seq }) {
    const kept = (await all("outbox", IDBKeyRange.only([device?.id, seq])))[0];
    const one = worklist.family(kept.asg);
    const state = h("p", { class: "center" });
    const show = async () => {
      const fresh = (await all("outbox", IDBKeyRange.only([device?.id, seq])))[0];
      fill(state, sign(fresh.answer ? "check" : "wait"), " ", fresh.answer ? say(fresh.answer) : t("receipt_wait"));
      state.dataset.state = fresh.state;
    };
    await show();
    const title = kept.typ === "PAY" ? t("receipt") : t(kept.typ === "UNPAID" ? "unpaid_done" : kept.typ === "VOID" ? "taken_back" : "geotag_done");
    return {
      title,
      body: [h("div", { class: "receipt" }, sign("check", "huge"), h("p", { class: "big" }, title), h("p", { class: "muted" }, one?.name ?? ""), kept.typ === "PAY" ? h("p", { class: "amount" }, rupiah(kept.amt)) : null, kept.typ === "PAY" ? h("p", { class: "words" }, words(kept.amt)) : null, h("p", null, t("receipt_no")), h("p", { class: "code", id: "receipt" }, kept.receipt), h("p", { class: "muted" }, hour(kept.cap_ms)), state), plain(t("to_home"), () => go("home", {}, true), undefined, { "data-go": "home" })],
      foot: [kept.typ === "EVID" ? primary(t("geotag_next"), () => go("list", { filter: "house" }, true), { "data-go": "houses" }) : primary(t("next_family"), () => go("scan", {}, true), { "data-go": "scan" })],
      leave: sync.onChange(() => void show()),
    };
  },

  async unpaid({ asg }) {
    const one = /** @type {import("./worklist.js").Family} */ (worklist.family(asg));
    /** @type {typeof REASONS[number] | ""} */
    let reason = "";
    const note = h("input", { id: "note", maxlength: 300, autocomplete: "off" });
    const where = place(() => {});
    const button = primary(t("unpaid_do"), save, { disabled: true });
    async function save() {
      button.disabled = true;
      const kept = await append({ typ: "UNPAID", wl: one.list, asg, reason, note: note.value.trim(), ...where.value() });
      go("receipt", { seq: kept.seq }, true);
      void sync.run();
    }
    const group = choice(t("unpaid_title"), REASONS, /** @type {any} */ (""), (value) => ((reason = value), (button.disabled = false)));
    group.classList.add("reasons");
    return { title: t("not_paid"), back: true, body: [familyCard(one, true), group, h("label", { for: "note" }, t("note")), note, where.view], foot: [button], leave: where.stop };
  },

  async geotag({ asg }) {
    const one = /** @type {import("./worklist.js").Family} */ (worklist.family(asg));
    const message = h("div");
    const button = primary(t("geotag_do"), save, { id: "geotag", disabled: true });
    const house = slot("RUMAH", ready, () => fill(message, notice(t("camera_refused"), "bad")));
    const where = place(ready);
    function ready() {
      const value = where.value();
      button.disabled = !house.shot() || !("geo" in value);
      fill(message, "geo_err" in value && value.geo_err === 1 ? notice(t("no_geotag_place"), "bad") : null);
    }
    async function save() {
      button.disabled = true;
      const kept = await append({ typ: "EVID", wl: one.list, asg, what: "RUMAH", ...where.value() }, [/** @type {import("./chain.js").Shot} */ (house.shot())]);
      go("receipt", { seq: kept.seq }, true);
      void sync.run();
    }
    return { title: t("geotag_title"), back: true, body: [familyCard(one, true), h("div", { class: "slots" }, house.view), where.view, message], foot: [button], leave: () => (where.stop(), house.stop()) };
  },

  async takeBack({ asg }) {
    const one = /** @type {import("./worklist.js").Family} */ (worklist.family(asg));
    const paid = (await worklist.whatWasDone()).get(asg)?.paid;
    const reason = h("input", { id: "reason", maxlength: 300, autocomplete: "off" });
    const button = primary(t("take_back_do", { sum: rupiah(one.amount_rp) }), save, { disabled: true });
    reason.addEventListener("input", () => (button.disabled = reason.value.trim().length < 3));
    async function save() {
      button.disabled = true;
      const kept = await append({ typ: "VOID", wl: one.list, asg, pay: /** @type {any} */ (paid).id, reason: reason.value.trim() });
      go("receipt", { seq: kept.seq }, true);
      void sync.run();
    }
    return { title: t("take_back"), back: true, body: [familyCard(one, true), h("label", { for: "reason" }, t("take_back_reason")), reason], foot: [button] };
  },

  async cash() {
    const { left } = await cash();
    const amount = h("input", { id: "cash", inputmode: "numeric", autocomplete: "off" });
    let way = "cash_take";
    const message = h("div");
    const save = async () => {
      const value = typed(amount);
      if (!value) return fill(message, notice(t("amount_needed"), "bad"));
      if (way === "cash_give" && value > left) return fill(message, notice(t("cash_too_much"), "bad"));
      await append({ typ: "CASH", amt: way === "cash_give" ? -value : value });
      void sync.run();
      return go("home", {}, true);
    };
    const button = primary(t("cash_do", { sum: rupiah(0) }), save);
    amount.addEventListener("input", () => {
      const value = typed(amount);
      amount.value = value === null ? "" : number(value);
      button.textContent = t("cash_do", { sum: rupiah(value ?? 0) });
    });
    return { title: t("cash_title"), back: true, body: [message, choice(t("cash_title"), /** @type {const} */ (["cash_take", "cash_give"]), "cash_take", (value) => (way = value)), h("label", { for: "cash" }, t("shift_float")), amount], foot: [button] };
  },

  async close() {
    const { paid, left, count } = await cash();
    const { unsent, photos } = await sync.numbers();
    const amount = h("input", { id: "left", inputmode: "numeric", autocomplete: "off" });
    const message = h("div");
    let warned = false;
    const button = primary(t("close_do", { sum: rupiah(left) }), save, { disabled: unsent > 0 });
    amount.addEventListener("input", () => {
      const value = typed(amount);
      amount.value = value === null ? "" : number(value);
      warned = false;
      fill(message);
      button.textContent = t("close_do", { sum: rupiah(value ?? left) });
    });
    async function save() {
      const left_rp = typed(amount);
      if (left_rp === null) return fill(message, notice(t("amount_needed"), "bad"));
      if (left_rp !== left && !warned) {
        warned = true;
        button.textContent = t("close_anyway");
        return fill(message, notice(t("close_differs", { sum: rupiah(left_rp - left) }), "bad"));
      }
      button.disabled = true;
      // Another tab may have paid since this was drawn: a day is closed on what it shows, or not at all.
      const [again, waiting] = [await cash(), await sync.numbers()];
      if (!again.shift || again.count !== count || again.left !== left || waiting.unsent) return go("close", {}, true);
      await append({ typ: "CLOSE", paid: count, paid_rp: paid, left_rp }, [], (store) => void store.put(null, "shift"));
      await sync.run();
      return go("closed", { paid, count, left_rp }, true);
    }
    /** @param {string} label @param {string} value */
    const line = (label, value) => h("div", null, h("dt", null, label), h("dd", null, value));
    return {
      title: t("close_title"),
      back: true,
      body: [unsent ? notice(t("close_blocked", { n: unsent }), "bad") : null, photos ? notice(t("close_photos", { n: photos })) : null, h("dl", { class: "card cash" }, line(t("close_families"), number(count)), line(t("cash_paid"), rupiah(paid)), line(t("cash_left"), rupiah(left))), h("label", { for: "left" }, t("close_left")), amount, message],
      foot: [button],
    };
  },

  async closed({ paid, count, left_rp }) {
    return { title: t("closed"), body: [h("div", { class: "receipt" }, sign("check", "huge"), h("p", { class: "big" }, t("closed")), h("p", { class: "amount" }, rupiah(paid)), h("p", null, t("paid_of", { n: number(count), all: number(worklist.families.length) })), h("p", null, `${t("cash_give")}: ${rupiah(left_rp)}`), h("p", { class: "muted" }, t("closed_text")))], foot: [primary(t("to_home"), () => go("home", {}, true))] };
  },

  async outbox() {
    const { unsent, photos, action } = await sync.numbers();
    /** @param {string} label @param {number} count */
    const line = (label, count) => h("div", null, h("dt", null, label), h("dd", null, number(count)));
    const hard = /** @type {import("./chain.js").Kept[]} */ (await having("outbox", "state", "action"));
    const flagged = /** @type {import("./chain.js").Kept[]} */ (await having("outbox", "state", "done", 2000)).filter((one) => one.answer === "ACCEPTED_FLAGGED");
    /** @param {import("./chain.js").Kept} kept @param {string} kind */
    const item = (kept, kind) => h("li", { class: `card ${kind}` }, sign(kind === "bad" ? "warn" : "check"), h("div", null, h("strong", null, kept.asg ? (worklist.family(kept.asg)?.name ?? "") : ""), h("p", null, `${say(kept.typ)} ${kept.typ === "PAY" ? rupiah(kept.amt) : ""} · ${hour(kept.cap_ms)}`), h("p", null, say(kept.answer ?? "queued"))));
    return {
      title: t("outbox_title"),
      back: true,
      body: [h("p", { role: "status" }, sync.line(unsent + photos)), h("dl", { class: "card cash" }, line(t("unsent"), unsent), line(t("photos"), photos), line(t("action"), action)), sync.status.at ? h("p", { class: "muted" }, t("last_sync", { hour: hour(sync.status.at) })) : null, hard.length ? h("ul", { class: "items" }, ...hard.map((one) => item(one, "bad"))) : h("p", null, t("action_none")), flagged.length ? h("ul", { class: "items" }, ...flagged.slice(-10).map((one) => item(one, "flag"))) : null, plain(t("export"), saveExport, "up")],
      foot: [primary(t("sync_now"), async () => (await sync.run(), go("outbox", {}, true)))],
    };
  },

  async more() {
    const refilled = await meta("refilled");
    return {
      title: t("more_title"),
      back: true,
      body: [device && !device.persisted ? notice(t("not_persisted")) : null, refilled ? notice(t("refilled", { when: moment(refilled) })) : null, h("section", { class: "card" }, h("h2", null, t("this_phone")), h("p", null, `${device?.officerName ?? ""} · ${device?.branchName ?? ""}`), h("p", { class: "muted" }, device?.id ?? "")), languageSwitch("home"), plain(t("selftest"), () => go("trial"), "wait"), plain(t("refresh_list"), async () => (await sync.refresh(), go("home", {}, true)), "refresh"), offer ? plain(t("install"), () => /** @type {any} */ (offer).prompt(), "up") : null, plain(t("export"), saveExport, "up"), plain(t("lock_now"), lock, "lock")],
    };
  },
};

/** The whole rupiah in a field; null when there are none. @param {HTMLInputElement} field */
function typed(field) {
  const digits = field.value.replace(/\D/g, "");
  return digits && digits.length <= 12 ? Number(digits) : null;
}

/** @param {import("./worklist.js").Family} one */
const address = (one) => [one.address, one.rt && `RT ${one.rt}`, one.rw && `RW ${one.rw}`, worklist.listOf(one.list)?.places?.[one.village]].filter(Boolean).join(", ");

/** @param {import("./worklist.js").Family} one @param {boolean} [small] */
const familyCard = (one, small = false) => h("article", { class: `card kpm ${small ? "small" : ""}` }, h("p", { class: "muted" }, [t("number_on_list", { n: one.no }), one.number, one.born && t("born", { year: one.born })].filter(Boolean).join(" · ")), h("h2", null, one.name), h("p", null, address(one)), h("p", { class: "amount" }, rupiah(one.amount_rp)), h("p", { class: "words" }, words(one.amount_rp)));

/** @param {import("./worklist.js").Family} one @param {Map<string, import("./worklist.js").Done>} done @param {string} to */
function familyRow(one, done, to) {
  const it = done.get(one.asg);
  const [icon, kind, key] = it?.action ? ["warn", "bad", "st_action"] : it?.paid ? ["check", "good", "st_paid"] : one.held ? ["stop", "bad", "st_held"] : worklist.closed(one) ? ["stop", "bad", "st_closed"] : one.paidElsewhere ? ["check", "good", "st_elsewhere"] : it?.unpaid ? ["no", "poor", "st_unpaid"] : ["wait", "", "st_open"];
  return h("button", { class: "family", onclick: () => go(to, { asg: one.asg, inv: "NONE" }) }, h("span", { class: "no" }, one.no), h("span", { class: "who" }, h("strong", null, one.name), h("small", null, address(one)), h("small", { class: `state ${kind}` }, sign(icon), say(key), it?.house ? sign("house") : null)), h("span", { class: "rp" }, rupiah(one.amount_rp)));
}

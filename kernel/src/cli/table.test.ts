/** The table: what is in it, and that it fits. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FleetRow, FleetSnapshot } from "../node/fleet/mod.ts";
import { durationText, latencyText, rateText, sizeText } from "./amounts.ts";
import { fleetTable } from "./table.ts";

const busy: FleetRow = {
  kind: "service",
  group: "notifications",
  services: ["notifications"],
  instance: "notifications-12",
  pid: 4_194_303,
  state: "crash loop",
  upMs: 86_399_000,
  restarts: 120,
  callsPerSecond: 12_345,
  faultsPerSecond: 1_234,
  p50Ms: 123.4,
  p99Ms: 54_321,
  cpu: 1.98,
  rssBytes: 1.5 * 2 ** 30,
  address: "127.0.0.1:54321",
  version: "0.1.0+12",
};
const gateway: FleetRow = {
  kind: "gateway",
  group: "gateway",
  services: [],
  instance: "gateway-1",
  pid: 77,
  state: "ready",
  upMs: 5_000,
  restarts: 0,
  callsPerSecond: 40,
  faultsPerSecond: 0,
  p50Ms: 0.42,
  p99Ms: 9.2,
  cpu: 0.05,
  rssBytes: 90 * 2 ** 20,
  address: "http://127.0.0.1:3000",
  version: "0.1.0",
};
const engine: FleetRow = {
  kind: "engine",
  group: "postgres",
  services: [],
  instance: "postgres",
  pid: 12,
  state: "running",
  restarts: 0,
  address: "127.0.0.1:5433",
  version: "",
};
const snapshot: FleetSnapshot = {
  system: "Shop",
  folder: "/fleet",
  gateways: ["http://127.0.0.1:3000"],
  rows: [engine, busy, gateway],
};
const plain = { rowsMax: 50, isColoured: false };

describe("the table", () => {
  test("fits 80 columns with what matters most: it leaves out ids of processes and addresses", () => {
    assert.deepEqual(fleetTable(snapshot, { ...plain, columns: 80 }), [
      "Shop  ·  1 of 2 ready  ·  40 requests/s  ·  203 % CPU  ·  1.6G",
      "http://127.0.0.1:3000",
      "INSTANCE         STATE          UP RST CALL/S ERR/S  P50  P99 CPU%  RSS VERSION",
      "gateway-1        ready          5s         40     0 0.42  9.2    5  90M 0.1.0",
      "notifications-12 crash loop 23h59m 120    12k  1.2k  123  54s  198 1.5G 0.1.0+12",
      "postgres         running         -          -     -    -    -    -    -",
    ]);
  });

  test("shows everything in 120 columns", () => {
    const [, , title = "", , line = ""] = fleetTable(snapshot, { ...plain, columns: 120 });
    assert.match(title, /INSTANCE +PID +STATE +UP +RST +CALL\/S +ERR\/S +P50 +P99 +CPU% +RSS +VERSION/);
    assert.match(line, /^notifications-12 +4194303 +crash loop +.* 0\.1\.0\+12 +127\.0\.0\.1:54321$/);
  });

  test("is never wider than the terminal, down to 60 columns", () => {
    for (let columns = 60; columns < 200; columns += 1)
      for (const line of fleetTable({ ...snapshot, change: "roll of all" }, { ...plain, columns }))
        assert.ok(line.length <= columns, `${columns}: ${line}`);
  });

  test("says which change is under way where it is not cut off", () => {
    const [heading = ""] = fleetTable({ ...snapshot, change: "moving cart to shopping" }, { ...plain, columns: 60 });
    assert.ok(heading.startsWith("Shop  ·  1 of 2 ready  ·  moving cart to shopping  ·"), heading);
  });

  test("is never higher than the terminal, and says how much it leaves out", () => {
    const rows = Array.from({ length: 30 }, (_, n) => ({ ...gateway, instance: `gateway-${n}` }));
    const lines = fleetTable({ ...snapshot, rows }, { columns: 80, rowsMax: 12, isColoured: false });
    assert.equal(lines.length, 12);
    assert.equal(lines.at(-1), "… and 22 more: isomer ps");
    assert.equal(fleetTable({ ...snapshot, rows }, { columns: 80, rowsMax: 33, isColoured: false }).length, 33);
  });

  test("leaves out first what is well", () => {
    const rows = [...Array.from({ length: 30 }, (_, n) => ({ ...gateway, instance: `gateway-${n}` })), busy];
    const lines = fleetTable({ ...snapshot, rows }, { columns: 80, rowsMax: 8, isColoured: false });
    assert.deepEqual(
      lines.slice(3).map((line) => line.split(" ", 1)[0]),
      ["gateway-0", "gateway-1", "gateway-2", "notifications-12", "…"],
    );
  });

  test("says what is in a process that holds more than one service, and why one waits", () => {
    const rows = [
      { ...busy, services: ["cart", "orders"], state: "ready" },
      { ...busy, note: "again in 7 s" },
    ];
    const lines = fleetTable({ ...snapshot, rows }, { ...plain, columns: 140 });
    assert.match(lines[3] ?? "", /cart, orders$/);
    assert.match(lines[4] ?? "", /again in 7 s$/);
  });

  test("says of a service in another language where it is and what it is, and nothing of its calls", () => {
    const { callsPerSecond: _, faultsPerSecond: __, p50Ms: ___, p99Ms: ____, ...seen } = gateway;
    const row = { ...seen, kind: "service" as const, address: "127.0.0.1:4001", program: "python3 giftwrap.py" };
    const [, , , line = ""] = fleetTable({ ...snapshot, rows: [row] }, { ...plain, columns: 140 });
    assert.match(line, /ready +5s +- +- +- +- +5 +90M +0\.1\.0 +127\.0\.0\.1:4001 python3 giftwrap\.py$/);
  });

  test("colours states, and nothing moves for it", () => {
    const coloured = fleetTable(snapshot, { columns: 120, rowsMax: 50, isColoured: true });
    assert.ok(coloured[3]?.includes("\u001B[32mready     \u001B[0m"));
    assert.ok(coloured[4]?.includes("\u001B[31mcrash loop\u001B[0m"));
    // oxlint-disable-next-line no-control-regex -- escape sequences are what is taken away
    const bare = coloured.map((line) => line.replaceAll(/\u001B\[\d+m/g, ""));
    assert.deepEqual(bare, fleetTable(snapshot, { ...plain, columns: 120 }));
  });
});

test("amounts take few characters at every size", () => {
  assert.deepEqual([0, 59_999, 60_000, 3_599_999, 3_600_000, 100 * 86_400_000].map(durationText), [
    "0s",
    "59s",
    "1m00s",
    "59m59s",
    "1h00m",
    "100d0h",
  ]);
  assert.deepEqual([0, 0.04, 0.44, 9.94, 9.96, 999.4, 999.6, 9_949, 9_951, 123_456].map(rateText), [
    "0",
    "0.0",
    "0.4",
    "9.9",
    "10",
    "999",
    "1.0k",
    "9.9k",
    "10k",
    "123k",
  ]);
  assert.deepEqual([0.004, 0.99, 1, 9.94, 10, 999.6, 12_345].map(latencyText), [
    "0.00",
    "0.99",
    "1.0",
    "9.9",
    "10",
    "1.0s",
    "12s",
  ]);
  assert.deepEqual([0, 999.4 * 2 ** 20, 999.6 * 2 ** 20, 12 * 2 ** 30].map(sizeText), ["0M", "999M", "1.0G", "12G"]);
});

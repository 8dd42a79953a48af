/**
 * The disk of one service of a fleet is full: its tables are moved to a small disk of their own, that is filled up under
 * load, and emptied again. Whoever asks it hears that it will pass; others go on; with room it goes on by itself.
 */
import assert from "node:assert/strict";
import { chownSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Answer, ShopClient } from "../client.ts";
import type { FleetProcess } from "../fleet-process.ts";
import { until } from "../open-shop.ts";
import { TightDisk } from "./tight-disk.ts";

const SERVICE = "cart";
const MEGABYTES = 64;
const REFUSALS = 10;
const WRITES_MAX = 5_000;
/** Moving tables locks them, and may be in the way of transactions that run: then it is tried again. */
const MOVES_MAX = 20;
/** What clients may be told: that there is no room, or that the service is left alone for a while. */
const CODES = new Set(["store/disk-full", "kernel/breaker-open"]);

/** Lets people shop meanwhile. Resolves to what was done, for people to read. */
export async function fullDisk(
  fleet: FleetProcess,
  client: ShopClient,
  shopping: () => Promise<void>,
): Promise<string> {
  using disk = new TightDisk(MEGABYTES);
  const { restarts } = await fleet.of(SERVICE);
  const session = await client.post("/v1/guests", {});
  const guest = client.as(String(session.body.accessToken));
  await move(fleet, join(disk.folder, "tables"));
  try {
    disk.fill();
    const shopped = shopping();
    const [refusals, writes] = await refusedBy(guest);
    for (const refusal of refusals) checkRefusal(refusal);
    await othersGoOn(client);
    disk.free();
    await until(
      "a cart is made",
      () => newCart(guest, "refused"),
      ({ status }) => status === 201,
      60_000,
    );
    await shopped;
    assert.equal((await fleet.of(SERVICE)).restarts, restarts, `${SERVICE} died`);
    return `${SERVICE} refused ${refusals.length} of ${writes} writes for want of room, and went on when there was some`;
  } finally {
    disk.free();
    await moveBack(fleet);
  }
}

/** Writes until some were refused. Files have some room left in them: sooner or later each write needs more. */
async function refusedBy(guest: ShopClient): Promise<readonly [refusals: readonly Answer[], writes: number]> {
  const refusals: Answer[] = [];
  let writes = 0;
  for (; refusals.length < REFUSALS; writes += 1) {
    assert.ok(writes < WRITES_MAX, "the disk does not get full");
    const answer = await newCart(guest, refusals.length === 0 ? `full-${writes}` : "refused");
    if (answer.status !== 201) refusals.push(answer);
  }
  return [refusals, writes];
}

function newCart(guest: ShopClient, key: string): Promise<Answer> {
  return guest.post("/v1/carts", { currency: "EUR", country: "DE" }, { key });
}

function checkRefusal({ status, headers, body }: Answer): void {
  assert.equal(status, 503, JSON.stringify(body));
  assert.ok(CODES.has(body.code), String(body.code));
  assert.ok(Number(headers["retry-after"]) > 0);
  assert.doesNotMatch(JSON.stringify(body), /53100|could not extend|SELECT|INSERT|\bat \w+ \(/);
}

async function othersGoOn(client: ShopClient): Promise<void> {
  const list = await client.get("/v1/storefront/products?currency=EUR&limit=5");
  assert.equal(list.status, 200);
  const [{ slug }] = list.body.items;
  assert.equal((await client.get(`/v1/storefront/products/${slug}?currency=EUR`)).status, 200);
  assert.equal((await client.post("/v1/guests", {})).status, 201);
}

async function move(fleet: FleetProcess, folder: string): Promise<void> {
  // The server may be another user's process.
  const { uid, gid } = statSync(join(fleet.folder, "engines", "postgres", "data"));
  mkdirSync(folder, { mode: 0o700 });
  chownSync(folder, uid, gid);
  await fleet.asSuperuser(SERVICE, (admin) => admin.query(`CREATE TABLESPACE tight LOCATION '${folder}'`));
  await moveTables(fleet, "pg_default", "tight");
}

async function moveBack(fleet: FleetProcess): Promise<void> {
  await moveTables(fleet, "tight", "pg_default");
  await fleet.asSuperuser(SERVICE, (admin) => admin.query("DROP TABLESPACE tight"));
}

async function moveTables(fleet: FleetProcess, from: string, to: string): Promise<void> {
  await fleet.asSuperuser(SERVICE, async (admin) => {
    for (const kind of ["TABLE", "INDEX"]) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await admin.query(`ALTER ${kind} ALL IN TABLESPACE ${from} SET TABLESPACE ${to}`);
          break;
        } catch (error) {
          if (attempt === MOVES_MAX || (error as { code?: string }).code !== "40P01") throw error;
        }
      }
    }
  });
}

/**
 * `node commerce/testing/invariants/main.ts [data folder]`: checks the books of a shop that has settled, running or
 * stopped. Answers of commands and inboxes are kept for a week: in an older shop their absence is no loss.
 */
import { shop } from "../../system.ts";
import { checkShop, describeViolations } from "./check.ts";
import { openShopData } from "./data.ts";
import { listenersOf } from "./events.ts";
import { underWay } from "./settling.ts";

const folder = process.argv[2] ?? "data";
const services = shop.services.map(({ contract }) => contract.name);
using data = openShopData(folder, services);
if (data.services.length === 0) throw new Error(`There are no databases of a shop in ${folder}.`);
const listeners = listenersOf(shop);
const left = underWay(data, listeners);
if (left.length > 0) console.log(`Not at rest: ${left.join("; ")}. What is under way may show as broken.`);
const violations = await checkShop(data, { listeners });
console.log(violations.length === 0 ? `All invariants hold in ${folder}.` : describeViolations(violations));
process.exitCode = violations.length === 0 ? 0 : 1;

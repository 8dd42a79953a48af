/** A service that is no host of ours: it listens where it is told, with the certificate that it is given, and notes its life. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createServer } from "node:tls";

const told = process.env;
const note = (what: string): void =>
  appendFileSync(
    join(told["ISOMER_DATA"] ?? "", "../../diary.txt"),
    `${what} ${told["ISOMER_INSTANCE"]} ${process.pid}\n`,
  );
if (told["FAKE_PROGRAM"] === "crash") {
  process.stderr.write("crashed as told\n");
  process.exit(1);
}
const pem = readFileSync(join(told["ISOMER_IDENTITY"] ?? "", `service-${told["ISOMER_SERVICE"]}.pem`), "utf8");
const server = createServer({ cert: pem, key: pem }, (socket) => socket.on("error", () => undefined).end("hello"));
server.on("tlsClientError", () => undefined);
server.listen(Number(told["ISOMER_PORT"]), told["ISOMER_HOST"], () => {
  note("ready");
  process.stdout.write(`${JSON.stringify({ level: "info", message: "listening", told: ownPart(told) })}\n`);
});
const end = (): void => {
  note("ends");
  process.exit(0);
};
process.on("SIGTERM", end);
process.stdin.on("end", end).resume();

function ownPart(environment: NodeJS.ProcessEnv): object {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => /^ISOMER_|^WRAPS/.test(name)));
}

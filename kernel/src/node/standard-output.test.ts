import assert from "node:assert/strict";
import { test } from "node:test";
import { fileWriter } from "./standard-output.ts";

/** A file that has so much room, and its text. */
function fileOf(room: number) {
  const file = { room, text: "" };
  const write = (bytes: Uint8Array): number => {
    if (file.room === 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const taken = Math.min(file.room, bytes.length);
    file.room -= taken;
    file.text += Buffer.from(bytes.subarray(0, taken)).toString();
    return taken;
  };
  return { file, writeLine: fileWriter(write) };
}

void test("what a full file does not take is counted, and said when there is room again", () => {
  const { file, writeLine } = fileOf(10);
  writeLine("one line\n");
  for (const line of ["two lines\n", "three\n", "four\n"]) writeLine(line);
  file.room = 1_000;
  writeLine("five\n");
  writeLine("six\n");
  const [first, cut, lost, ...rest] = file.text.split("\n");
  assert.deepEqual([first, cut, rest], ["one line", "t", ["five", "six", ""]]);
  assert.equal((JSON.parse(lost ?? "") as { lost: number }).lost, 3);
});

void test("a line that is taken in parts is written once", () => {
  const texts: string[] = [];
  const writeLine = fileWriter((bytes) => {
    const taken = Math.min(3, bytes.length);
    texts.push(Buffer.from(bytes.subarray(0, taken)).toString());
    return taken;
  });
  writeLine("one line\n");
  writeLine("two\n");
  assert.equal(texts.join(""), "one line\ntwo\n");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback, networkOf } from "./client-network.ts";

test("this machine's own addresses are known", () => {
  for (const own of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) assert.ok(isLoopback(own), own);
  for (const other of ["10.0.0.1", "128.0.0.1", "::2", "::ffff:10.0.0.1", "2001:db8::127"]) {
    assert.ok(!isLoopback(other), other);
  }
});

test("an IPv4 address is a client, an IPv6 address stands for its /64", () => {
  for (const [address, network] of [
    ["203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::6", "2001:db8:1:2::/64"],
    ["2001:0db8:0001:0002::", "2001:db8:1:2::/64"],
    ["2001:db8::6", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
  ] as const) {
    assert.equal(networkOf(address), network);
  }
});

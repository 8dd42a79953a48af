"""The gift wrapping service: says what it costs to wrap a product, and wraps it. Written in another language than the
system that it belongs to; its contract is `giftwrap` of contracts.ts.

    python3 giftwrap.py <folder of its credentials> <trust domain> <base URL of the system>
"""
import sys
import threading

from isomer import Client, Credentials, Fault, serve

PAPERS = {"plain": 150, "gold": 400}

# What was done under which key: a call that is repeated is answered, not done again. In life this is a table.
wrapped = {}
lock = threading.Lock()


def main(folder, trust_domain, base_url):
    credentials = Credentials(folder, "giftwrap", trust_domain)
    shop = Client("giftwrap", credentials, base_url)

    def quote(given, call):
        product = shop.call("catalog", "product", {"sku": given["sku"]}, within=call)
        if product["weightGrams"] > 20_000:
            message = f"{product['name']} is too heavy to be wrapped; offer a card instead."
            raise Fault("giftwrap/too-heavy", "conflict", message, {"weightGrams": product["weightGrams"]})
        # `papers` is newer than the contract of some callers: they leave it out.
        return {"amount": PAPERS[given["paper"]], "label": f"{product['name']} in {given['paper']} paper", "papers": 2}

    def wrap(given, call):
        with lock:
            if call.key not in wrapped:
                wrapped[call.key] = {"wrapId": f"wrap-{len(wrapped) + 1}"}
            return wrapped[call.key]

    server = serve("giftwrap", credentials, {"quote": quote, "wrap": wrap}, allowed={"desk"})
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:4])

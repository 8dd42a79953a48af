"""The gift wrapping service: says what it costs to wrap a product, and wraps it. Written in another language than the
system that it belongs to; its contract is `giftwrap` of contracts.ts. A fleet starts it, and tells it all it needs to know
by its environment: see isomer.py.
"""
import threading

from isomer import Client, Fault, Settings, serve

PAPERS = {"plain": 150, "gold": 400}
GRAMS_MAX = 20_000

# What was done under which key: a call that is repeated is answered, not done again. In life this is a table.
wrapped = {}
lock = threading.Lock()


def main():
    settings = Settings()
    shop = Client(settings)

    def quote(given, call):
        variants = shop.call("catalog", "variants", {"skus": [given["sku"]]}, within=call)["variants"]
        if not variants:
            raise Fault("giftwrap/unknown-product", "missing", f"There is no {given['sku']}.", {"sku": given["sku"]})
        title, grams = variants[0]["title"], variants[0]["weightGrams"]
        if grams > GRAMS_MAX:
            message = f"{title} is too heavy to be wrapped; offer a card instead."
            raise Fault("giftwrap/too-heavy", "conflict", message, {"weightGrams": grams})
        # `papers` is newer than the contract of some callers: they leave it out.
        return {"amount": PAPERS[given["paper"]], "label": f"{title} in {given['paper']} paper", "papers": 2}

    def wrap(given, call):
        with lock:
            if call.key not in wrapped:
                wrapped[call.key] = {"wrapId": f"wrap-{len(wrapped) + 1}"}
            return wrapped[call.key]

    serve(settings, {"quote": quote, "wrap": wrap})


if __name__ == "__main__":
    main()

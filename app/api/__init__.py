"""HTTP in JSON: translators that parse, call one use case and answer. No rule of the product lives here."""

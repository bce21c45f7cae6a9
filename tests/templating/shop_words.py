"""What the calls of a shop are about, for prompts that tests make."""

TOPICS = [
    "late parcels",
    "a torn sleeve",
    "gift cards",
    "two refunds",
    "wrong size",
    "slow login",
    "an open invoice",
    "the new app",
]

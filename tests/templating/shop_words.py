"""Words of a shop's calls, for prompts that tests make."""

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

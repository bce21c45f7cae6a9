"""The Grouping tab of Flower and its metrics, without a fork."""
